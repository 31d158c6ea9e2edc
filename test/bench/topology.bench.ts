// What it costs a mesh to learn that a node is gone: `npm run bench:topology`. Virtual time; nothing here is measured but
// memory and the last columns, which say what the simulation itself took.
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { SeededRandom } from '../../topology/sim/random.ts'
import { shapeOf, type Plan, type Shape, type ShapeParameters } from '../../topology/sim/shapes.ts'
import { figure, table } from './table.ts'
import { lose, MODES } from './topology-run.ts'
import { meshOf, pointOf, SCALE_HEAD, scaleRow, type ScalePoint } from './topology-scale.ts'

const USAGE = `node --expose-gc test/bench/topology.bench.ts [options]

  --seed N        of all random numbers (default 1)
  --large         also a scale-free mesh of 1 000 nodes, which takes minutes
  --nodes N[,N]   instead: what sizes cost, in organisations of at most 1 000 nodes;
                  10 000 take more than half an hour and want --max-old-space-size=12000
  --without N     modes to leave out, from 1: with 2, causes on links alone
  --json FILE     also writes the figures of sizes, for docs/topology-scale.ts
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

const HEAD = [
  'mesh',
  'what is told',
  'route messages',
  'record deliveries',
  'ms to converge',
  'false-route s',
  'state of a node, KB',
  's to simulate',
]

function nameOf({ shape, parameters }: Case): string {
  const words = Object.entries(parameters).map(([name, value]) => `${name} ${value}`)
  return `${shape}, ${words.join(', ')}`
}

function shapes(cases: readonly Case[], seed: number): string {
  const rows: string[][] = []
  for (const one of cases) {
    const plan = shapeOf(one.shape, one.parameters, new SeededRandom(seed))
    const organisations = Array.from({ length: plan.nodes }, () => 'lab')
    const mesh = { ...plan, name: nameOf(one), organisations, victim: one.victim(plan) }
    for (const mode of MODES) {
      process.stderr.write(`${mesh.name}: ${mode.name}\n`)
      const { bytesPerNode, falseSeconds, loss, took } = lose(mesh, seed, mode)
      const { convergence, records, routes } = loss
      const figures = [routes, records, convergence, falseSeconds, bytesPerNode / 1e3, took]
      rows.push([mesh.name, mode.name, ...figures.map(figure)])
    }
  }
  return table(HEAD, rows)
}

function sizes(nodes: readonly number[], seed: number, without: readonly number[]): ScalePoint[] {
  const modes = MODES.filter((_, at) => !without.includes(at + 1))
  return nodes.flatMap((size) => {
    const mesh = meshOf(size, seed)
    return modes.map((mode) => {
      process.stderr.write(`${mesh.name}: ${mode.name}\n`)
      return pointOf(mesh, mode, lose(mesh, seed, mode))
    })
  })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      large: { type: 'boolean', default: false },
      nodes: { type: 'string' },
      without: { type: 'string', default: '' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const seed = Number(values.seed)
  if (values.help) process.stdout.write(USAGE)
  else if (values.nodes === undefined) {
    process.stdout.write(`${shapes(values.large ? [...CASES, LARGE] : CASES, seed)}\n`)
  } else {
    const without = values.without.split(',').map(Number)
    const points = sizes(values.nodes.split(',').map(Number), seed, without)
    process.stdout.write(`${table(SCALE_HEAD, points.map(scaleRow))}\n`)
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(points)}\n`)
  }
}

await main()
