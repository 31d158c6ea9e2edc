// The bus, and the members of the organisation.
import { badge, el, fill, table } from './dom.js'
import { sumOf } from './metrics.js'
import { short } from './model.js'

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function busPanel({ store }) {
  const body = el('div', {})
  store.read((state) => fill(body, busOf(state)))
  return { root: el('div', {}, el('h2', {}, 'Bus and records'), body) }
}

/** @param {import('./store.js').State} state */
function busOf({ topology, samples }) {
  const { bus, root, gossip, events } = topology
  const own = sumOf(samples, 'banyan_gossip_own_record_timestamp_seconds')
  const figures = [
    [
      'Bus',
      badge(bus.state, bus.state === 'none' ? 'none: nodes tell each other over links' : bus.state),
    ],
    ['Problem', bus.problem ?? 'none known'],
    ['Last comparison that was answered', timeOf(bus.lastSync)],
    ['Comparisons asked for', sumOf(samples, 'banyan_gossip_syncs_total')],
    ['Root hash of what is known', root === undefined ? 'none' : el('code', {}, root)],
    [
      'Age of the record of this node',
      own === 0 ? 'it has none' : `${Math.max(0, Date.now() / 1_000 - own).toFixed(0)} s`,
    ],
    [
      'Nodes known, and with a record that counts',
      `${sumOf(samples, 'banyan_gossip_nodes_known')}, ${sumOf(samples, 'banyan_gossip_nodes_live')}`,
    ],
    ['Nodes that say two things at once', sumOf(samples, 'banyan_gossip_nodes_quarantined')],
    ['Bytes that wait to be sent on links', sumOf(samples, 'banyan_link_queue_bytes')],
  ]
  const rows = Object.entries(events).map(([name, count]) => [name, String(count)])
  return [
    gossip
      ? ''
      : el('p', {}, 'This node does not gossip: nodes tell each other nothing but calls.'),
    table('How it stands', ['What', 'Now'], figures),
    el(
      'p',
      { class: 'quiet' },
      'Nodes with the same root hash know the same. A node knows its own only: compare it with that of other nodes’ consoles.',
    ),
    table('What was heard', ['Event', 'Times'], rows),
  ]
}

/** @param {string | undefined} iso */
function timeOf(iso) {
  return iso === undefined ? 'none yet' : new Date(iso).toLocaleString()
}

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function membersPanel({ store }) {
  const body = el('div', {})
  store.read((state) => fill(body, membersOf(state)))
  return { root: el('div', {}, el('h2', {}, 'Members'), body) }
}

/** @param {import('./store.js').State} state */
function membersOf({ topology }) {
  const { members, organisations, self } = topology
  const rows = members.map((/** @type {any} */ one) => [
    `${one.name ?? short(one.id)}${one.id === self ? ' (this node)' : ''}`,
    badge(one.status),
    el('code', {}, one.id),
    one.inc === 0 ? '' : new Date(one.inc).toLocaleString(),
    one.seq,
    one.id === self ? 'itself' : timeOf(one.lastHeard),
    one.urls.join(', '),
    one.namespaces
      .map((/** @type {any} */ space) => space.name ?? short(space.blinded ?? ''))
      .join(', '),
  ])
  const heads = ['Node', 'State', 'Id', 'Started', 'Version', 'Last heard of', 'URLs', 'Namespaces']
  const others = organisations.map((/** @type {any} */ one) => [
    one.organisation,
    el('code', {}, one.border),
    timeOf(one.issued),
    one.namespaces.join(', '),
  ])
  return [
    table('Nodes of the organisation', heads, rows),
    table(
      'Other organisations, as their borders say',
      ['Organisation', 'Border', 'Said', 'Namespaces'],
      others,
    ),
  ]
}
