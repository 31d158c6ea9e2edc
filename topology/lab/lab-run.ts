import type { MeshSim } from '../sim/mesh-sim.ts'
import { buildMesh, type Sabotage } from './build.ts'
import { Calls } from './calls.ts'
import type { LabSink } from './diary.ts'
import { FaultPlay } from './fault-play.ts'
import type { Lab } from './lab.ts'
import { Ledger } from './ledger.ts'
import { READING_MS } from './meters.ts'
import { SimHands } from './sim-hands.ts'
import type { LabSummary } from './summary.ts'
import type { CheckResult } from './verdict.ts'

/** One run of a lab in virtual time. The same lab with the same seed gives the same lines. */
export class LabRun {
  readonly #lab: Lab
  readonly #sim: MeshSim
  readonly #ledger: Ledger
  readonly #calls: Calls

  constructor(lab: Lab, sink: LabSink, sabotage?: Sabotage) {
    this.#lab = lab
    this.#sim = buildMesh(lab, sabotage)
    const ledger = new Ledger(lab, this.#sim, sink)
    this.#ledger = ledger
    this.#sim.log = ledger.hear
    this.#calls = new Calls(this.#sim, lab.seed, ledger.onCall)
    ledger.begin()
    new FaultPlay(lab, new SimHands(this.#sim, lab), ledger.onFault).schedule()
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
    return this.#ledger.results()
  }

  /** Figures of the run, so far. */
  summary(): LabSummary {
    return this.#ledger.summary(this.#calls)
  }

  #read(): void {
    this.#ledger.read()
    this.#sim.agenda.add(this.now + READING_MS, () => this.#read())
  }
}
