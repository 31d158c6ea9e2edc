// Draws a picture. Of the library nothing but drawing is used: where things stand is said by the layout.

/** @typedef {import('./model.js').Picture} Picture */
/** @typedef {import('./layout.js').Point} Point */

const LIBRARY = './vendor/cytoscape.js'

/** Signs that go with states: colour is never all there is. @type {Record<string, string>} */
const SIGNS = {
  drain: '▽ draining',
  left: '– left',
  twofold: '‼ says two things',
  expired: '✕ not heard of',
  down: '✕ down',
  suspect: '▲ suspect',
  unknown: '? known as a step only',
}

/** @type {Record<string, string>} */
const COLOURS = {
  up: '--good',
  idle: '--idle',
  none: '--faint',
  suspect: '--warn',
  drain: '--warn',
  down: '--bad',
  twofold: '--bad',
  expired: '--bad',
  left: '--faint',
  unknown: '--faint',
}

/** @param {string} name @returns {string} */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/** How text looks. */
function fontOf() {
  return { 'font-family': 'system-ui, sans-serif', 'font-size': 13, color: colour('--text') }
}

/** @param {string} ground */
function nodeStyles(ground) {
  const font = fontOf()
  const [box, line] = ['--box', '--line'].map(colour)
  return [
    {
      selector: 'node',
      style: {
        ...font,
        label: 'data(label)',
        'text-wrap': 'wrap',
        'text-valign': 'bottom',
        'text-margin-y': 5,
        width: 34,
        height: 34,
        'background-color': ground,
        'border-width': 4,
      },
    },
    {
      selector: ':parent',
      style: {
        shape: 'round-rectangle',
        label: 'data(label)',
        'text-valign': 'top',
        'text-margin-y': -4,
        'font-weight': 600,
        'background-color': box,
        'background-opacity': 0.6,
        'border-color': line,
        'border-width': 1,
        padding: 34,
      },
    },
    { selector: '.server', style: { shape: 'round-rectangle', width: 28, height: 28 } },
    { selector: '.border', style: { shape: 'hexagon', width: 42, height: 38 } },
    {
      selector: '.self',
      style: { 'border-style': 'double', 'border-width': 8, width: 44, height: 42 },
    },
    { selector: 'node.unknown, node.left', style: { 'border-style': 'dotted' } },
  ]
}

/** @param {string} ground */
function edgeStyles(ground) {
  const font = fontOf()
  return [
    {
      selector: 'edge',
      style: {
        ...font,
        'font-size': 11,
        label: 'data(label)',
        width: 2.5,
        'curve-style': 'bezier',
        'target-arrow-shape': 'triangle',
        'text-background-color': ground,
        'text-background-opacity': 0.9,
        'text-background-padding': 2,
      },
    },
  ]
}

function styles() {
  const ground = colour('--ground')
  const states = Object.entries(COLOURS).flatMap(([state, name]) => [
    { selector: `node.${state}`, style: { 'border-color': colour(name) } },
    {
      selector: `edge.${state}`,
      style: { 'line-color': colour(name), 'target-arrow-color': colour(name) },
    },
  ])
  return [
    ...nodeStyles(ground),
    ...edgeStyles(ground),
    ...states,
    { selector: 'edge.idle', style: { width: 1.5 } },
    { selector: 'edge.none', style: { width: 1, 'line-style': 'dotted' } },
    { selector: 'edge.suspect', style: { 'line-style': 'dashed', 'line-dash-pattern': [8, 4] } },
    {
      selector: 'edge.down',
      style: { 'line-style': 'dashed', 'line-dash-pattern': [3, 5], 'target-arrow-shape': 'tee' },
    },
    { selector: '.dim', style: { opacity: 0.22 } },
    { selector: '.away', style: { display: 'none' } },
    {
      selector: ':selected',
      style: { 'overlay-color': colour('--accent'), 'overlay-opacity': 0.22 },
    },
    { selector: 'edge.way', style: { width: 5 } },
  ]
}

/** @param {string} organisation */
export function boxId(organisation) {
  return `box:${organisation}`
}

/** One picture in an element. */
export class Graph {
  /** @type {any} */
  #cy
  /** @param {any} cy @param {(id: string | undefined) => void} picked */
  constructor(cy, picked) {
    this.#cy = cy
    cy.on('select', (/** @type {any} */ event) => picked(event.target.id()))
    const restyle = () => cy.style(styles())
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', restyle)
  }

  /**
   * @param {HTMLElement} container
   * @param {(id: string | undefined) => void} picked
   */
  static async in(container, picked) {
    const { default: cytoscape } = await import(LIBRARY)
    const cy = cytoscape({
      container,
      style: styles(),
      layout: { name: 'preset' },
      minZoom: 0.1,
      maxZoom: 3,
      autoungrabify: true,
      selectionType: 'single',
      boxSelectionEnabled: false,
    })
    return new Graph(cy, picked)
  }

  /**
   * @param {Picture} picture
   * @param {ReadonlyMap<string, Point>} places
   */
  draw({ nodes, edges }, places) {
    const cy = this.#cy
    const organisations = [...new Set(nodes.map(({ organisation }) => organisation))]
    const wanted = [
      ...organisations.map((name) => ({
        group: 'nodes',
        data: { id: boxId(name), label: name },
        classes: 'box',
      })),
      ...nodes.map((node) => ({
        group: 'nodes',
        data: { id: node.id, parent: boxId(node.organisation), label: nodeLabel(node) },
        position: { ...(places.get(node.id) ?? { x: 0, y: 0 }) },
        classes: classesOf(node),
      })),
      ...edges.map(({ id, from, to, label, state }) => ({
        group: 'edges',
        data: { id, source: from, target: to, label },
        classes: state,
      })),
    ]
    const isFirst = cy.elements().empty()
    cy.batch(() => this.#become(wanted))
    if (isFirst) this.fit()
  }

  /** @param {readonly any[]} wanted */
  #become(wanted) {
    const cy = this.#cy
    const ids = new Set(wanted.map(({ data }) => data.id))
    cy.elements().forEach((/** @type {any} */ one) => void (ids.has(one.id()) || one.remove()))
    for (const one of wanted) {
      const known = cy.getElementById(one.data.id)
      if (known.empty()) cy.add(one)
      else {
        known.data('label', one.data.label)
        const kept = known.classes().filter((/** @type {string} */ name) => KEPT.has(name))
        known.classes([...one.classes.split(' '), ...kept])
      }
    }
  }

  /** Dims what is not in a set; undefined: nothing. @param {ReadonlySet<string> | undefined} ids */
  highlight(ids) {
    this.#cy.batch(() => {
      this.#cy.nodes('[parent]').forEach((/** @type {any} */ one) => {
        one.toggleClass('dim', ids !== undefined && !ids.has(one.id()))
      })
      this.#cy.edges().forEach((/** @type {any} */ one) => {
        const isIn = ids?.has(one.source().id()) && ids.has(one.target().id())
        one.toggleClass('dim', ids !== undefined && !isIn)
      })
    })
  }

  /** Hides some nodes, and what leads to them. @param {ReadonlySet<string>} ids */
  hide(ids) {
    this.#cy.nodes('[parent]').forEach((/** @type {any} */ one) => {
      one.toggleClass('away', ids.has(one.id()))
    })
  }

  /** @param {string} id @returns {boolean} */
  has(id) {
    return this.#cy.getElementById(id).nonempty()
  }

  /** @param {string} id */
  select(id) {
    this.#cy.elements().unselect()
    this.#cy.getElementById(id).select()
  }

  clear() {
    this.#cy.elements().remove()
  }

  fit() {
    this.#cy.resize()
    this.#cy.fit(undefined, 30)
    if (this.#cy.zoom() > 1.6) {
      this.#cy.zoom(1.6)
      this.#cy.center()
    }
  }

  /** @param {number} factor */
  zoom(factor) {
    const { width, height } = this.#cy.container().getBoundingClientRect()
    const renderedPosition = { x: width / 2, y: height / 2 }
    this.#cy.zoom({ level: this.#cy.zoom() * factor, renderedPosition })
  }

  /** Where a node is drawn, for who looks whether the picture jumps. @param {string} id @returns {Point} */
  position(id) {
    return { ...this.#cy.getElementById(id).position() }
  }
}

/** What is not said by the picture. */
const KEPT = new Set(['dim', 'away'])

/** @param {import('./model.js').PictureNode} node */
function classesOf({ kind, state, self, border }) {
  return [kind, state, self && 'self', border && 'border'].filter(Boolean).join(' ')
}

/** @param {import('./model.js').PictureNode} node */
function nodeLabel({ name, state, border, self }) {
  const marks = [self && 'this node', border && 'border'].filter(Boolean).join(', ')
  return [name, marks && `(${marks})`, SIGNS[state]].filter(Boolean).join('\n')
}
