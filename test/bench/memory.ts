// What a node holds: at rest, and for each open session of era 2025.
import { setTimeout as pause } from 'node:timers/promises'
import { SOURCE } from './build.ts'
import { caller, type Call } from './ipc.ts'
import { namespaceOf, type Lab } from './lab.ts'
import type { LoadCommands } from './load.ts'
import { startNode, type RunningNode } from './nodes.ts'
import type { ProbeCommands } from './probe.ts'
import { residentMb } from './proc.ts'
import type { MemoryResult } from './results.ts'
import { facePath } from './upstream.ts'

/** Sessions held open, each having made one call. */
const SESSIONS = 1_000

/** Load before the first weighing, so that code compiled on the way is not booked to the sessions. */
const WARM_REQUESTS = 5_000
const IN_FLIGHT = 16
const TOOLS = 10

/** Memory is at rest when it has moved less than this for so many looks; or when patience ends. */
const REST = { stepMs: 50, looks: 10, megabytes: 0.5, patienceMs: 4_000 }

/** Resident memory once it has stopped moving, mebibytes. */
async function resting(pid: number): Promise<number> {
  const patience = performance.now() + REST.patienceMs
  const seen: number[] = []
  for (;;) {
    seen.push(residentMb(pid) ?? Number.NaN)
    const last = seen.slice(-REST.looks)
    const still =
      last.length === REST.looks && Math.max(...last) - Math.min(...last) < REST.megabytes
    if (still || performance.now() > patience) return last.at(-1) ?? Number.NaN
    await pause(REST.stepMs)
  }
}

interface Weighed {
  readonly cli: string
  readonly execArgv?: readonly string[]
}

/** Starts a node, hands it over, and ends it. */
async function withNode<T>(
  lab: Lab,
  { cli, execArgv = [] }: Weighed,
  use: (node: RunningNode) => Promise<T>,
): Promise<T> {
  const upstream = await lab.upstream()
  const servers = { [namespaceOf('2025', TOOLS)]: upstream.url + facePath('2025', TOOLS) }
  const node = await startNode(cli, { name: 'memory', servers, execArgv })
  try {
    return await use(node)
  } finally {
    await node.stop()
  }
}

async function warm(call: Call<LoadCommands>, node: RunningNode): Promise<number> {
  const url = node.endpoints[namespaceOf('2025', TOOLS)] ?? ''
  const operation = { kind: 'call', payload: 100 } as const
  const { target } = await call('open', { url, era: '2025', operation, inFlight: IN_FLIGHT })
  const limit = { inFlight: IN_FLIGHT, requests: WARM_REQUESTS, seconds: 10 }
  const { faults } = await call('run', { target, ...limit })
  if (faults.length > 0) throw new Error(`memory: ${faults.join('\n')}`)
  return target
}

/** Resident memory as the operator sees it. */
function weighResident(
  lab: Lab,
  call: Call<LoadCommands>,
): Promise<Pick<MemoryResult, 'idle' | 'warm' | 'held'>> {
  return withNode(lab, lab.build, async (node) => {
    const idle = await resting(node.pid)
    const target = await warm(call, node)
    const before = await resting(node.pid)
    await call('hold', { target, sessions: SESSIONS })
    const held = await resting(node.pid)
    await call('close', target)
    return { idle, warm: before, held }
  })
}

/**
 * What is live: a node that can be told to collect garbage, so that its leisure is not booked to the sessions.
 *
 * Two batches of sessions are opened and the second is weighed: the first pays for the code and the room they need.
 */
function weighLive(
  lab: Lab,
  call: Call<LoadCommands>,
): Promise<Pick<MemoryResult, 'heapKbPerSession' | 'residentKbPerSession'>> {
  const execArgv = ['--expose-gc', '--import', lab.build.probe]
  return withNode(lab, { cli: lab.build.cli, execArgv }, async (node) => {
    const probe = caller<ProbeCommands>(node.child)
    const target = await warm(call, node)
    await call('hold', { target, sessions: SESSIONS })
    const before = await probe('kept', null)
    await call('hold', { target, sessions: SESSIONS })
    const after = await probe('kept', null)
    await call('close', target)
    return {
      heapKbPerSession: (after.heap - before.heap) / 1_024 / SESSIONS,
      residentKbPerSession: (after.resident - before.resident) / 1_024 / SESSIONS,
    }
  })
}

/** Weighs fresh nodes, and the floor proxy for comparison. */
export async function measureMemory(lab: Lab, call: Call<LoadCommands>): Promise<MemoryResult> {
  const floor = await lab.floor()
  const floorIdle = await resting(floor.pid)
  const resident = await weighResident(lab, call)
  const live = await weighLive(lab, call)
  const sourceIdle = await withNode(lab, SOURCE, ({ pid }) => resting(pid))
  return { ...resident, ...live, floorIdle, sourceIdle, sessions: SESSIONS }
}
