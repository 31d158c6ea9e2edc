// How restless the mesh is.
import { el, fill, table } from './dom.js'
import { figure, namer, pictureOf } from './model.js'
import { sumOf } from './metrics.js'
import { churnOf } from './churn.js'

/** So many turns in a minute are no accident. */
const FLAPPING = 3
const LATEST = 50

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function churnPanel({ store }) {
  const body = el('div', {})
  store.read((state) => fill(body, contents(state)))
  return { root: el('div', {}, el('h2', {}, 'Churn'), body) }
}

/** @param {import('./store.js').State} state */
function contents(state) {
  const { heard, samples, routes, upstreams } = state
  const called = namer(pictureOf(state))
  const churn = churnOf(heard, Date.now())
  const stale = routes.filter((one) => one.stale)
  const figures = [
    ['Route changes a second, last minute', figure(churn.rate)],
    ['Route changes since the start', sumOf(samples, 'banyan_route_changes_total')],
    ['Namespaces with names but without a way (stale)', stale.length],
    ['Lists that changed, last minute', churn.lists],
    ['list_changed sent to clients that watch', sumOf(samples, 'banyan_list_changed_total')],
    ['Calls that went another way', sumOf(samples, 'banyan_upstream_failovers_total')],
    ['Events this page did not get', churn.missed],
  ]
  const turns = churn.turns.map(([of, times]) => [
    of.replace(/\S+$/, called),
    times,
    times >= FLAPPING ? 'flapping' : 'steady enough',
  ])
  const links = upstreams.map(({ label }) => [
    label,
    sumOf(samples, 'banyan_upstream_connects_total', { upstream: label }),
    sumOf(samples, 'banyan_upstream_failures_total', { upstream: label }),
  ])
  const latest = heard.slice(-LATEST).toReversed()
  return [
    table('Figures', ['What', 'How much'], figures),
    table(
      'Links that came or went, last minute',
      ['Which', 'Times', 'Verdict'],
      turns,
      'None came or went.',
    ),
    table(
      'Stale namespaces',
      ['Namespace', 'Lives at'],
      stale.map((one) => [one.namespace, called(one.origin)]),
    ),
    table('Connections since the start', ['Upstream', 'Came up', 'Failed or lost'], links),
    table(
      'Heard since this page is open',
      ['When', 'What'],
      latest.map((event) => rowOf(event, called)),
      'Nothing yet.',
    ),
  ]
}

/** @param {import('./store.js').Heard} event @param {(id: string) => string} called */
function rowOf({ at, type, ...rest }, called) {
  const facts = Object.entries(rest).map(
    ([name, value]) =>
      `${name} ${typeof value === 'string' ? called(value) : JSON.stringify(value)}`,
  )
  return [new Date(at).toLocaleTimeString(), `${type}  ${facts.join(', ')}`]
}
