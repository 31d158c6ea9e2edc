import { RPC, wasRefusedUntaken, type Fault } from '../../protocol/errors.ts'
import type { RpcError } from '../../protocol/upstream-message.ts'
import type { Fate } from '../core/stages.ts'
import type { Upstream } from './exchange.ts'

/** Codes by which a node refuses a call before any server has got it: it has been there, or may go no further. */
const REFUSED: ReadonlySet<number> = new Set([RPC.loop, RPC.hopBudget])
/** Codes by which it says that there is no answer; their data may say that no server has got the call. */
const UNTOLD: ReadonlySet<number> = new Set([
  RPC.upstreamUnavailable,
  RPC.upstreamTimeout,
  RPC.shuttingDown,
])
/** What a node says of a tool it does not know, which it may only not know yet: it has just started, or lost its way to it. */
const UNKNOWN = RPC.invalidParams

/**
 * What an error of another node says of the call it could not bring to a server: that none has got it, or that nobody knows.
 * Undefined when it is an answer. A server that says so of itself is not believed: only nodes lie on the way.
 */
export function fateOf(
  { code, data }: RpcError,
  { kind }: Pick<Upstream, 'kind'>,
): Fate | undefined {
  if (kind !== 'node') return undefined
  if (REFUSED.has(code)) return 'untaken'
  if ((UNTOLD.has(code) || code === UNKNOWN) && wasRefusedUntaken(data)) return 'untaken'
  // One that was silent until its deadline has used up the time there was.
  return UNTOLD.has(code) && code !== RPC.upstreamTimeout ? 'unknown' : undefined
}

/** The same of a call that this node could not bring on. */
export function fateOfFault({ code, data }: Fault): Fate | undefined {
  if (wasRefusedUntaken(data)) return 'untaken'
  return code === 'upstream_unavailable' ? 'unknown' : undefined
}
