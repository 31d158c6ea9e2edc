// One trial of a mesh: load, faults for so long, and then all must be as it was.
import { setTimeout as pause } from 'node:timers/promises'
import type { Era } from '../fixtures/wire.ts'
import { Faults, type Pace } from './mesh-faults.ts'
import { Judge } from './mesh-judge.ts'
import { MemoryWatch, type Trend } from './mesh-memory.ts'
import { recovered } from './mesh-recovery.ts'
import { TOPS } from './mesh-shape.ts'
import { Visitor } from './mesh-visitor.ts'
import { MeshWorld } from './mesh-world.ts'

const ERAS: readonly Era[] = ['2025', '2026']

/** Between two looks at what servers did, ms. */
const SETTLE_MS = 2_000
/** Between two looks at the memory of processes, ms. */
const WEIGH_MS = 5_000

/** How a trial goes that has nodes in this process, or processes. */
interface Manner {
  readonly pace: Pace
  /** Time for the first and the last recovery, ms. */
  readonly bound: number
}

const NEAR: Manner = { pace: { between: 600, lasts: [300, 4_000] }, bound: 20_000 }
/**
 * Silence is noticed after some fifteen seconds by whoever probes, so it lasts longer now and then; and a link that has
 * gone down often must prove itself for a minute.
 */
const APART: Manner = {
  pace: { between: 1_200, lasts: [500, 25_000] },
  bound: 150_000,
}

/** What a process holds. */
export interface Held {
  /** Bytes of the heap after a collection; undefined where none can be asked for. */
  readonly heap: number | undefined
  /** Sockets, servers, timers and the like. */
  readonly handles: number
  /** How many of each kind. */
  readonly kinds: Readonly<Record<string, number>>
}

/** What came of a trial. */
export interface TrialReport {
  readonly seed: number
  readonly problems: readonly string[]
  /** What happened around the first of them. */
  readonly faultLog: readonly string[]
  readonly faults: Readonly<Record<string, number>>
  readonly calls: Readonly<Record<string, number>>
  /** Calls that had a way all the time, and ms of the slowest answer to one of them. */
  readonly certain: number
  readonly slowest: number
  /** Until all was as before, ms. */
  readonly recovery: number | undefined
  /** Of the second half, in which no process ends. */
  readonly memory: readonly Trend[]
  readonly before: Held
  readonly after: Held
}

export interface TrialPlan {
  readonly seed: number
  /** How long faults last, ms. */
  readonly duration: number
  /** Whether each node is a process of its own. Default: all are in this one. */
  readonly apart?: boolean
  /** How long to wait at the end until what is idle is let go, ms. Default: not at all. */
  readonly patience?: number
  /** Hears every so often how it stands. */
  readonly told?: (judge: Judge) => void
}

/** Runs one. */
export async function trial({
  seed,
  duration,
  apart = false,
  patience = 0,
  told,
}: TrialPlan): Promise<TrialReport> {
  const { pace, bound } = apart ? APART : NEAR
  const world = await MeshWorld.start(apart)
  const judge = new Judge(world.ledger)
  const faults = new Faults(world, seed, pace)
  const memory = new MemoryWatch(world)
  const visitors = TOPS.flatMap((at, place) =>
    ERAS.map((era, turn) => new Visitor(world, judge, { era, at, seed: seed + 7 * place + turn })),
  )
  const settling = setInterval(() => {
    judge.settle()
    for (const server of world.servers.values()) server.forget()
    told?.(judge)
  }, SETTLE_MS)
  const weighing = setInterval(() => void memory.look(), WEIGH_MS)
  let recovery: number | undefined
  let before = held()
  let after = before
  let trends: readonly Trend[] = []
  try {
    await recovered(world, visitors, bound)
    before = held()
    const running = visitors.map((visitor) => visitor.run())
    await faults.run(duration / 2)
    faults.spare('kill')
    memory.restart()
    await faults.run(duration / 2)
    for (const visitor of visitors) visitor.stop()
    await Promise.all(running)
    recovery = await recovered(world, visitors, bound)
    after = await calm(before.handles, patience)
  } catch (error) {
    judge.blame(String(error instanceof Error ? error.stack : error))
  } finally {
    clearInterval(settling)
    clearInterval(weighing)
    for (const visitor of visitors) visitor.stop()
    judge.settle(true)
    for (const { deaths } of world.members.values()) deaths.forEach((one) => judge.blame(one))
    for (const [space, { violations }] of world.servers) {
      for (const one of violations) judge.blame(`the server of ${space} saw: ${one}`)
    }
    trends = memory.trends()
    await world.close()
  }
  return {
    seed,
    problems: judge.problems,
    faultLog: faults.log,
    faults: Object.fromEntries(faults.counts),
    calls: Object.fromEntries(judge.tally),
    certain: judge.certain,
    slowest: Math.round(judge.slowest),
    recovery,
    memory: trends,
    before,
    after,
  }
}

/** What is held when what is idle has been let go, or that has been waited for long enough. */
async function calm(few: number, patience: number): Promise<Held> {
  const end = performance.now() + patience
  while (process.getActiveResourcesInfo().length > few && performance.now() < end) await pause(250)
  return held()
}

function held(): Held {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  gc?.()
  const heap = gc === undefined ? undefined : process.memoryUsage().heapUsed
  const all = process.getActiveResourcesInfo()
  const kinds = Map.groupBy(all, (kind) => kind)
  const counts = [...kinds].map(([kind, { length }]) => [kind, length] as const)
  return { heap, handles: all.length, kinds: Object.fromEntries(counts) }
}
