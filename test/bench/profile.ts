// Where a node spends its time in one cell: `node test/bench/profile.ts [options]`, see --help.
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { byFunction, byOwner, type CpuProfile } from './cpu-profile.ts'
import { SOURCE } from './build.ts'
import { caller, type Call } from './ipc.ts'
import { Lab, namespaceOf } from './lab.ts'
import type { LoadCommands } from './load.ts'
import { startNode } from './nodes.ts'
import { allGroups, groupName, type Group } from './plan.ts'
import type { ProbeCommands } from './probe.ts'
import { processorTicks, tickMicroseconds } from './proc.ts'
import { start, type Running } from './processes.ts'
import { figure, profileTable } from './table.ts'
import { facePath } from './upstream.ts'

const USAGE = `node test/bench/profile.ts [options]

  --cell NAME      what is asked: call/2026/100B (default), call/2025/64KiB, list/2026/1000 ...
  --floor          profile the floor proxy instead of a node
  --middle LINK    profile a node between two others, over http or websocket
  --warm SECONDS   load before the profile (default 4)
  --seconds N      load under the profile (default 5)
  --interval US    microseconds between samples (default 200)
  --in-flight N    requests in flight (default 16)
  --top N          functions to print (default 40)
  --out FILE       where the .cpuprofile goes (default: in the temporary folder); DevTools opens it
`

/** More requests than fit into any stretch. */
const MANY_REQUESTS = 2_000_000

interface Wanted {
  readonly group: Group
  readonly floor: boolean
  readonly middle: 'http' | 'websocket' | undefined
  readonly warm: number
  readonly seconds: number
  readonly interval: number
  readonly inFlight: number
  readonly top: number
  readonly out: string
}

function wanted(): Wanted | undefined {
  const { values } = parseArgs({
    options: {
      cell: { type: 'string', default: 'call/2026/100B' },
      floor: { type: 'boolean', default: false },
      middle: { type: 'string' },
      warm: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '5' },
      interval: { type: 'string', default: '200' },
      'in-flight': { type: 'string', default: '16' },
      top: { type: 'string', default: '40' },
      out: { type: 'string', default: join(tmpdir(), `banyan-${process.pid}.cpuprofile`) },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const groups = allGroups(false)
  const group = groups.find((one) => groupName(one) === values.cell)
  if (group === undefined) {
    throw new TypeError(`--cell is one of ${groups.map((one) => groupName(one)).join(', ')}`)
  }
  const { floor, middle, out } = values
  if (middle !== undefined && middle !== 'http' && middle !== 'websocket') {
    throw new TypeError('--middle is http or websocket')
  }
  return {
    group,
    floor,
    middle,
    out,
    warm: Number(values.warm),
    seconds: Number(values.seconds),
    interval: Number(values.interval),
    inFlight: Number(values['in-flight']),
    top: Number(values.top),
  }
}

interface Subject {
  readonly running: Running
  readonly url: string
  /** Processes besides, to be stopped with it. */
  readonly others?: readonly Running[]
}

/** The middle one of three nodes, with the probe inside. */
async function middleOfThree(
  { build }: Lab,
  link: 'http' | 'websocket',
  { namespace, url }: { readonly namespace: string; readonly url: string },
): Promise<Subject> {
  const origin = await startNode(build.cli, { name: 'origin', servers: { [namespace]: url } })
  const behind = { url: origin.url, namespaces: [namespace], link }
  const execArgv = ['--import', build.probe]
  const running = await startNode(build.cli, { name: 'profiled', parent: behind, execArgv })
  const before = { url: running.url, namespaces: [namespace], link }
  const edge = await startNode(build.cli, { name: 'edge', parent: before })
  return { running, url: edge.endpoints[namespace] ?? '', others: [edge, origin] }
}

/** One hop, with the probe inside. */
async function subject(lab: Lab, { group, floor, middle: link }: Wanted): Promise<Subject> {
  const { era, operation } = group
  const tools = operation.kind === 'list' ? operation.tools : 10
  const upstream = await lab.upstream()
  const execArgv = ['--import', lab.build.probe]
  if (floor) {
    const running = await start({
      name: 'floor',
      args: [...execArgv, lab.build.role, 'floor', upstream.url],
      ready: (said) =>
        typeof said === 'object' && said !== null && 'url' in said ? String(said.url) : undefined,
    })
    return { running, url: running.url + facePath(era, tools) }
  }
  const namespace = namespaceOf(era, tools)
  const servers = { [namespace]: upstream.url + facePath(era, tools) }
  if (link !== undefined) {
    return middleOfThree(lab, link, { namespace, url: upstream.url + facePath(era, tools) })
  }
  const running = await startNode(lab.build.cli, { name: 'profiled', servers, execArgv })
  return { running, url: running.endpoints[namespace] ?? '' }
}

async function stopAll({ running, others = [] }: Subject): Promise<void> {
  for (const one of [running, ...others]) await one.stop()
}

/** A node may be up before its upstreams have answered for the first time. */
async function open(
  call: Call<LoadCommands>,
  opening: LoadCommands['open']['in'],
): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    try {
      return (await call('open', opening)).target
    } catch (error) {
      if (tries >= 100) throw error
      await pause(100)
    }
  }
}

async function profile(lab: Lab, wish: Wanted, { running, url }: Subject): Promise<void> {
  const load = await lab.load()
  const call = caller<LoadCommands>(load.child)
  const probe = caller<ProbeCommands>(running.child)
  const { era, operation } = wish.group
  const target = await open(call, { url, era, operation, inFlight: wish.inFlight })
  const limit = { target, inFlight: wish.inFlight, requests: MANY_REQUESTS }
  await call('run', { ...limit, seconds: wish.warm })
  const before = processorTicks(running.pid)
  const plain = await call('run', { ...limit, seconds: wish.seconds })
  const after = processorTicks(running.pid)
  await probe('startProfile', wish.interval)
  const { requests, faults } = await call('run', { ...limit, seconds: wish.seconds })
  await probe('stopProfile', wish.out)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  const read = JSON.parse(await readFile(wish.out, 'utf8')) as CpuProfile
  const used =
    (((after ?? Number.NaN) - (before ?? 0)) * (tickMicroseconds() ?? 0)) / plain.requests
  const words =
    `${groupName(wish.group)}, ${wish.floor ? 'floor' : (wish.middle ?? 'one hop')}: ` +
    `${figure(plain.requests / plain.seconds)} req/s, CPU ${figure(used)} µs/request; ` +
    `under the profiler ${figure(requests / wish.seconds)} req/s`
  const functions = profileTable('function', byFunction(read).slice(0, wish.top), requests)
  const owners = profileTable('whose code', byOwner(read), requests)
  process.stdout.write([words, functions, owners, `${wish.out}\n`].join('\n'))
}

const wish = wanted()
if (wish === undefined) process.stdout.write(USAGE)
else {
  const lab = new Lab(SOURCE)
  try {
    const profiled = await subject(lab, wish)
    try {
      await profile(lab, wish, profiled)
    } finally {
      await stopAll(profiled)
    }
  } finally {
    await lab.stop()
  }
}
