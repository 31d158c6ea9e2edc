import { performance } from 'node:perf_hooks'
import type { Audit, CallAudit, CallFacts, ExchangeLine } from './audit.ts'
import { CHAIN_START, lineHash, type AuditLine } from './audit-chain.ts'
import {
  callFacts,
  outcomeOf,
  tokenFacts,
  type AuditFacts,
  type AuditRecord,
  type CallRecordOptions,
} from './audit-record.ts'
import type { Logger } from './logger.ts'
import { RefusalBudget } from './refusal-budget.ts'

/** Where lines go. Chains them; never throws, and never waits. */
export interface AuditSink {
  write(record: AuditRecord): void
  /** Resolves when everything is written that can be. */
  close(): Promise<void>
}

export interface AuditTrailOptions extends CallRecordOptions {
  readonly sink: AuditSink
  readonly log: Logger
  /** `<organisation>/<name>`. */
  readonly node: string
  /** Digest of what is decided by now. */
  readonly policy: () => string
  /** Refusals written one by one in a second; the others are counted. */
  readonly refusalsPerSecond: number
}

/** The audit of a node: every decision about a token, and every call. */
export class AuditTrail implements Audit, CallAudit {
  readonly #options: AuditTrailOptions
  readonly #refusals: RefusalBudget

  constructor(options: AuditTrailOptions) {
    this.#options = options
    this.#refusals = new RefusalBudget({
      perSecond: options.refusalsPerSecond,
      now: () => performance.now(),
      tell: (unwritten) => {
        for (const facts of unwritten) {
          this.#write({ kind: 'refusals', decision: 'refused', ...facts })
        }
      },
    })
  }

  exchange(line: ExchangeLine): void {
    const { decision, reason = 'unknown' } = line
    if (decision === 'refused' && !this.#refusals.take(reason)) return
    this.#write(tokenFacts(line))
  }

  call(facts: CallFacts): void {
    const { decision, reason = 'unknown' } = outcomeOf(facts.fault)
    // Before anything is made of it: this is what a flood costs.
    const isRefusal = decision === 'refused' || decision === 'limited'
    if (isRefusal && !this.#refusals.take(reason)) return
    try {
      this.#write(callFacts(facts, this.#options))
    } catch (cause) {
      // The caller has its answer, whatever is wrong here.
      this.#options.log.error({ cause }, 'a call is missing in the audit')
    }
  }

  async close(): Promise<void> {
    this.#refusals.flush()
    await this.#options.sink.close()
  }

  #write(facts: AuditFacts): void {
    const { node, policy, sink } = this.#options
    const { kind, decision, ...rest } = facts
    const head = { ts: new Date().toISOString(), node, kind, decision }
    sink.write({ ...head, ...rest, policy: policy() })
  }
}

/** Lines of the log, at `info`. A chain lasts as long as the process. */
export class LogSink implements AuditSink {
  readonly #log: Logger
  #prev = CHAIN_START

  constructor(log: Logger) {
    this.#log = log
  }

  write(record: AuditRecord): void {
    const audit: AuditLine = { ...record, prev: this.#prev }
    this.#prev = lineHash(JSON.stringify(audit))
    this.#log.info({ audit }, 'audit')
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
