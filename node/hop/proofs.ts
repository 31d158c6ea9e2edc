import { explainVerdict, type Verdict } from '../../protocol/provenance/verdict.ts'
import type { ToolId } from '../../protocol/names.ts'
import type { Logger } from '../core/logger.ts'

/** How often each verdict was given since the link was made. */
export type ProofCounts = Readonly<Record<Verdict['verdict'], number>>

/** Which tool a verdict is about. */
export interface ProvedTool {
  readonly id: ToolId
  /** As the upstream calls it. */
  readonly name: string
}

/** What is known of the proofs of one upstream: counts them, and tells the operator of those that fail. */
export class ProofLedger {
  readonly #upstream: string
  readonly #log: Logger
  readonly #counts: Record<Verdict['verdict'], number> = {
    verified: 0,
    unsigned: 0,
    untrusted: 0,
    altered: 0,
    unreadable: 0,
    unavailable: 0,
  }

  constructor(upstream: string, log: Logger) {
    this.#upstream = upstream
    this.#log = log
  }

  get counts(): ProofCounts {
    return { ...this.#counts }
  }

  /** A result or a description was judged; `blocked`: and goes no further. */
  judged(
    what: 'result' | 'description',
    tool: ProvedTool,
    verdict: Verdict,
    blocked: boolean,
  ): void {
    this.#counts[verdict.verdict] += 1
    if (verdict.verdict === 'verified') return
    const facts = { upstream: this.#upstream, what, tool: tool.name, origin: tool.id, ...verdict }
    const outcome = blocked ? 'blocked' : 'passed on with a flag'
    this.#log.warn({ provenance: { ...facts, blocked } }, `${explainVerdict(verdict)}; ${outcome}`)
  }

  /** This node is the origin, and could not sign: whoever verifies will say so. */
  unsignable(what: 'result' | 'description', tool: ProvedTool): void {
    const facts = { upstream: this.#upstream, what, tool: tool.name }
    const text = 'not signed: two readers could take its text for two things'
    this.#log.warn({ provenance: facts }, text)
  }
}
