// One trial of a mesh: load, faults for so long, and then all must be as it was.
import { setTimeout as pause } from 'node:timers/promises'
import type { Era } from '../fixtures/wire.ts'
import { Faults } from './mesh-faults.ts'
import { Judge } from './mesh-judge.ts'
import { recovered } from './mesh-recovery.ts'
import { TOPS } from './mesh-shape.ts'
import { Visitor } from './mesh-visitor.ts'
import { MeshWorld } from './mesh-world.ts'

const ERAS: readonly Era[] = ['2025', '2026']

/** Between two looks at what servers did, ms. */
const SETTLE_MS = 2_000
/** Time for the first and the last recovery, ms. */
const BOUND_MS = 20_000

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
  readonly before: Held
  readonly after: Held
}

export interface TrialPlan {
  readonly seed: number
  /** How long faults last, ms. */
  readonly duration: number
  /** How long to wait at the end until what is idle is let go, ms. Default: not at all. */
  readonly patience?: number
  /** Hears every so often how it stands. */
  readonly told?: (judge: Judge) => void
}

/** Runs one. */
export async function trial({
  seed,
  duration,
  patience = 0,
  told,
}: TrialPlan): Promise<TrialReport> {
  const world = await MeshWorld.start()
  const judge = new Judge(world.ledger)
  const faults = new Faults(world, seed)
  const visitors = TOPS.flatMap((at, place) =>
    ERAS.map((era, turn) => new Visitor(world, judge, { era, at, seed: seed + 7 * place + turn })),
  )
  const settling = setInterval(() => {
    judge.settle()
    for (const server of world.servers.values()) server.forget()
    told?.(judge)
  }, SETTLE_MS)
  let recovery: number | undefined
  let before = held()
  let after = before
  try {
    await recovered(world, visitors, BOUND_MS)
    before = held()
    const running = visitors.map((visitor) => visitor.run())
    await faults.run(duration)
    for (const visitor of visitors) visitor.stop()
    await Promise.all(running)
    recovery = await recovered(world, visitors, BOUND_MS)
    after = await calm(before.handles, patience)
  } catch (error) {
    judge.blame(String(error instanceof Error ? error.stack : error))
  } finally {
    clearInterval(settling)
    for (const visitor of visitors) visitor.stop()
    judge.settle(true)
    for (const [space, { violations }] of world.servers) {
      for (const one of violations) judge.blame(`the server of ${space} saw: ${one}`)
    }
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
