import type { Audit, ExchangeKind, ExchangeLine } from '../audit.ts'
import type { Exposition } from './exposition.ts'
import { Histogram } from './histogram.ts'
import { Tally } from './tally.ts'

/** Counts decisions about tokens on their way to the audit. */
export class TokenCounts implements Audit {
  readonly #audit: Audit | undefined
  readonly #decisions = new Tally()
  readonly #durations = new Map<ExchangeKind, Histogram>()

  /** @param audit undefined where nothing is written down */
  constructor(audit: Audit | undefined) {
    this.#audit = audit
  }

  exchange(line: ExchangeLine, seconds?: number): void {
    const { kind, decision, reason = '' } = line
    this.#decisions.add(kind, decision, reason)
    if (seconds !== undefined) this.#duration(kind).observe(seconds)
    this.#audit?.exchange(line, seconds)
  }

  write(out: Exposition): void {
    for (const [parts, count] of this.#decisions.entries()) {
      out.set('banyan_token_decisions_total', count, ...parts)
    }
    for (const [kind, duration] of this.#durations) {
      out.histogram('banyan_token_duration_seconds', duration, kind)
    }
  }

  #duration(kind: ExchangeKind): Histogram {
    const known = this.#durations.get(kind)
    if (known !== undefined) return known
    const duration = new Histogram()
    this.#durations.set(kind, duration)
    return duration
  }
}
