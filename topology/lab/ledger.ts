import { Diary, stamp, type LabSink } from './diary.ts'
import type { CallCounts } from './calls.ts'
import type { Trigger } from './lab-draft.ts'
import type { Lab } from './lab.ts'
import { Meters } from './meters.ts'
import type { SeenMesh } from './seen.ts'
import { summarize, type FaultTime, type LabSummary } from './summary.ts'
import type { CheckResult } from './verdict.ts'
import { Watch } from './watch.ts'

/** Calls of all clients, as they are summed up. */
export interface CallFigures {
  readonly counts: CallCounts
  /** Milliseconds of each call that was answered. */
  readonly times: readonly number[]
}

/**
 * Holds a run against its file, whatever runs it: writes down what happens, reads figures, judges what is expected, and sums
 * it up.
 */
export class Ledger {
  readonly #lab: Lab
  readonly #mesh: SeenMesh
  readonly #watch: Watch
  readonly #diary: Diary
  readonly #meters: Meters
  readonly #faults: FaultTime[] = []
  /** Takes what is heard of a mesh: {@link Diary.hear}. */
  readonly hear: Diary['hear']

  /** @param gather so long a node may hold what it knows is dead, ms; default: as simulated ones do */
  constructor(lab: Lab, mesh: SeenMesh, sink: LabSink, gather?: number) {
    this.#lab = lab
    this.#mesh = mesh
    const watch = new Watch(mesh, lab, gather)
    this.#watch = watch
    this.#diary = new Diary(mesh, sink, {
      onRoute: (node, key) => watch.onRoute(node, key),
      onSight: (what) => watch.onSight(what),
    })
    this.hear = this.#diary.hear
    this.#meters = new Meters(mesh, sink.metric)
  }

  /** The run begins. */
  begin(): void {
    this.#watch.onTrigger('start')
    this.#faults.push({ at: 0, fault: 'start', what: '', took: 0 })
  }

  /** The schedule did something. */
  readonly onFault = (trigger: Trigger, what: string): void => {
    this.#close()
    this.#faults.push({ at: stamp(this.#mesh.now), fault: trigger, what, took: 0 })
    this.#diary.onFault(trigger, what)
    this.#watch.onTrigger(trigger)
  }

  /** Something became of a call. */
  readonly onCall = (event: object): void => {
    if ('type' in event && event.type === 'failover') this.#watch.onSight('failover-used')
    this.#diary.note(event)
  }

  /** Reads figures, and looks at what is not seen from changes alone. To be done every {@link READING_MS}. */
  read(): void {
    this.#meters.read()
    this.#watch.sweep()
  }

  /** What became of what was expected, so far. */
  results(): readonly CheckResult[] {
    return this.#watch.results()
  }

  /** Figures of the run, so far. */
  summary(calls: CallFigures): LabSummary {
    this.#close()
    return summarize({
      lab: this.#lab,
      counts: this.#mesh.counts,
      ended: this.#mesh.now,
      faults: this.#faults,
      calls,
      falseSeconds: this.#meters.falseSeconds,
      events: this.#diary.events,
      changes: this.#diary.changes,
    })
  }

  /** The last fault has had its effect: the next one begins, or the run is over. */
  #close(): void {
    const last = this.#faults.at(-1)
    if (last === undefined) return
    const took = Math.max(0, stamp(this.#diary.lastChange - last.at))
    this.#faults[this.#faults.length - 1] = { ...last, took }
  }
}
