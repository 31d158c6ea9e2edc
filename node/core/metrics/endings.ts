import { Fault, type FaultCode } from '../../../protocol/errors.ts'
import type { CallEnd } from '../call-run.ts'
import { Histogram } from './histogram.ts'

/** How a request ended, in words of metrics. */
export type Outcome = 'ok' | 'upstream_error' | FaultCode

export function outcomeOf(end: CallEnd): Outcome {
  if (end === undefined) return 'ok'
  return end instanceof Fault ? end.code : end
}

/** What is counted of the requests at one endpoint. */
export class EndpointCounts {
  readonly name: string
  readonly duration: Histogram = new Histogram()
  readonly own: Histogram = new Histogram()
  inFlight = 0
  sessions = 0
  /** Of each outcome, how often it came for each class of requests. */
  readonly ends: Map<Outcome, Map<number, number>> = new Map<Outcome, Map<number, number>>()

  constructor(name: string) {
    this.name = name
  }

  ended(of: number, outcome: Outcome): void {
    let counts = this.ends.get(outcome)
    if (counts === undefined) this.ends.set(outcome, (counts = new Map()))
    counts.set(of, (counts.get(of) ?? 0) + 1)
  }
}

/** What is counted of the calls to one upstream. */
export class UpstreamCounts {
  readonly duration: Histogram = new Histogram()
  readonly ends: Map<Outcome, number> = new Map<Outcome, number>()

  arrived(outcome: Outcome, seconds: number): void {
    this.duration.observe(seconds)
    this.ends.set(outcome, (this.ends.get(outcome) ?? 0) + 1)
  }
}
