// The mesh as a picture, the same as tables, and what is known of one thing in it.
import { badge, el, fill, labelled, table } from './dom.js'
import { boxId, Graph } from './graph.js'
import { Layout } from './layout.js'
import { namer, pictureOf, reachedBy, short } from './model.js'

/** @typedef {import('./model.js').Picture} Picture */

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function mapPanel({ store, looker, say }) {
  const layout = new Layout()
  const canvas = el('div', {
    class: 'canvas',
    role: 'img',
    id: 'graph',
    'aria-describedby': 'map-hint',
  })
  const side = el('aside', { class: 'side', 'aria-label': 'What is picked', tabindex: 0 }, HINT)
  const tables = el('div', {})
  /** @type {Picture} */
  let picture = { nodes: [], edges: [] }
  /** @type {string | undefined} */
  let picked
  /** @type {Graph | undefined} */
  let graph
  const find = el('input', { type: 'search', id: 'find', oninput: () => search() })
  const hide = el('input', { type: 'checkbox', onchange: () => search() })
  const pick = (/** @type {string | undefined} */ id) => {
    picked = id
    fill(side, id === undefined ? HINT : factsOf(picture, id, choose))
  }
  // The picture says itself what is picked in it.
  const choose = (/** @type {string} */ id) => (graph?.has(id) ? graph.select(id) : pick(id))
  const wanted = () => find.value.trim().toLowerCase()
  const found = () => {
    if (wanted() === '') return undefined
    return new Set(picture.nodes.filter((node) => matches(node, wanted())).map(({ id }) => id))
  }
  const search = () => {
    const some = found()
    const others = picture.nodes.map(({ id }) => id).filter((id) => some?.has(id) === false)
    graph?.hide(new Set(hide.checked ? others : []))
    if (some !== undefined && !hide.checked) graph?.highlight(some)
    else dim().catch(() => say('What they see could not be asked.'))
    if (some !== undefined) say(`${some.size} of ${picture.nodes.length} are found`)
    fill(tables, tablesOf(picture, choose, some))
  }
  const dim = async () => {
    const sight = await looker.sight()
    const routes = store.state?.routes ?? []
    graph?.highlight(sight && reachedBy(picture, sight.labels, routes, sight.namespaces))
    if (sight !== undefined)
      say(`${looker.as} sees ${sight.items.length} things at ${looker.endpoint}`)
  }
  const show = () => {
    if (store.state === undefined) return
    picture = pictureOf(store.state)
    canvas.setAttribute('aria-label', inShort(picture))
    graph?.draw(picture, layout.place(picture))
    fill(tables, tablesOf(picture, choose, found()))
    if (picked !== undefined && side.matches(':not(:focus-within)')) pick(picked)
  }
  const arrange = () => {
    layout.forget()
    graph?.clear()
    show()
  }
  const controls = el(
    'div',
    { class: 'controls' },
    labelled('Find', find),
    el('label', { class: 'inline' }, hide, 'hide all else'),
    el(
      'button',
      { type: 'button', onclick: () => graph?.zoom(1.25), 'aria-label': 'Zoom in' },
      '+',
    ),
    el(
      'button',
      { type: 'button', onclick: () => graph?.zoom(0.8), 'aria-label': 'Zoom out' },
      '−',
    ),
    el('button', { type: 'button', onclick: () => graph?.fit() }, 'Show all'),
    el('button', { type: 'button', onclick: arrange }, 'Arrange anew'),
  )
  const details = el(
    'details',
    { id: 'map-tables' },
    el('summary', {}, 'The same as tables'),
    tables,
  )
  const root = el(
    'div',
    {},
    el('h2', {}, 'The mesh, as this node knows it'),
    controls,
    el('div', { class: 'split' }, canvas, side),
    el('p', { id: 'map-hint', class: 'quiet' }, LEGEND),
    details,
  )
  const begin = async () => {
    graph = await Graph.in(canvas, pick)
    store.read(show)
    looker.read(search)
    canvas.dataset['drawn'] = 'true'
  }
  return {
    root,
    shown: () => {
      if (graph !== undefined) return
      begin().catch(() => say('The picture could not be drawn; the tables hold the same.'))
    },
  }
}

const HINT = 'Pick a node, a link or an organisation: in the picture, or in the tables below it.'

const LEGEND =
  'Circles are nodes, hexagons border nodes, rounded squares servers; the double ring is this node. Lines lead from who uses to what is used: thin ones are idle, dashed ones with ▲ suspect, dotted ones with ✕ down.'

/** @param {Picture} picture */
function inShort({ nodes, edges }) {
  const down = edges.filter(({ state }) => state === 'down').length
  const organisations = new Set(nodes.map(({ organisation }) => organisation))
  return `${nodes.length} nodes and servers of ${organisations.size} organisations, ${edges.length} links, ${down} of them down`
}

/** @param {import('./model.js').PictureNode} node @param {string} wanted */
function matches({ id, name, organisation, state, kind, facts }, wanted) {
  const namespaces = (facts?.['namespaces'] ?? []).map((/** @type {any} */ one) => one.name)
  return [id, name, organisation, state, kind, ...namespaces]
    .join(' ')
    .toLowerCase()
    .includes(wanted)
}

/**
 * @param {Picture} picture
 * @param {(id: string) => void} pick
 * @param {ReadonlySet<string>} [found]
 */
export function tablesOf(picture, pick, found) {
  const called = namer(picture)
  const button = (/** @type {string} */ id, /** @type {string} */ text) =>
    el('button', { type: 'button', class: 'link', onclick: () => pick(id) }, text)
  const has = (/** @type {string} */ id) => found === undefined || found.has(id)
  const nodes = picture.nodes
    .filter(({ id }) => has(id))
    .map((node) => [
      button(node.id, node.name),
      button(boxId(node.organisation), node.organisation),
      [node.kind, node.self && 'this node', node.border && 'border'].filter(Boolean).join(', '),
      badge(node.state),
    ])
  const edges = picture.edges
    .filter(({ from, to }) => has(from) || has(to))
    .map((edge) => [
      button(edge.id, `${called(edge.from)} → ${called(edge.to)}`),
      badge(edge.state),
      edge.label,
    ])
  return [
    table('Nodes and servers', ['Name', 'Organisation', 'Kind', 'State'], nodes),
    table('Links', ['Link', 'State', 'Latency and rate'], edges),
  ]
}

/** @param {Picture} picture @param {string} id @param {(id: string) => void} pick */
function factsOf(picture, id, pick) {
  const node = picture.nodes.find((one) => one.id === id)
  if (node !== undefined) return nodeFacts(picture, node)
  const edge = picture.edges.find((one) => one.id === id)
  if (edge !== undefined) return edgeFacts(picture, edge)
  const inside = picture.nodes.filter(({ organisation }) => boxId(organisation) === id)
  if (inside.length === 0) return [el('p', {}, 'It is not there any more.')]
  const items = inside.map((one) =>
    el(
      'li',
      {},
      el('button', { type: 'button', class: 'link', onclick: () => pick(one.id) }, one.name),
      ' ',
      badge(one.state),
    ),
  )
  return [el('h3', {}, inside[0]?.organisation), el('p', {}, 'Organisation'), el('ul', {}, items)]
}

/** @param {Picture} picture @param {import('./model.js').PictureNode} node */
function nodeFacts(picture, node) {
  const { facts = {}, name, organisation, kind, state, id } = node
  const called = namer(picture)
  const links = (facts['links'] ?? []).map(
    (/** @type {any} */ one) => `${called(one.to)} (${one.up ? 'up' : 'down'}, cost ${one.cost})`,
  )
  const namespaces = (facts['namespaces'] ?? []).map(
    (/** @type {any} */ one) => `${one.name ?? short(one.blinded ?? '')}: ${one.count}`,
  )
  return [
    el('h3', {}, name),
    el('p', {}, badge(state), ` ${kind} of ${organisation}`),
    pairs({
      id: kind === 'node' ? id : undefined,
      server: facts['server'],
      target: facts['target'],
      'last heard of': facts['lastHeard'],
      'start and version': facts['inc'] && `${facts['inc']} / ${facts['seq']}`,
      URLs: facts['urls']?.join(', '),
      uses: links.join(', '),
      'tools everybody sees': namespaces.join(', '),
      tools: facts['tools'],
      problem: facts['problem'],
    }),
  ]
}

/** @param {Picture} picture @param {import('./model.js').PictureEdge} edge */
function edgeFacts(picture, { from, to, state, facts = {} }) {
  const called = namer(picture)
  return [
    el('h3', {}, `${called(from)} → ${called(to)}`),
    el('p', {}, badge(state), ' link'),
    pairs({
      upstream: facts['upstream'],
      target: facts['target'],
      'reached over': facts['transport'],
      'protocol revision': facts['revision'],
      cost: facts['cost'],
      'times it came up': facts['epoch'],
      'calls a second': facts['rate']?.toFixed(2),
      'latency, ms': facts['ms']?.toFixed(1),
      'calls under way': facts['open'],
      'tells of routes': facts['tells'] === undefined ? undefined : facts['tells'] ? 'yes' : 'no',
      tools: facts['tools'],
      problem: facts['problem'],
    }),
  ]
}

/** @param {Record<string, unknown>} facts */
function pairs(facts) {
  const given = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '')
  return el(
    'dl',
    {},
    given.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]),
  )
}
