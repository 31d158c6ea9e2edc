import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { asFault, RPC, type Fault } from '../../protocol/errors.ts'
import { writeError } from '../../protocol/hop-response.ts'
import type { CallAudit } from '../core/audit.ts'
import type { Logger } from '../core/logger.ts'
import type { CurrentMeter } from '../core/meter.ts'
import { rescue } from '../core/rescue.ts'
import type { Authenticated, Delegated, Returned, Visible } from '../core/stages.ts'
import { askToSignIn } from './ask-to-sign-in.ts'
import type { Catalogue } from './catalogue.ts'
import { exchange } from './exchange.ts'
import { travel, type Journey, type TravelParts } from './failover.ts'
import { counting } from './metering.ts'
import { listsFor, resolve, see } from './resolve.ts'
import { targetOf, type Target, type TargetLimits } from './target.ts'

/** What a hop is made of. */
export interface RelayParts extends TravelParts {
  readonly catalogue: Catalogue
  readonly limits: TargetLimits
  readonly meter: CurrentMeter
  /** Undefined where calls are not written down. */
  readonly audit?: CallAudit | undefined
}

/**
 * The hop: one call from an authenticated caller to the next node or server, and its answer back. Never rejects; that a
 * call failed is an answer too.
 */
export async function relay(parts: RelayParts, call: Authenticated): Promise<void> {
  const { reply, scope, request } = call.received
  const startedAt = performance.now()
  let target: Target | undefined
  const journey: Journey = { startedAt, delegated: undefined }
  try {
    target = targetOf(request, parts.limits)
    // Before anything is started for it, as far as it is known what it is about.
    const count = counting(parts, { call, target })
    // Right after the start a name may be unknown only because the list it stands in is still on its way.
    const { catalogue } = parts
    const pending = listsFor(parts, call, target)
    if (pending !== undefined) await pending
    count?.()

    // Awaited only where a token has to be fetched: a turn of the loop costs more than most stages.
    const settling = delegate(parts, call, target)
    let delegated =
      settling instanceof Promise ? await (scope.run?.exchanging(settling) ?? settling) : settling
    let returned = await travel(parts, journey, delegated)

    // The upstream may have another schema than headers were mirrored by. Only if it has is the refusal one that a newer
    // list cures; a tool may answer the same code of its own, and must not be called again for it.
    delegated = journey.delegated ?? delegated
    const isParked = delegated.continuation?.kind === 'parked'
    if (returned.errorCode === RPC.headerMismatch && target.kind === 'tool' && !isParked) {
      // Not for a request that says two things: whoever sends those could make this node ask for lists with each.
      request.envelope?.check()
      await catalogue.evict(delegated.candidate.upstream, 'tool')
      const renewed = await delegate(parts, call, target)
      if (!isDeepStrictEqual(renewed.entry.paramHeaders, delegated.entry.paramHeaders)) {
        returned = await travel(parts, journey, renewed)
        delegated = journey.delegated ?? renewed
      }
    }

    scope.finish(returned.errorCode === undefined ? undefined : 'upstream_error')
    reply.finish(returned.text, tellingCode(returned), undefined, returned.complete)
    report(parts.log, delegated, startedAt)
    parts.audit?.call({ ...call, target, delegated, returned, startedAt })
  } catch (error) {
    const fault = asFault(error)
    scope.finish(fault)
    if (fault.code === 'internal') parts.log.error({ cause: fault.cause }, 'a call failed')
    const answer = asked(parts, call, fault)
    const { text, errorCode } = answer
    reply.finish(text, errorCode, answer.refusal)
    const { delegated } = journey
    parts.audit?.call({ ...call, target, delegated, fault: answer.refusal ?? fault, startedAt })
  }
}

/** An error; or a question, where the caller must sign in at the upstream first and can be asked to. */
function asked(
  parts: RelayParts,
  call: Authenticated,
  fault: Fault,
): Returned & { readonly refusal?: Fault } {
  try {
    const visible = (): Visible =>
      see(parts, resolve(parts, call, targetOf(call.received.request, parts.limits)))
    if (fault.code !== 'consent_required') throw fault
    return askToSignIn(parts, call, { fault, visible })
  } catch (error) {
    const refusal = asFault(error)
    const { request, caller } = call.received
    const answer = rescue(refusal, caller.era)
    return { text: [writeError(request.id, answer)], errorCode: answer.code, refusal }
  }
}

/** Codes that, under the status of the 2026 revision, would speak of this node and not of the upstream that sent them. */
const FOREIGN_CODES: ReadonlySet<number> = new Set([RPC.methodNotFound, RPC.unsupportedVersion])

/**
 * The error code that may choose the HTTP status. The node has `tools/call` and serves its caller's revision, whatever a
 * tool answers: a node before it would drop the link, and clients that meet a 404 throw code and data away.
 */
function tellingCode({ errorCode }: Returned): number | undefined {
  return errorCode !== undefined && FOREIGN_CODES.has(errorCode) ? undefined : errorCode
}

/** For whoever follows a call through the tree: each node says where it came from and where it went. */
function report(log: Logger, delegated: Delegated, startedAt: number): void {
  if (log.isLevelEnabled?.('debug') === false) return
  const { received, entry, candidate, onward } = delegated
  const { endpoint } = received
  const ms = performance.now() - startedAt
  const { upstream, name } = candidate
  log.debug(
    { endpoint, [entry.kind]: entry.name, upstream, as: name, path: onward.path, ms },
    'call',
  )
}

function delegate(
  parts: RelayParts,
  call: Authenticated,
  target: Target,
): Delegated | Promise<Delegated> {
  // By table, before anything is asked of anybody: a name that is not there costs a look-up.
  const resolved = resolve(parts, call, target)
  // The same decision the list was made from, so that what is hidden cannot be called.
  const visible = see(parts, resolved)
  // What a retry goes on from was sealed for this very request; a forged one ends here.
  const continuation = parts.states.open(visible)
  // The last stage that knows the caller's credentials; what leaves it is already narrowed.
  const { self, ways } = parts
  return exchange({ upstreams: parts.upstreams(), self, ways }, visible, continuation)
}
