// What a hop costs over the WebSocket link between nodes, against the same hop over HTTP: `npm run bench:link`. With --quick a
// first look. A chain of four nodes for each transport; the two in the middle neither serve clients nor servers.
import { setTimeout as pause } from 'node:timers/promises'
import { compile } from './build.ts'
import { caller, type Call } from './ipc.ts'
import type { LoadCommands } from './load.ts'
import { startNode, type RunningNode } from './nodes.ts'
import { processorTicks, tickMicroseconds } from './proc.ts'
import { startRole, type Running } from './processes.ts'
import { quantile } from './stats.ts'
import { figure, table } from './table.ts'
import { facePath } from './upstream.ts'

const QUICK = process.argv.includes('--quick')
const ROUNDS = QUICK ? 2 : 7
const SECONDS = QUICK ? 1.5 : 4
const NODES = 4
const IN_FLIGHT = 16
const SPACE = 'era2026-10'
const SIZES: readonly (readonly [string, number])[] = [
  ['100 B', 100],
  ['64 KiB', 65_536],
  ['1 MiB', 1_048_576],
]
const TICK_US = tickMicroseconds() ?? Number.NaN
const LINKS = ['http', 'websocket'] as const
type LinkKind = (typeof LINKS)[number]

/** What one way costs. */
interface Figures {
  /** Processor time of one process in the middle, microseconds a request, one of each round. */
  readonly middle: number[]
  readonly p50: number[]
  readonly p99: number[]
}

/** A way to the upstream. */
interface Way {
  readonly url: string
  /** Whose processor time counts. */
  readonly middle: readonly Running[]
}

/** The nearest to the upstream first. */
async function chain(cli: string, upstream: Running, link: LinkKind): Promise<RunningNode[]> {
  const nodes: RunningNode[] = []
  for (let index = 0; index < NODES; index += 1) {
    const name = `${link}${index}`
    const behind = nodes.at(-1)
    const plan =
      behind === undefined
        ? { name, servers: { [SPACE]: upstream.url + facePath('2026', 10) } }
        : { name, parent: { url: behind.url, namespaces: [SPACE], link } }
    nodes.push(await startNode(cli, plan))
  }
  return nodes
}

async function openTarget(
  call: Call<LoadCommands>,
  { url }: Way,
  payload: number,
): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    try {
      const operation = { kind: 'call', payload } as const
      const opening = { url, era: '2026', operation, inFlight: IN_FLIGHT } as const
      return (await call('open', opening)).target
    } catch (cause) {
      // A node may be up before its upstreams have answered for the first time.
      if (tries >= 100) throw new Error(url, { cause })
      await pause(100)
    }
  }
}

async function stretch(
  call: Call<LoadCommands>,
  { middle }: Way,
  target: number,
): Promise<{ readonly each: number; readonly p50: number; readonly p99: number }> {
  const used = (): number => middle.reduce((sum, { pid }) => sum + (processorTicks(pid) ?? 0), 0)
  const limit = { target, requests: 1_000_000, seconds: SECONDS }
  const before = used()
  const loaded = await call('run', { ...limit, inFlight: IN_FLIGHT })
  const each = ((used() - before) * TICK_US) / loaded.requests / middle.length
  const { p50, p99, faults } = await call('run', { ...limit, inFlight: 1, seconds: SECONDS / 4 })
  if (loaded.faults.length + faults.length > 0)
    throw new Error([...loaded.faults, ...faults].join())
  return { each, p50, p99 }
}

async function measure(
  call: Call<LoadCommands>,
  ways: ReadonlyMap<string, Way>,
  payload: number,
): Promise<ReadonlyMap<string, Figures>> {
  const found = new Map<string, Figures>()
  const targets = new Map<string, number>()
  for (const [name, way] of ways) {
    targets.set(name, await openTarget(call, way, payload))
    found.set(name, { middle: [], p50: [], p99: [] })
    await stretch(call, way, targets.get(name) ?? 0)
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, way] of round % 2 === 0 ? ways : [...ways].toReversed()) {
      const { each, p50, p99 } = await stretch(call, way, targets.get(name) ?? 0)
      found.get(name)?.middle.push(each)
      found.get(name)?.p50.push(p50)
      found.get(name)?.p99.push(p99)
    }
  }
  for (const target of targets.values()) await call('close', target)
  return found
}

const median = (values: readonly number[]): number =>
  quantile(Float64Array.from(values).toSorted(), 0.5)

function row(name: string, { middle, p50, p99 }: Figures, base: number, size: string): string[] {
  const each = median(middle)
  return [
    `${size}, ${name}`,
    figure(each),
    figure(each / base),
    figure(median(p50)),
    figure(median(p99)),
  ]
}

async function main(): Promise<void> {
  const build = await compile()
  const running: Running[] = []
  const keep = <T extends Running>(one: T): T => {
    running.unshift(one)
    return one
  }
  try {
    const upstream = keep(await startRole(build.role, 'upstream'))
    const load = keep(await startRole(build.role, 'load'))
    const floor = keep(await startRole(build.role, 'floor', upstream.url))
    const ways = new Map<string, Way>([
      ['floor proxy', { url: floor.url + facePath('2026', 10), middle: [floor] }],
    ])
    for (const link of LINKS) {
      const nodes = (await chain(build.cli, upstream, link)).map((node) => keep(node))
      nodes.forEach((node, at) => {
        const middle = at < 2 ? nodes.slice(0, 1) : nodes.slice(1, at)
        ways.set(`${link}, ${at + 1} nodes`, { url: node.endpoints[SPACE] ?? '', middle })
      })
    }
    const call = caller<LoadCommands>(load.child)
    const rows: string[][] = []
    for (const [size, payload] of SIZES) {
      const found = await measure(call, ways, payload)
      const base = median(found.get('http, 4 nodes')?.middle ?? [])
      for (const [name, figures] of found) rows.push(row(name, figures, base, size))
    }
    const head = ['way', 'µs a request', '× http', 'p50, µs', 'p99, µs']
    process.stdout.write(`${table(head, rows)}\n`)
  } finally {
    for (const one of running) await one.stop()
    await build.discard()
  }
}

await main()
