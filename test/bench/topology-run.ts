// One node of a simulated mesh ends without a word: what it costs the others to learn it.
import { MeshSim, type Tuning } from '../../topology/sim/mesh-sim.ts'

/** A mesh to be built, and the node that ends. */
export interface Mesh {
  readonly name: string
  /** The organisation of each node. */
  readonly organisations: readonly string[]
  /** The first uses the second. */
  readonly links: readonly (readonly [from: number, to: number])[]
  readonly victim: number
}

export interface Mode {
  readonly name: string
  readonly bus: boolean
  readonly tuning: Tuning
}

/** Without a memory of records no cause is known: what is left is a plain path vector. */
const NO_CAUSES: Tuning = { db: { records: 0, ttl: 1 } }

export const MODES: readonly [plain: Mode, links: Mode, both: Mode] = [
  { name: 'plain path vector', bus: false, tuning: NO_CAUSES },
  { name: 'causes on links (no bus)', bus: false, tuning: {} },
  { name: 'causes on links and bus', bus: true, tuning: {} },
]

/** Before the node ends: all is known, and nobody speaks. */
const SETTLE_MS = 30_000
/** After it: longer than anything takes. */
const WATCH_MS = 50_000

/** What something cost all nodes together. */
export interface Cost {
  /** Messages of routes, on links. */
  readonly routes: number
  /** Deliveries of records and greetings, on links and by the bus. */
  readonly records: number
  /** Of both, as they would go over a wire. */
  readonly bytes: number
  /** Until nothing changes any more, virtual ms. */
  readonly convergence: number
}

export interface Outcome {
  readonly start: Cost
  readonly loss: Cost
  /** Seconds that nodes held a route that leads nowhere, summed. */
  readonly falseSeconds: number
  /** What a node holds, as it would go over a wire. */
  readonly bytesPerNode: number
  /** What a node takes of this process's memory; NaN where garbage cannot be collected before it is measured. */
  readonly heapPerNode: number
  /** Real seconds. */
  readonly took: number
}

/** Starts all nodes at once, lets one end, and gives what both cost. */
export function lose(mesh: Mesh, seed: number, mode: Mode): Outcome {
  const started = performance.now()
  const heap = heapUsed()
  const sim = build(mesh, seed, mode)
  const [origin, key] = [sim.nodes.get(`n${mesh.victim}`), ' ns']
  const changes = watch(sim, key)
  const start = costOf(sim, SETTLE_MS, changes)
  const heapPerNode = (heapUsed() - heap) / mesh.organisations.length
  const holders = [...sim.nodes.values()].filter((node) => node !== origin && holds(node.speaker))
  const since = sim.now
  changes.lost.clear()
  origin?.crash()
  const loss = costOf(sim, WATCH_MS, changes)
  const falseMs = holders.reduce(
    (sum, { id }) => sum + (changes.lost.get(id) ?? sim.now) - since,
    0,
  )
  return {
    start,
    loss,
    falseSeconds: falseMs / 1_000,
    bytesPerNode: stateOf(sim) / mesh.organisations.length,
    heapPerNode,
    took: (performance.now() - started) / 1_000,
  }
}

function build({ links, organisations, victim }: Mesh, seed: number, mode: Mode): MeshSim {
  const sim = new MeshSim(seed, mode.tuning)
  for (const organisation of new Set(organisations)) sim.bus(organisation).set(mode.bus)
  const imports = [{ preference: 0, behind: ['*'] }]
  const exports = [{ allow: true, transit: true }]
  for (const [at, organisation] of organisations.entries()) {
    const namespaces = at === victim ? [{ name: 'ns', revision: 'r', count: 1, tags: [] }] : []
    sim.addNode({ id: `n${at}`, organisation, namespaces, imports, exports })
  }
  for (const [from, to] of links) {
    sim.addLink({ from: `n${from}`, to: `n${to}`, latency: 5, jitter: 5 })
  }
  return sim
}

interface Changes {
  /** The last time anybody's way to the namespace changed. */
  at: number
  /** When nodes lost it. */
  readonly lost: Map<string, number>
}

function watch(sim: MeshSim, key: string): Changes {
  const changes: Changes = { at: 0, lost: new Map<string, number>() }
  sim.log = (id, event) => {
    if (event.type !== 'routes' || event.detail?.includes(key) !== true) return
    changes.at = sim.now
    if (holds(sim.nodes.get(id)?.speaker)) changes.lost.delete(id)
    else changes.lost.set(id, sim.now)
  }
  return changes
}

type Speaker = ReturnType<MeshSim['addNode']>['speaker']

/** Whether a node has a way to the namespace. */
function holds(speaker: Speaker): boolean {
  return [...(speaker?.fib.values() ?? [])].some(({ candidates }) => candidates.length > 0)
}

function costOf(sim: MeshSim, duration: number, changes: Changes): Cost {
  const [since, before] = [sim.now, { ...sim.counts }]
  sim.run(duration)
  const { bus, bytes, records, routes } = sim.counts
  return {
    routes: routes - before.routes,
    records: records - before.records + bus - before.bus,
    bytes: bytes - before.bytes,
    convergence: Math.max(0, changes.at - since),
  }
}

/** Bytes of the records and routes all nodes hold, as they would go over a wire. */
function stateOf(sim: MeshSim): number {
  let bytes = 0
  for (const { speaker } of sim.nodes.values()) {
    for (const id of speaker?.db.nodes() ?? []) {
      for (const { text } of speaker?.db.texts(id) ?? []) bytes += sim.recordBytes(text)
    }
    for (const { candidates } of speaker?.fib.values() ?? []) {
      for (const { route } of candidates) bytes += 100 + 44 * route.path.length
    }
  }
  return bytes
}

function heapUsed(): number {
  const collect = (globalThis as { gc?: () => void }).gc
  collect?.()
  return collect === undefined ? NaN : process.memoryUsage().heapUsed
}
