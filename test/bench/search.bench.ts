// What it costs to find tools: in the context of a model, in time and in memory. One process, no network:
// `npm run bench:search`, a good minute. Goals that are missed are reported, never asserted.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { finderItems } from '../../node/hop/search/finder-tools.ts'
import { writeViewItem, type View, type ViewItem } from '../../node/hop/view.ts'
import { QUERIES, SERVERS } from '../node/hop/search/corpus.ts'
import { rule } from '../node/hop/tools.ts'
import { sightOf, toolAt, viewOf, World } from '../node/hop/search/world.ts'
import { toolCatalogue } from './search-catalogue.ts'
import { quantile } from './stats.ts'
import { figure, table } from './table.ts'

const SIZES = [100, 1_000, 10_000]
/** How often each query is asked; its time is the median, so that what disturbs the machine does not count. */
const ROUNDS = 31
/** Classes of callers that see different parts, and how many of 10 000 tools each of them sees. */
const CLASSES = 50
const SEEN = 1_000
const GOAL_MS = 5

/**
 * Tokens of JSON text, four characters each: what the tokenizers of current models make of tool definitions, give or take
 * a fifth. Ratios do not depend on it.
 */
function tokens(characters: number): number {
  return characters / 4
}

const DIALECT = { era: '2026', revision: '2026-07-28', federated: false } as const

function written(items: readonly ViewItem[]): number {
  return items.reduce((sum, item) => sum + writeViewItem(item, DIALECT).length + 1, 0)
}

/** The labelled tools among so many others. */
function viewWith(count: number): View {
  const labelled = SERVERS.flatMap(({ namespace, tools }) =>
    tools.map(({ name, ...more }) => toolAt(`${namespace}/${name}`, more)),
  )
  const others = toolCatalogue(count).map(({ namespace, definition: { name, ...more } }) =>
    toolAt(`${namespace}/${String(name)}`, more),
  )
  return viewOf([...labelled, ...others].slice(0, count))
}

function heap(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

interface Measured {
  readonly count: number
  readonly eager: number
  readonly listed: number
  readonly task: number
  readonly buildMs: number
  readonly megabytes: number
  readonly estimated: number
  readonly p50: number
  readonly p99: number
}

/** All that a model reads to do one thing: what is searched for, one definition, and the call around the arguments. */
async function taskCharacters(world: World, query: string): Promise<number> {
  const found = await world.search({ query })
  const names = found.tools.slice(0, 1).map(({ name }) => name)
  const described = names.length === 0 ? {} : await world.describe({ names })
  return [found, described, { query }, { names }].reduce(
    (sum, part) => sum + JSON.stringify(part).length,
    0,
  )
}

async function measure(count: number): Promise<Measured> {
  const view = viewWith(count)
  const world = new World(view)
  const before = heap()
  const usage = process.cpuUsage()
  await world.search({ query: 'warm' })
  const { user, system } = process.cpuUsage(usage)
  const buildMs = (user + system) / 1_000
  const megabytes = (heap() - before) / 1e6
  const queries = [...QUERIES.map(({ query }) => query), ...queriesOf(view)]
  const times: number[] = []
  for (const query of queries) {
    const taken: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const from = performance.now()
      await world.search({ query })
      taken.push(performance.now() - from)
    }
    times.push(quantile(Float64Array.from(taken).toSorted(), 0.5))
  }
  const sorted = Float64Array.from(times).toSorted()
  const tasks = await Promise.all(QUERIES.map(({ query }) => taskCharacters(world, query)))
  return {
    count: view.items.length,
    eager: tokens(written(view.items)),
    listed: tokens(written(finderItems(rule()))),
    task: tokens(tasks.reduce((sum, one) => sum + one, 0) / tasks.length),
    buildMs,
    megabytes,
    estimated: world.indexes.bytes / 1e6,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  }
}

/** What the tools say of themselves, and what all of them have in common: the dearest that can be asked for. */
function queriesOf({ items }: View): readonly string[] {
  const words = items
    .filter((_, index) => index % Math.ceil(items.length / 50) === 0)
    .map(({ entry }) => entry.id.name.replaceAll(/[_\d]+/g, ' '))
  return [
    ...words,
    'create name state',
    'belongs',
    'fields cursor limit returns current state exist',
  ]
}

function median(times: readonly number[]): string {
  return figure(quantile(Float64Array.from(times).toSorted(), 0.5))
}

/** The same tools, seen in part by many classes: what one more class costs. */
async function classes(): Promise<string> {
  const world = new World(viewWith(10_000), { maxBytes: 2 ** 30 })
  const { view } = world.seen
  const of = new Map(view.items.map(({ entry }, index) => [entry.name, index]))
  const parts = Math.round(view.items.length / SEEN)
  // Of each fifty tools in a row a class sees five, and no two classes the same.
  const seen = (key: number) =>
    sightOf(`${key}`, (name) => ((of.get(name) ?? 0) + key * 17) % CLASSES < CLASSES / parts)
  const before = heap()
  const [first, again]: [number[], number[]] = [[], []]
  for (const times of [first, again]) {
    for (let key = 0; key < CLASSES; key += 1) {
      world.seen = { view, sight: seen(key) }
      const from = performance.now()
      await world.search({ query: 'create invoice' })
      times.push(performance.now() - from)
    }
  }
  const megabytes = (heap() - before) / 1e6
  return (
    `${CLASSES} classes, each sees ${SEEN} of 10 000 tools, ${world.indexes.size} different sets: first search of each ` +
    `${median(first)} ms, every later one ${median(again)} ms, ${figure(megabytes)} MB in all\n`
  )
}

const results: Measured[] = []
for (const count of SIZES) results.push(await measure(count))
const [model = 'unknown'] = cpus().map((one) => one.model)
const rows = results.map((one) => [
  figure(one.count),
  figure(one.eager),
  figure(one.listed),
  figure(one.task),
  figure(one.buildMs),
  `${figure(one.megabytes)} (${figure(one.estimated)})`,
  figure(one.p50),
  figure(one.p99),
])
const head = [
  'tools',
  'tokens, all listed',
  'search: listed',
  'search: one task',
  'index, CPU ms',
  'MB (estimate)',
  'search p50, ms',
  'p99',
]
process.stdout.write(`${model}, Node ${process.version}, tokens are characters of JSON / 4\n\n`)
process.stdout.write(`${table(head, rows)}\n\n${await classes()}`)
const worst = Math.max(...results.map(({ p99 }) => p99))
process.stdout.write(
  `goal ${GOAL_MS} ms: ${worst <= GOAL_MS ? 'met' : `missed, ${figure(worst)}`}\n`,
)
