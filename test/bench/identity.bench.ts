// What identity costs: `npm run bench:identity`. Goals that are missed are reported, never asserted.
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { SigningKey } from '../../node/identity/signing-key.ts'
import { verifySignature } from '../../node/identity/verify-key.ts'
import { compile, SOURCE, type Build } from './build.ts'
import { byFunction, type CpuProfile } from './cpu-profile.ts'
import { SCOPES, startGuarded, type GuardedNode, type NodeParts } from './identity-lab.ts'
import { bearer, bound, caller, Caller, median, nobody, type Cell } from './identity-load.ts'
import { caller as messenger } from './ipc.ts'
import type { ProbeCommands } from './probe.ts'
import { processorTicks, residentMb, tickMicroseconds } from './proc.ts'
import { startRole } from './processes.ts'
import { difference, paired, spread, type Spread } from './stats.ts'
import { figure, profileTable, table } from './table.ts'
import { facePath } from './upstream.ts'

const USAGE = `node test/bench/identity.bench.ts [options]

  --rounds N      rounds over the ways to call (default 6)
  --requests N    requests of a way in one round (default 4000)
  --fresh N       callers that need an exchange each, for its latency (default 400)
  --principals N  distinct callers for the memory (default 100000)
  --profile CELL  only this: where the time goes in open, bearer, proved or bound
`

const IN_FLIGHT = 8
const PATIENCE_MS = 30_000
const TOOLS = 10
const MEBI = 2 ** 20

/** What is promised at most, on a machine where a signature and its check take so much together, µs. */
const GOALS = { bearer: 20, bound: 350, coldMs: 5 }
const GOALS_SIGNING = 25 + 71

/** A goal, what it comes to on this machine, and whether it is met here. */
function verdict(goal: number, measured: number, pace: number): string {
  const here = goal * pace
  const met = measured <= goal ? 'met' : measured <= here ? 'met at this pace' : 'NOT MET'
  return `${goal}; here ${figure(here)} (${met})`
}

interface Options {
  readonly rounds: number
  readonly requests: number
  readonly fresh: number
  readonly principals: number
  readonly profile: string | undefined
}

function optionsOf(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: text,
      requests: text,
      fresh: text,
      principals: text,
      profile: text,
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    rounds: Number(values.rounds ?? 6),
    requests: Number(values.requests ?? 4_000),
    fresh: Number(values.fresh ?? 400),
    principals: Number(values.principals ?? 100_000),
    profile: values.profile,
  }
}

function progress(words: string): void {
  const seconds = (performance.now() / 1_000).toFixed(0).padStart(4)
  process.stderr.write(`${seconds} s  ${words}\n`)
}

const within = (...names: string[]): object => ({
  map: Object.fromEntries(names.map((name) => [name, [name]])),
})

/** A node with an endpoint for each way to call, in front of one server that asks for nothing. */
function edgeParts(server: string): NodeParts {
  const told = { mode: 'exchange', scopes: within('ns:told') }
  const plain = { namespaces: ['plain'], names: 'plain' }
  const passing = { namespaces: ['told'], names: 'plain' }
  return {
    upstreams: { plain: { http: { url: server } }, told: { http: { url: server }, auth: told } },
    namespaces: { plain: { from: ['plain'] }, told: { from: ['told'] } },
    endpoints: {
      open: { ...plain, auth: 'none' },
      bearer: { ...plain, auth: { dpop: 'accepted' } },
      proved: { ...plain, auth: {} },
      bound: { ...passing, auth: {} },
      many: { ...passing, auth: { dpop: 'accepted' } },
    },
  }
}

function cellsOf(node: GuardedNode): readonly Cell[] {
  const holder = { subject: 'alice', jkt: caller.jkt }
  const prove = (endpoint: string): Cell => {
    const url = node.endpoint(endpoint)
    return { name: endpoint, url, show: bound(url, node.token(endpoint, holder)) }
  }
  return [
    { name: 'open', url: node.endpoint('open'), show: nobody },
    {
      name: 'bearer',
      url: node.endpoint('bearer'),
      show: bearer(node.token('bearer', { subject: 'alice' })),
    },
    prove('proved'),
    prove('bound'),
  ]
}

/** Processor time of one step in this process, µs. */
function cpuOf(step: () => unknown): number {
  for (let count = 0; count < 1_000; count++) step()
  const before = process.cpuUsage()
  for (let count = 0; count < 5_000; count++) step()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 5_000
}

/** What one signature and one check of it cost in this process: no hop with a proof can cost less. */
function yardstick(): { readonly pace: number; readonly text: string } {
  const key = SigningKey.generate()
  const input = 'x'.repeat(400)
  const signature = key.sign(input)
  const [made, checked] = [
    cpuOf(() => key.sign(input)),
    cpuOf(() => verifySignature(key.public, 'ES256', input, signature)),
  ]
  const pace = (made + checked) / GOALS_SIGNING
  const text = table(
    ['ES256 alone', 'CPU µs'],
    [
      ['signature', figure(made)],
      ['check', figure(checked)],
      ['both / those of the machine the goals are for', figure(pace)],
    ],
  )
  return { pace, text }
}

const WORDS: Readonly<Record<string, string>> = {
  open: 'nobody is asked',
  bearer: 'bearer token, known',
  proved: 'DPoP token, known; proof checked',
  bound: 'the same, and a token and proof of its own for the upstream',
}

async function costs(node: GuardedNode, options: Options, pace: number): Promise<string> {
  const { rounds, requests } = options
  const cells = cellsOf(node).map((cell) => ({
    ...cell,
    caller: new Caller(cell.url, IN_FLIGHT),
    each: [] as number[],
  }))
  for (const cell of cells) {
    await cell.caller.ready(cell.show, PATIENCE_MS)
    await cell.caller.run(requests, IN_FLIGHT, cell.show)
  }
  const tick = tickMicroseconds() ?? Number.NaN
  for (let round = 0; round < rounds; round++) {
    for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
      const before = processorTicks(node.pid) ?? Number.NaN
      await cell.caller.run(requests, IN_FLIGHT, cell.show)
      cell.each.push((((processorTicks(node.pid) ?? Number.NaN) - before) * tick) / requests)
    }
  }
  await Promise.all(cells.map((cell) => cell.caller.close()))
  const open = cells[0]?.each ?? []
  const rows = cells.map(({ name, each }) => {
    const more = paired(each, open, difference)
    const goal = name === 'bearer' || name === 'bound' ? GOALS[name] : undefined
    return [
      WORDS[name] ?? name,
      figure(spread(each).median),
      name === 'open' ? '-' : spreadText(more),
      name === 'open' ? '1.00' : spreadText(paired(each, open, (a, b) => a / b)),
      goal === undefined ? '' : verdict(goal, more.median, pace),
    ]
  })
  return table(['one hop, 100 B, 2026', 'CPU µs', '+ µs', '× open', 'at most + µs'], rows)
}

function spreadText({ median: half, min, max }: Spread): string {
  return `${figure(half)} (${figure(min)}–${figure(max)})`
}

function middle(values: readonly number[]): number {
  return median(Float64Array.from(values).toSorted())
}

/** Two organisations, each with a process of its own; every fresh caller needs a grant and a redemption. */
async function cold(
  build: Build,
  server: string,
  { fresh, pace }: { readonly fresh: number; readonly pace: number },
): Promise<string> {
  const far = {
    upstreams: { far: { http: { url: server } } },
    namespaces: { far: { from: ['far'] } },
    endpoints: { far: { namespaces: ['far'], names: 'plain', auth: {} } },
    // A call of each caller, as fast as they come.
    limits: { tokenRequestsPerMinute: 1_000_000 },
  }
  const b = await startGuarded({ cli: build.cli, name: 'b', parts: far })
  const auth = { mode: 'chain', issuer: b.base, scopes: within('ns:far') }
  const near = {
    upstreams: { b: { node: { url: b.endpoint('far'), as: '{namespace}' }, auth } },
    endpoints: { far: { namespaces: ['far'], names: 'plain', auth: { dpop: 'accepted' } } },
  }
  const execArgv = ['--import', build.probe]
  const a = await startGuarded({ cli: build.cli, name: 'a', parts: near, execArgv })
  try {
    const record = {
      issuer: a.base,
      keys: { jwksUri: `${a.base}/oauth/jwks` },
      clients: [`${a.base}/oauth/client.json`],
      resources: [b.endpoint('far')],
      subjects: { anonymous: true },
      scopes: { ...within('ns:far'), max: ['ns:far'] },
      rate: { exchangesPerMin: 1_000_000 },
    }
    await b.reload({ ...far, trust: [record] })
    const calls = new Caller(a.endpoint('far'), 1)
    const token = (subject: string): string => a.token('far', { subject })
    await calls.ready(bearer(token('first')), PATIENCE_MS)
    const warm = bearer(token('warm'))
    await calls.run(fresh * 2, 1, warm)
    const probe = messenger<ProbeCommands>(a.child)
    await probe('exchanges', null)
    const cut: number[] = []
    const usual: number[] = []
    for (let at = 0; at < fresh; at++) {
      cut.push(await calls.call(bearer(token(`caller-${at}`))))
      usual.push(await calls.call(warm))
    }
    await calls.close()
    const exchange = middle(await probe('exchanges', null))
    return table(
      ['one call at a time, ms', 'p50', 'at most'],
      [
        ['two hops, known caller', figure(middle(usual) / 1_000), ''],
        ['two hops, new caller: exchange, its list, call', figure(middle(cut) / 1_000), ''],
        [
          'the exchange: caller verified, grant, redemption',
          figure(exchange),
          verdict(GOALS.coldMs, exchange, pace),
        ],
      ],
    )
  } finally {
    await a.stop()
    await b.stop()
  }
}

/** What the tables of LIMITS.md come to when they are full, MB: `verifiedTokens`, `delegatedTokens`, `replayEntries`. */
const STATED_MB = (10_000 * 2 + 8_192 * 3 + 100_000 * 0.4) / 1_024

/** A node that says what is left of its memory when garbage is gone. */
async function memory(build: Build, server: string, { principals }: Options): Promise<string> {
  const node = await startGuarded({
    cli: build.cli,
    name: 'weighed',
    parts: edgeParts(server),
    execArgv: ['--expose-gc', '--import', build.probe],
  })
  const calls = new Caller(node.endpoint('many'), IN_FLIGHT)
  const probe = messenger<ProbeCommands>(node.child)
  try {
    await calls.ready(bearer(node.token('many', { subject: 'first' })), PATIENCE_MS)
    let serial = 0
    const next = (): readonly string[] =>
      bearer(node.token('many', { subject: `caller-${++serial}` }))()
    await calls.run(2_000, IN_FLIGHT, bearer(node.token('many', { subject: 'first' })))
    const before = await probe('kept', null)
    const rows: string[][] = []
    for (const share of [0.1, 0.2, 0.5, 1]) {
      const wanted = Math.floor(principals * share)
      await calls.run(wanted - serial, IN_FLIGHT, next)
      const busy = residentMb(node.pid) ?? Number.NaN
      const { heap, resident } = await probe('kept', null)
      const live = (heap - before.heap) / MEBI
      rows.push([
        String(wanted),
        figure(live),
        figure(STATED_MB),
        ...[busy, resident / MEBI].map(figure),
      ])
      progress(`memory: ${wanted} callers`)
    }
    await calls.close()
    const head = [
      'distinct callers, verified and passed on',
      '+ live MB',
      'at most',
      'RSS MB',
      'RSS MB, collected',
    ]
    return table(head, rows)
  } finally {
    await node.stop()
  }
}

async function measure(build: Build, server: string, options: Options): Promise<string> {
  const { pace, text } = yardstick()
  const parts: string[] = [text]
  const node = await startGuarded({ cli: build.cli, name: 'edge', parts: edgeParts(server) })
  try {
    progress('cost of a call')
    parts.push(await costs(node, options, pace))
  } finally {
    await node.stop()
  }
  progress('cold exchange')
  parts.push(await cold(build, server, { fresh: options.fresh, pace }))
  progress('memory')
  parts.push(await memory(build, server, options))
  const model = cpus()[0]?.model ?? 'unknown'
  const about = `node ${process.version} · ${model} · ${availableParallelism()} cores · scopes of each caller: ${SCOPES.length}`
  return `${about}\n\n${parts.join('\n\n')}\n`
}

/** Where the time goes when one of the cells is called. */
async function profile(server: string, name: string, { requests }: Options): Promise<string> {
  const node = await startGuarded({
    cli: SOURCE.cli,
    name: 'edge',
    parts: edgeParts(server),
    execArgv: ['--import', SOURCE.probe],
  })
  try {
    const cell = cellsOf(node).find((one) => one.name === name)
    if (cell === undefined)
      throw new TypeError(`--profile is one of ${Object.keys(WORDS).join(', ')}`)
    const calls = new Caller(cell.url, IN_FLIGHT)
    await calls.ready(cell.show, PATIENCE_MS)
    await calls.run(requests, IN_FLIGHT, cell.show)
    const probe = messenger<ProbeCommands>(node.child)
    await probe('startProfile', 200)
    await calls.run(requests, IN_FLIGHT, cell.show)
    const file = join(tmpdir(), `banyan-${process.pid}.cpuprofile`)
    await probe('stopProfile', file)
    await calls.close()
    const read = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
    return `${profileTable('function', byFunction(read).slice(0, 40), requests)}\n${file}\n`
  } finally {
    await node.stop()
  }
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2))
  if (options === undefined) {
    process.stdout.write(USAGE)
    return
  }
  const build = await compile()
  const upstream = await startRole(build.role, 'upstream')
  const server = upstream.url + facePath('2026', TOOLS)
  try {
    const { profile: cell } = options
    const text =
      cell === undefined ? measure(build, server, options) : profile(server, cell, options)
    process.stdout.write(await text)
  } finally {
    await upstream.stop()
    await build.discard()
  }
}

await main()
