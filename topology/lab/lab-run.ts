import type { MeshSim } from '../sim/mesh-sim.ts'
import { buildMesh, type Sabotage } from './build.ts'
import { Calls } from './calls.ts'
import { Diary, stamp, type LabSink } from './diary.ts'
import { FaultPlay } from './fault-play.ts'
import type { Trigger } from './lab-draft.ts'
import type { Lab } from './lab.ts'
import { Meters, READING_MS } from './meters.ts'
import { summarize, type FaultTime, type LabSummary } from './summary.ts'
import type { CheckResult } from './verdict.ts'
import { Watch } from './watch.ts'

/** One run of a lab in virtual time. The same lab with the same seed gives the same lines. */
export class LabRun {
  readonly #lab: Lab
  readonly #sim: MeshSim
  readonly #watch: Watch
  readonly #diary: Diary
  readonly #meters: Meters
  readonly #calls: Calls
  readonly #faults: FaultTime[] = []

  constructor(lab: Lab, sink: LabSink, sabotage?: Sabotage) {
    this.#lab = lab
    this.#sim = buildMesh(lab, sabotage)
    this.#watch = new Watch(this.#sim, lab)
    this.#diary = new Diary(this.#sim, sink, {
      onRoute: (node, key) => this.#watch.onRoute(node, key),
      onSight: (what) => this.#watch.onSight(what),
    })
    this.#sim.log = this.#diary.hear
    this.#meters = new Meters(this.#sim, sink.metric)
    this.#calls = new Calls(this.#sim, lab.seed, (event) => this.#onCall(event))
    this.#watch.onTrigger('start')
    this.#faults.push({ at: 0, fault: 'start', what: '', took: 0 })
    new FaultPlay(lab, this.#sim, (trigger, what) => this.#onFault(trigger, what)).schedule()
    for (const [name, client] of lab.clients) this.#calls.start(name, client)
    this.#read()
  }

  /** Virtual ms since the beginning. */
  get now(): number {
    return this.#sim.now
  }

  /** Does the next `steps` things. Gives false when the time of the lab is over. */
  advance(steps: number): boolean {
    for (let step = 0; step < steps; step += 1) {
      if (!this.#sim.agenda.step(this.#lab.duration)) return false
    }
    return true
  }

  /** What became of what was expected, so far. */
  results(): readonly CheckResult[] {
    return this.#watch.results()
  }

  /** Figures of the run, so far. */
  summary(): LabSummary {
    this.#close()
    return summarize({
      lab: this.#lab,
      counts: this.#sim.counts,
      ended: this.now,
      faults: this.#faults,
      calls: this.#calls,
      falseSeconds: this.#meters.falseSeconds,
      events: this.#diary.events,
      changes: this.#diary.changes,
    })
  }

  #read(): void {
    this.#meters.read()
    this.#watch.sweep()
    this.#sim.agenda.add(this.now + READING_MS, () => this.#read())
  }

  #onFault(trigger: Trigger, what: string): void {
    this.#close()
    this.#faults.push({ at: stamp(this.now), fault: trigger, what, took: 0 })
    this.#diary.onFault(trigger, what)
    this.#watch.onTrigger(trigger)
  }

  /** The last fault has had its effect: the next one begins, or the run is over. */
  #close(): void {
    const last = this.#faults.at(-1)
    if (last === undefined) return
    const took = Math.max(0, stamp(this.#diary.lastChange - last.at))
    this.#faults[this.#faults.length - 1] = { ...last, took }
  }

  #onCall(event: object): void {
    if ('type' in event && event.type === 'failover') this.#watch.onSight('failover-used')
    this.#diary.note(event)
  }
}
