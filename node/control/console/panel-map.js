// The mesh as a picture, the same as tables, and what is known of one thing in it.
import { badge, el, fill, labelled, table } from './dom.js'
import { boxId, Graph } from './graph.js'
import { Layout } from './layout.js'
import { namer, pictureOf, reachedBy, short } from './model.js'

/** @typedef {import('./model.js').Picture} Picture */

const HINT = 'Pick a node, a link or an organisation: in the picture, or in the tables below it.'

const LEGEND =
  'Circles are nodes, hexagons border nodes, rounded squares servers; the double ring is this node. Lines lead from who uses to what is used: thin ones are idle, dashed ones with ▲ suspect, dotted ones with ✕ down.'

/** @param {string} text @param {() => void} onclick @param {string} [label] */
function button(text, onclick, label) {
  return el('button', { type: 'button', onclick, 'aria-label': label }, text)
}

/** The map, and what is picked in it. */
class MapView {
  #page
  #layout = new Layout()
  #canvas = el('div', {
    class: 'canvas',
    role: 'img',
    id: 'graph',
    'aria-describedby': 'map-hint',
  })
  #side = el('aside', { class: 'side', 'aria-label': 'What is picked', tabindex: 0 }, HINT)
  #tables = el('div', {})
  #find = el('input', { type: 'search', id: 'find', oninput: () => this.#search() })
  #hide = el('input', { type: 'checkbox', onchange: () => this.#search() })
  /** @type {Picture} */
  #picture = { nodes: [], edges: [] }
  /** @type {string | undefined} */
  #picked
  /** @type {Graph | undefined} */
  #graph
  #begun = false

  /** @param {import('./main.js').Page} page */
  constructor(page) {
    this.#page = page
  }

  root() {
    return el(
      'div',
      {},
      el('h2', {}, 'The mesh, as this node knows it'),
      this.#controls(),
      el('div', { class: 'split' }, this.#canvas, this.#side),
      el('p', { id: 'map-hint', class: 'quiet' }, LEGEND),
      el('details', { id: 'map-tables' }, el('summary', {}, 'The same as tables'), this.#tables),
    )
  }

  /** It can be seen, so that there is room to draw in. */
  begin() {
    if (this.#begun) return
    this.#begun = true
    this.#draw().catch(() => {
      this.#page.say('The picture could not be drawn; the tables hold the same.')
    })
  }

  async #draw() {
    const { store, looker } = this.#page
    try {
      this.#graph = await Graph.in(this.#canvas, (id) => this.#pick(id))
    } finally {
      store.read(() => this.#show())
      looker.read(() => this.#search())
      this.#canvas.dataset['drawn'] = String(this.#graph !== undefined)
    }
  }

  #controls() {
    return el(
      'div',
      { class: 'controls' },
      labelled('Find', this.#find),
      el('label', { class: 'inline' }, this.#hide, 'hide all else'),
      button('+', () => this.#graph?.zoom(1.25), 'Zoom in'),
      button('−', () => this.#graph?.zoom(0.8), 'Zoom out'),
      button('Show all', () => this.#graph?.fit()),
      button('Arrange anew', () => this.#arrange()),
    )
  }

  /** @param {string | undefined} id */
  #pick(id) {
    this.#picked = id
    const facts = id === undefined ? HINT : factsOf(this.#picture, id, (one) => this.#choose(one))
    fill(this.#side, facts)
  }

  /** The picture says itself what is picked in it. @param {string} id */
  #choose(id) {
    if (this.#graph?.has(id)) this.#graph.select(id)
    else this.#pick(id)
  }

  #found() {
    const wanted = this.#find.value.trim().toLowerCase()
    if (wanted === '') return undefined
    const found = this.#picture.nodes.filter((node) => matches(node, wanted))
    return new Set(found.map(({ id }) => id))
  }

  #search() {
    const { say } = this.#page
    const found = this.#found()
    const others = this.#picture.nodes.map(({ id }) => id).filter((id) => found?.has(id) === false)
    this.#graph?.hide(new Set(this.#hide.checked ? others : []))
    if (found !== undefined && !this.#hide.checked) this.#graph?.highlight(found)
    else this.#dim().catch(() => say('What they see could not be asked.'))
    if (found !== undefined) say(`${found.size} of ${this.#picture.nodes.length} are found`)
    this.#list()
  }

  /** Dims what leads to nothing that the client sees. */
  async #dim() {
    const { looker, store, say } = this.#page
    const sight = await looker.sight()
    const routes = store.state?.routes ?? []
    const reached = sight && reachedBy(this.#picture, sight.labels, routes, sight.namespaces)
    this.#graph?.highlight(reached)
    if (sight !== undefined) say(seenBy(looker, sight))
  }

  #list() {
    fill(
      this.#tables,
      tablesOf(this.#picture, (id) => this.#choose(id), this.#found()),
    )
  }

  #show() {
    const { state } = this.#page.store
    if (state === undefined) return
    this.#picture = pictureOf(state)
    this.#canvas.setAttribute('aria-label', inShort(this.#picture))
    this.#graph?.draw(this.#picture, this.#layout.place(this.#picture))
    // Whoever stands on a row with the keyboard is not thrown off it.
    if (!this.#tables.contains(document.activeElement)) this.#list()
    if (this.#picked !== undefined && !this.#side.contains(document.activeElement)) {
      this.#pick(this.#picked)
    }
  }

  #arrange() {
    this.#layout.forget()
    this.#graph?.clear()
    this.#show()
  }
}

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function mapPanel(page) {
  const view = new MapView(page)
  return { root: view.root(), shown: () => view.begin() }
}

/** @param {import('./looker.js').Looker} looker @param {import('./looker.js').Sight} sight */
function seenBy({ as, endpoint }, { items, refused }) {
  return refused === undefined
    ? `${as} sees ${items.length} things at ${endpoint}`
    : `${as} is nobody at ${endpoint}: ${refused}`
}

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
 * @param {(id: string) => void} [pick] undefined: nothing can be picked
 * @param {ReadonlySet<string>} [found]
 */
export function tablesOf(picture, pick, found) {
  const called = namer(picture)
  const picks = (/** @type {string} */ id, /** @type {string} */ text) =>
    pick === undefined
      ? text
      : el('button', { type: 'button', class: 'link', onclick: () => pick(id) }, text)
  const has = (/** @type {string} */ id) => found === undefined || found.has(id)
  const nodes = picture.nodes
    .filter(({ id }) => has(id))
    .map((node) => [
      picks(node.id, node.name),
      picks(boxId(node.organisation), node.organisation),
      [node.kind, node.self && 'this node', node.border && 'border'].filter(Boolean).join(', '),
      badge(node.state),
    ])
  const edges = picture.edges
    .filter(({ from, to }) => has(from) || has(to))
    .map((edge) => [
      picks(edge.id, `${called(edge.from)} → ${called(edge.to)}`),
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
