// The event log of a lab (`events.ndjson`), and the picture at any moment of it.

/** @typedef {{ t: number, type: string, node?: string } & Record<string, any>} LabEvent */

/** Longest log that is read, characters: all of it stands in memory. */
export const MAX_LOG = 64 * 1_024 * 1_024

/**
 * @param {string} text
 * @returns {LabEvent[]}
 * @throws Error that names the line
 */
export function readLog(text) {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const event = parsed(line)
    if (typeof event?.t === 'number' && typeof event.type === 'string') return [event]
    throw new Error(`line ${i + 1} is no event of a lab: it needs "t" and "type"`)
  })
}

/** @param {string} line */
function parsed(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/**
 * All nodes and links of a log, as they are after a number of its events.
 *
 * @param {readonly LabEvent[]} events
 * @param {number} count
 * @param {ReadonlyMap<string, string>} [organisations] of nodes
 * @returns {{ picture: import('./model.js').Picture, ways: Map<string, string> }} ways: the best of each node to each key
 */
export function pictureAt(events, count, organisations = new Map()) {
  /** @type {Map<string, import('./model.js').PictureNode>} */
  const nodes = new Map()
  /** @type {Map<string, import('./model.js').PictureEdge>} */
  const edges = new Map()
  for (const event of events)
    for (const id of idsOf(event)) nodes.set(id, nodeOf(id, organisations.get(id)))
  for (const { node, type, peer } of events) {
    if (type === 'link' && node !== undefined) edges.set(...edgeOf(node, peer))
  }
  markBorders(nodes, edges)
  const ways = new Map()
  for (const event of events.slice(0, count)) play(event, { nodes, edges, ways })
  return { picture: { nodes: [...nodes.values()], edges: [...edges.values()] }, ways }
}

/** @param {Map<string, import('./model.js').PictureNode>} nodes @param {Map<string, import('./model.js').PictureEdge>} edges */
function markBorders(nodes, edges) {
  for (const { from, to } of edges.values()) {
    const ends = [nodes.get(from), nodes.get(to)]
    const [a, b] = ends.map((one) => one?.organisation)
    for (const one of a === b ? [] : ends) if (one !== undefined) one.border = true
  }
}

/** @param {LabEvent} event @returns {string[]} */
function idsOf({ node, peer, path, ids }) {
  const all = [node, peer, ...(path ?? []), ...(ids ?? [])]
  return all.filter((id) => typeof id === 'string' && !id.startsWith('org:'))
}

/** @param {string} id @param {string} [organisation] @returns {import('./model.js').PictureNode} */
function nodeOf(id, organisation = 'lab') {
  return { id, name: id, organisation, kind: 'node', state: 'up' }
}

/**
 * The organisations of nodes in `topology.expanded.yaml`, as `banyan lab` writes it: two spaces a level, one node a block.
 *
 * @param {string} text
 * @returns {ReadonlyMap<string, string>}
 */
export function organisationsIn(text) {
  const [, nodes = ''] = /^nodes:\n((?: .*\n|\n)*)/m.exec(`${text}\n`) ?? []
  const found = nodes.matchAll(
    /^ {2}["']?([^\s"':]+)["']?:\n(?: {4}.*\n)*? {4}organisation: ["']?([^\s"']+)/gm,
  )
  return new Map([...found].map(([, node = '', organisation = '']) => [node, organisation]))
}

/** @param {string} from @param {string} to @returns {[string, import('./model.js').PictureEdge]} */
function edgeOf(from, to) {
  const id = `${from}>${to}`
  return [id, { id, from, to, state: 'none', label: '' }]
}

/** @param {LabEvent} event @param {{ nodes: Map<string, any>, edges: Map<string, any>, ways: Map<string, string> }} at */
function play(event, { nodes, edges, ways }) {
  const { type, node = '', peer, up, key, path, ids, id } = event
  if (type === 'link') {
    const edge = edges.get(`${node}>${peer}`)
    if (edge === undefined) return
    edge.state = up ? 'up' : 'down'
    edge.label = up ? '' : 'down'
  } else if (type === 'route') {
    if (path === null) ways.delete(`${node} → ${key}`)
    else ways.set(`${node} → ${key}`, path.join(' → '))
  } else if (type === 'crash') setState(nodes, node, 'down')
  else if (type === 'start') setState(nodes, node, 'up')
  else if (type === 'twin') setState(nodes, id, 'twofold')
  else if (type === 'expired') for (const one of ids ?? []) setState(nodes, one, 'expired')
}

/** @param {Map<string, any>} nodes @param {string} id @param {string} state */
function setState(nodes, id, state) {
  const node = nodes.get(id)
  if (node !== undefined) node.state = state
}

/** One event in words. @param {LabEvent} event @returns {string} */
export function inWords({ t, type, node, ...rest }) {
  const facts = Object.entries(rest).map(([name, value]) => `${name} ${textOf(value)}`)
  return `${(t / 1_000).toFixed(3)} s: ${[node, type].filter(Boolean).join(' ')} ${facts.join(', ')}`
}

/** @param {unknown} value */
function textOf(value) {
  if (Array.isArray(value)) return value.join(' → ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
