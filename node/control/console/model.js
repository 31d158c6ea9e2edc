// What the picture shows, made out of what the node says. Knows nothing of how it is drawn.

/**
 * @typedef {object} PictureNode
 * @property {string} id
 * @property {string} name
 * @property {string} organisation
 * @property {'node' | 'server'} kind
 * @property {string} state up, drain, left, twofold, expired, down, idle, unknown
 * @property {boolean} [self] the node that is asked
 * @property {boolean} [border] it has links to other organisations
 * @property {Record<string, any>} [facts] all that is known of it
 */

/**
 * @typedef {object} PictureEdge
 * @property {string} id
 * @property {string} from
 * @property {string} to
 * @property {string} state up, idle, suspect, down
 * @property {string} label
 * @property {Record<string, any>} [facts]
 */

/** @typedef {{ nodes: PictureNode[], edges: PictureEdge[] }} Picture */

/** @typedef {Record<string, { rate: number, ms: number | undefined, open?: number }>} Traffic by upstream */

/**
 * @typedef {object} Known
 * @property {any} topology
 * @property {any[]} upstreams
 * @property {any[]} routes
 * @property {Traffic} traffic
 */

/** @param {string} from @param {string} to */
export function edgeId(from, to) {
  return `${from}>${to}`
}

/** @param {Known} known @returns {Picture} */
export function pictureOf(known) {
  /** @type {Map<string, PictureNode>} */
  const nodes = new Map()
  /** @type {Map<string, PictureEdge>} */
  const edges = new Map()
  addMembers(nodes, edges, known.topology)
  addLinks(nodes, edges, known)
  addServers(nodes, edges, known)
  addPaths(nodes, known)
  markBorders(nodes, edges, known.topology)
  return { nodes: [...nodes.values()], edges: [...edges.values()] }
}

/** @param {Map<string, PictureNode>} nodes @param {Map<string, PictureEdge>} edges @param {any} topology */
function addMembers(nodes, edges, topology) {
  const { self, organisation, members } = topology
  for (const one of members) {
    nodes.set(one.id, {
      id: one.id,
      name: one.name ?? short(one.id),
      organisation: one.organisation || organisation,
      kind: 'node',
      state: one.status,
      facts: one,
    })
    for (const { to, up, cost, epoch } of one.links) {
      const id = edgeId(one.id, to)
      const state = up ? 'up' : 'down'
      edges.set(id, { id, from: one.id, to, state, label: '', facts: { cost, epoch } })
    }
  }
  const own = nodes.get(self)
  if (own === undefined) {
    nodes.set(self, {
      id: self,
      name: short(self),
      organisation,
      kind: 'node',
      state: 'up',
      self: true,
    })
  } else own.self = true
}

/** @param {Map<string, PictureNode>} nodes @param {Map<string, PictureEdge>} edges @param {Known} known */
function addLinks(nodes, edges, { topology, upstreams, traffic }) {
  const { self } = topology
  for (const link of topology.upstreams) {
    const { node, label, state, epoch, tells } = link
    addPeer(nodes, link, state === 'down' ? 'down' : 'up')
    const of = upstreams.find((one) => one.label === label)
    const id = edgeId(self, node)
    const before = edges.get(id)
    const calls = traffic[label]
    // Without gossip nobody looks after the link but the connection itself.
    const now = topology.gossip ? state : (of?.phase ?? state)
    edges.set(id, {
      id,
      from: self,
      to: node,
      state: stateOf(now, calls),
      label: edgeLabel(now, calls),
      facts: { ...before?.facts, upstream: label, epoch, tells, ...factsOf(of), ...calls },
    })
  }
  for (const down of topology.downstreams) {
    addPeer(nodes, down, 'up')
    const id = edgeId(down.node, self)
    if (edges.has(id)) continue
    edges.set(id, {
      id,
      from: down.node,
      to: self,
      state: 'up',
      label: '',
      facts: { endpoint: down.endpoint },
    })
  }
  for (const { from, to } of edges.values()) {
    for (const id of [from, to]) if (!nodes.has(id)) addUnknown(nodes, id, topology.organisation)
  }
}

/** @param {any} of */
function factsOf(of) {
  if (of === undefined) return {}
  const { phase, transport, revision, tools, problem, target } = of
  return { phase, transport, revision, tools, problem, target }
}

/** @param {Map<string, PictureNode>} nodes @param {any} peer @param {string} state */
function addPeer(nodes, { node: id, name, organisation }, state) {
  if (!nodes.has(id)) nodes.set(id, { id, name, organisation, kind: 'node', state })
}

/** @param {Map<string, PictureNode>} nodes @param {string} id @param {string} organisation */
function addUnknown(nodes, id, organisation) {
  nodes.set(id, { id, name: short(id), organisation, kind: 'node', state: 'unknown' })
}

/** @param {Map<string, PictureNode>} nodes @param {Map<string, PictureEdge>} edges @param {Known} known */
function addServers(nodes, edges, { topology, upstreams, traffic }) {
  const { self, organisation, upstreams: links } = topology
  for (const of of upstreams) {
    const { label, phase, server, kind } = of
    if (links.some((/** @type {any} */ link) => link.label === label)) continue
    const id = `upstream:${label}`
    const calls = traffic[label]
    const state = phase === 'up' ? 'up' : phase === 'connecting' ? 'suspect' : 'down'
    const is = kind === 'node' ? 'node' : 'server'
    nodes.set(id, { id, name: label, organisation, kind: is, state, facts: { server, ...of } })
    const edge = edgeId(self, id)
    const facts = { upstream: label, ...factsOf(of), ...calls }
    const drawn = { state: stateOf(state, calls), label: edgeLabel(state, calls) }
    edges.set(edge, { id: edge, from: self, to: id, ...drawn, facts })
  }
}

/** Nodes beyond the border are known only as steps of ways. @param {Map<string, PictureNode>} nodes @param {Known} known */
function addPaths(nodes, { routes }) {
  const steps = routes.flatMap(({ candidates }) =>
    candidates.flatMap((/** @type {any} */ { path, organisations }) =>
      path.map((/** @type {string} */ id) => [id, organisations.at(-1)]),
    ),
  )
  for (const [id, organisation] of steps) {
    if (!nodes.has(id) && !id.startsWith('org:')) addUnknown(nodes, id, organisation)
  }
}

/** @param {Map<string, PictureNode>} nodes @param {Map<string, PictureEdge>} edges @param {any} topology */
function markBorders(nodes, edges, topology) {
  for (const { border } of topology.organisations) {
    const node = nodes.get(border)
    if (node !== undefined) node.border = true
  }
  for (const { from, to } of edges.values()) {
    const [a, b] = [nodes.get(from), nodes.get(to)]
    if (a === undefined || b === undefined || a.organisation === b.organisation) continue
    a.border = true
    b.border = true
  }
}

/** @param {string} state @param {{ rate: number, open?: number } | undefined} calls */
function stateOf(state, calls) {
  if (state !== 'up' || calls === undefined) return state
  return calls.rate > 0 || (calls.open ?? 0) > 0 ? 'up' : 'idle'
}

/** @param {string} state @param {{ rate: number, ms: number | undefined } | undefined} calls */
function edgeLabel(state, calls) {
  if (state !== 'up') return state
  if (calls === undefined) return ''
  if (calls.rate === 0) return 'idle'
  return `${figure(calls.ms ?? 0)} ms · ${figure(calls.rate)}/s`
}

/** @param {number} value */
export function figure(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** @param {string} id */
export function short(id) {
  return id.length > 12 ? `${id.slice(0, 8)}…` : id
}

/** Names of nodes by their ids. @param {Picture} picture @returns {(id: string) => string} */
export function namer({ nodes }) {
  const names = new Map(nodes.map(({ id, name }) => [id, name]))
  return (id) => names.get(id) ?? short(id)
}

/**
 * What of a picture somebody can reach by what they see; all else is dimmed.
 *
 * @param {Picture} picture
 * @param {readonly string[]} labels upstreams that lead to something they see
 * @param {readonly any[]} routes
 * @param {ReadonlySet<string>} namespaces
 * @returns {Set<string>} ids of nodes
 */
export function reachedBy(picture, labels, routes, namespaces) {
  const self = picture.nodes.find((one) => one.self)?.id ?? ''
  const reached = new Set([self])
  for (const { to, from, facts } of picture.edges) {
    if (from === self && labels.includes(facts?.['upstream'])) reached.add(to)
  }
  for (const { namespace, candidates } of routes) {
    if (!namespaces.has(namespace)) continue
    for (const id of candidates.find((/** @type {any} */ one) => one.chosen)?.path ?? [])
      reached.add(id)
  }
  return reached
}
