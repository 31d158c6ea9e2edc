// Where calls can go: the ways there are, the one that is taken, and why not another.
import { badge, el, fill, table } from './dom.js'
import { figure, namer, pictureOf } from './model.js'

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function routesPanel({ store, looker }) {
  const body = el('div', {})
  const show = () => {
    const { state } = store
    if (state === undefined) return
    fill(body, listedOf(state, looker.endpoint), meshOf(state))
  }
  store.read(show)
  looker.read(show)
  return { root: el('div', {}, el('h2', {}, 'Routes'), body) }
}

/** @param {import('./store.js').State} state @param {string} endpoint */
function listedOf({ listed }, endpoint) {
  const rows = listed
    .filter((route) => route.endpoint === endpoint)
    .flatMap(({ namespace, distance, ways }) =>
      ways.map((/** @type {any} */ way, /** @type {number} */ i) => [
        namespace,
        way.upstream,
        badge(way.phase),
        way.preferred,
        way.spare,
        distance ?? '',
        i === 0 ? badge('chosen', 'first') : badge('spare', 'in reserve'),
      ]),
    )
  const heads = ['Namespace', 'Upstream', 'State', 'First for', 'Spare for', 'Nodes away', 'Order']
  return table(`What endpoint ${endpoint} offers, and over what`, heads, rows)
}

/** @param {import('./store.js').State} state */
function meshOf(state) {
  const called = namer(pictureOf(state))
  const rows = state.routes.flatMap(({ namespace, origin, candidates, stale }) => {
    const first = [namespace, originName(origin, called)]
    if (stale)
      return [[...first, 'no way', '', '', '', badge('stale', 'stale: only the names are kept')]]
    return candidates.map((/** @type {any} */ one) => [
      ...first,
      one.path.map(called).join(' → '),
      one.organisations.join(' → '),
      figure(one.cost),
      one.upstreams.join(', ') || 'its own',
      one.chosen ? badge('chosen') : badge('spare', one.reason ?? 'not chosen'),
    ])
  })
  const heads = [
    'Namespace',
    'Lives at',
    'Way',
    'Organisations',
    'Cost',
    'By',
    'Chosen, or why not',
  ]
  return table(
    'Routes of the mesh',
    heads,
    rows,
    'None: this node hears of none (see “gossip” of the configuration).',
  )
}

/** @param {string} origin @param {(id: string) => string} called */
function originName(origin, called) {
  return origin.startsWith('org:') ? `organisation ${origin.slice(4)}` : called(origin)
}
