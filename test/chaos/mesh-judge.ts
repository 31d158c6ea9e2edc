// What may not happen to a mesh, whatever breaks.
import { RPC } from '../../protocol/errors.ts'
import type { Ledger, ToolName } from './mesh-servers.ts'

/** What became of a call. */
export type Outcome =
  | { readonly kind: 'answered'; readonly text: string }
  /** The tool, or the protocol, says that it failed. */
  | {
      readonly kind: 'failed'
      readonly code: number
      readonly message: string
      readonly taken: boolean | undefined
    }
  /** No answer at all: the caller's own node is not there. */
  | { readonly kind: 'unheard'; readonly message: string }
  /** Its session is not known any more. */
  | { readonly kind: 'session-lost' }

/** A call, and what is known of it. */
export interface Call {
  readonly nonce: string
  readonly tool: ToolName
  /** Whose, at which node, to which namespace. */
  readonly what: string
  readonly right: string
  readonly outcome: Outcome
  /** By `performance.now()`. */
  readonly startedAt: number
  readonly endedAt: number
  /** Whether there was a way there from long before it began until it ended, all of it whole. */
  readonly hadWay: boolean
}

/** Errors by which a node says that a call could not be brought to its end. */
const UNTOLD: ReadonlySet<number> = new Set([
  RPC.upstreamUnavailable,
  RPC.upstreamTimeout,
  RPC.shuttingDown,
])
/** Where there is no way, the call may be refused, too, and a name may not be known yet. */
const REFUSED: ReadonlySet<number> = new Set([RPC.loop, RPC.hopBudget, RPC.invalidParams])

/** A call may still be done so long after its caller was told that it failed, ms. */
const LATE_MS = 15_000
const MAX_PROBLEMS = 40

/** Holds what happens against what may. */
export class Judge {
  readonly #ledger: Ledger
  readonly #open: Call[] = []
  readonly problems: string[] = []
  /** How calls ended, by tool: what it is for people to see. */
  readonly tally: Map<string, number> = new Map<string, number>()
  /** Calls with a way all the time. */
  certain = 0
  /** Milliseconds of the slowest of them that was answered. */
  slowest = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  blame(what: string): void {
    if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push(`${performance.now().toFixed()} ${what}`)
    }
  }

  take(call: Call): void {
    const { outcome, tool } = call
    const how = outcome.kind === 'failed' ? `${outcome.kind} ${outcome.code}` : outcome.kind
    const key = `${tool} ${how}`
    this.tally.set(key, (this.tally.get(key) ?? 0) + 1)
    if (call.hadWay) this.certain += 1
    const fault = faultOf(call)
    if (fault !== undefined) this.#accuse(call, fault)
    if (call.hadWay && outcome.kind === 'answered') {
      this.slowest = Math.max(this.slowest, call.endedAt - call.startedAt)
    }
    this.#open.push(call)
  }

  /** Looks how often things were done, of calls that are long over. @param all of those that are not, too */
  settle(all = false): void {
    const before = performance.now() - LATE_MS
    while (this.#open.length > 0) {
      const [call] = this.#open
      if (call === undefined || (!all && call.endedAt > before)) break
      this.#open.shift()
      this.#count(call)
    }
  }

  #count(call: Call): void {
    const { nonce, tool, outcome } = call
    const times = this.#ledger.of(nonce)
    this.#ledger.forget(nonce)
    if (tool === 'put' && times > 1) this.#accuse(call, `was done ${times} times`)
    if (outcome.kind === 'answered' && times === 0) this.#accuse(call, 'was never done')
    const refused = outcome.kind === 'failed' && outcome.taken === false
    if (refused && times > 0 && tool === 'put') this.#accuse(call, 'was done, and said not to be')
  }

  #accuse({ what, nonce, startedAt, endedAt, outcome }: Call, fault: string): void {
    const time = `${startedAt.toFixed()}–${endedAt.toFixed()}`
    this.blame(`${what} ${nonce} ${time}: ${fault}: ${JSON.stringify(outcome)}`)
  }
}

/** What is wrong with how a call ended. */
function faultOf({ outcome, right, hadWay, tool }: Call): string | undefined {
  if (outcome.kind === 'answered') {
    return outcome.text === right ? undefined : `the answer is not ${right}`
  }
  if (outcome.kind === 'session-lost') return undefined
  if (outcome.kind === 'unheard') return hadWay ? 'nobody answered' : undefined
  const { code, taken } = outcome
  if (!UNTOLD.has(code) && (hadWay || !REFUSED.has(code))) return 'it is no error of these'
  if (!hadWay) return undefined
  // Nobody knows whether it was done, and it must not be done twice.
  if (tool === 'put' && taken !== false) return undefined
  return 'there was a way'
}
