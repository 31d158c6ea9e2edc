// What it costs a mesh to learn that a node is gone: `npm run bench:topology`. Virtual time; nothing here is measured but
// the last columns, which say what the simulation itself took.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { MeshSim, type Tuning } from '../../topology/sim/mesh-sim.ts'
import { SeededRandom } from '../../topology/sim/random.ts'
import { shapeOf, type Plan, type Shape, type ShapeParameters } from '../../topology/sim/shapes.ts'
import { figure, table } from './table.ts'

const USAGE = `node test/bench/topology.bench.ts [options]

  --seed N    of all random numbers (default 1)
  --large     also 1 000 nodes, which takes ten minutes
`

interface Case {
  readonly shape: Shape
  readonly parameters: ShapeParameters
  /** The node that ends. */
  readonly victim: (plan: Plan) => number
}

const busiest = ({ links, nodes }: Plan): number => {
  const users = new Uint32Array(nodes)
  for (const [, to] of links) users[to] = (users[to] ?? 0) + 1
  return users.indexOf(Math.max(...users))
}
const first = (): number => 0
const last = ({ nodes }: Plan): number => nodes - 1

const CASES: readonly Case[] = [
  { shape: 'clique', parameters: { n: 16 }, victim: first },
  { shape: 'clique', parameters: { n: 30 }, victim: first },
  { shape: 'ring', parameters: { n: 50 }, victim: first },
  { shape: 'tree', parameters: { k: 4, depth: 3 }, victim: last },
  { shape: 'grid', parameters: { a: 8, b: 8 }, victim: first },
  { shape: 'scale-free', parameters: { n: 100, m: 2 }, victim: busiest },
  { shape: 'small-world', parameters: { n: 100, k: 4, p: 0.1 }, victim: first },
]

const LARGE: Case = { shape: 'scale-free', parameters: { n: 1_000, m: 2 }, victim: busiest }

interface Mode {
  readonly name: string
  readonly bus: boolean
  readonly tuning: Tuning
}

/** Without a memory of records no cause is known: what is left is a plain path vector. */
const NO_CAUSES: Tuning = { db: { records: 0, ttl: 1 } }

const MODES: readonly Mode[] = [
  { name: 'plain path vector', bus: false, tuning: NO_CAUSES },
  { name: 'causes on links (no bus)', bus: false, tuning: {} },
  { name: 'causes on links and bus', bus: true, tuning: {} },
]

/** Before the node ends: all is known, and nobody speaks. */
const SETTLE_MS = 30_000
/** After it: longer than anything takes. */
const WATCH_MS = 50_000

interface Outcome {
  readonly routes: number
  readonly records: number
  readonly convergence: number
  readonly falseSeconds: number
  readonly bytesPerNode: number
  readonly took: number
}

function build(plan: Plan, seed: number, { bus, tuning }: Mode): MeshSim {
  const sim = new MeshSim(seed, tuning)
  sim.bus('lab').set(bus)
  for (let at = 0; at < plan.nodes; at += 1) sim.addNode({ id: `n${at}`, organisation: 'lab' })
  for (const [from, to] of plan.links) {
    sim.addLink({ from: `n${from}`, to: `n${to}`, latency: 5, jitter: 5 })
  }
  return sim
}

function run(plan: Plan, victim: number, { seed, mode }: { seed: number; mode: Mode }): Outcome {
  const started = performance.now()
  const sim = build(plan, seed, mode)
  const origin = sim.nodes.get(`n${victim}`)
  origin?.setNamespaces([{ name: 'ns', revision: 'r', count: 1, tags: [] }])
  sim.run(SETTLE_MS)
  const key = `n${victim} ns`
  const before = { ...sim.counts }
  const [since, changed] = [sim.now, { at: sim.now }]
  let falseMs = 0
  const lost = new Map<string, number>()
  sim.log = (id, event) => {
    if (event.type !== 'routes' || event.detail?.includes(key) !== true) return
    changed.at = sim.now
    const has = (sim.nodes.get(id)?.speaker?.fib.get(key)?.candidates.length ?? 0) > 0
    if (!has) lost.set(id, sim.now)
    else lost.delete(id)
  }
  const holders = [...sim.nodes.values()].filter(
    ({ speaker }) => (speaker?.fib.get(key)?.candidates.length ?? 0) > 0,
  )
  origin?.crash()
  sim.run(WATCH_MS)
  for (const { id } of holders) {
    if (id !== origin?.id) falseMs += (lost.get(id) ?? sim.now) - since
  }
  const { bus, records, routes } = sim.counts
  return {
    routes: routes - before.routes,
    records: records - before.records + bus - before.bus,
    convergence: changed.at - since,
    falseSeconds: falseMs / 1_000,
    bytesPerNode: stateOf(sim) / plan.nodes,
    took: (performance.now() - started) / 1_000,
  }
}

/** Bytes of the records and routes all nodes hold, as they would go over a wire. */
function stateOf(sim: MeshSim): number {
  let bytes = 0
  for (const { speaker } of sim.nodes.values()) {
    for (const id of speaker?.db.nodes() ?? []) {
      for (const { record } of speaker?.db.texts(id) ?? []) bytes += 350 + 60 * record.links.length
    }
    for (const { candidates } of speaker?.fib.values() ?? []) {
      for (const { route } of candidates) bytes += 100 + 44 * route.path.length
    }
  }
  return bytes
}

function nameOf({ shape, parameters }: Case): string {
  const words = Object.entries(parameters).map(([name, value]) => `${name} ${value}`)
  return `${shape}, ${words.join(', ')}`
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      large: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const seed = Number(values.seed)
  const rows: string[][] = []
  for (const one of values.large ? [...CASES, LARGE] : CASES) {
    const plan = shapeOf(one.shape, one.parameters, new SeededRandom(seed))
    for (const mode of MODES) {
      process.stderr.write(`${nameOf(one)}: ${mode.name}\n`)
      const outcome = run(plan, one.victim(plan), { seed, mode })
      const { bytesPerNode, convergence, falseSeconds, records, routes, took } = outcome
      const figures = [routes, records, convergence, falseSeconds, bytesPerNode / 1_024, took]
      rows.push([nameOf(one), mode.name, ...figures.map(figure)])
    }
  }
  const head = ['mesh', 'what is told', 'route messages', 'record deliveries']
  const rest = ['ms to converge', 'false-route s', 'state of a node, KB', 's to simulate']
  process.stdout.write(table([...head, ...rest], rows))
}

main()
