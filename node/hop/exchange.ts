import { Fault } from '../../protocol/errors.ts'
import { nextTrail, type NodeId } from '../../protocol/federation.ts'
import type { ToolId } from '../../protocol/names.ts'
import {
  OWN,
  SHARED,
  type Candidate,
  type Context,
  type Continuation,
  type Delegated,
  type Entry,
  type Visible,
} from '../core/stages.ts'
import type { Authorization, Delegator } from '../core/delegation.ts'
import type { Principal } from '../core/principal.ts'
import { NO_RANK, type WayRank } from '../core/way-rank.ts'
import type { Link } from '../outbound/link.ts'
import { badState } from './request-state.ts'
import type { SignInTool } from './sign-in-tool.ts'
import type { ResultProving } from './result-proof.ts'

/** An upstream as the hop uses it. */
export interface Upstream {
  readonly link: Link
  readonly kind: 'stdio' | 'http' | 'node'
  /** Who shares one session or process: all callers that are one principal, or only requests of one session. */
  readonly isolate: 'principal' | 'session'
  /** Deadline of a call, milliseconds; progress extends it. */
  readonly timeout: number
  /** Hard end of a call, milliseconds. */
  readonly maxTimeout: number
  /** Calls in flight. */
  readonly concurrency: number
  /** Tells it who calls; undefined where it is not told. */
  readonly delegator: Delegator | undefined
  /** Present where callers sign in themselves. */
  readonly signIn?: SignInTool | undefined
  /** Signs results of its tools, or checks them; undefined where neither is done. */
  readonly results?: ResultProving | undefined
}

/** What decides with whom a caller shares sessions and processes. */
export interface Who {
  /** As in `Caller`. */
  readonly session: string | undefined
  readonly principal: Pick<Principal, 'key' | 'scopes'>
}

/** What the next hop is chosen from. */
export interface ExchangeParts {
  readonly upstreams: Upstreams
  readonly self: NodeId
  /** What the mesh knows of the ways; default: nothing. */
  readonly ways?: WayRank | undefined
  /** Labels of upstreams it must not go to: it went there, and nothing came of it. Default: none. */
  readonly avoid?: readonly string[]
}

/** The upstreams by label. */
export type Upstreams = ReadonlyMap<string, Upstream>

/**
 * The only maker of a `Delegated`: chooses the next hop and settles what it is told of the caller, never more than the
 * caller came with. The hop budget shrinks here, and the audience narrows. At once, unless a token has to be fetched.
 *
 * @throws Fault `bad_state`, `hop_budget` when another node lies next and the budget does not reach it, `upstream_unavailable` when
 *   the upstream was taken out of the configuration or there is none but those to avoid, and what `Delegator.delegate` throws
 */
export function exchange(
  { upstreams, self, ways = NO_RANK, avoid = NONE }: ExchangeParts,
  visible: Visible,
  continuation: Continuation | undefined,
): Delegated | Promise<Delegated> {
  const { received, principal, entry, target } = visible
  const onward = nextTrail(received.trail, self)
  const candidate =
    continuation === undefined
      ? choose({ upstreams, ways, avoid }, entry, onward.path)
      : sameAsBefore(entry.candidates, continuation.upstream)
  const upstream = upstreams.get(candidate.upstream)
  if (upstream === undefined) {
    throw new Fault('upstream_unavailable', `upstream "${candidate.upstream}" is gone`)
  }
  if (upstream.kind === 'node' && onward.budget < 1) {
    throw new Fault('hop_budget', 'the hop budget does not reach the next node', {
      data: { node: self, path: onward.path },
    })
  }
  const settle = (authorization: Authorization | undefined): Delegated => {
    const context = contextOf(upstream, visible, authorization)
    const facts = { received, principal, entry, target }
    return { ...facts, candidate, continuation, onward, context, authorization } as Delegated
  }
  // A call that was parked is in the air already, and in its caller's name.
  const authorization =
    continuation?.kind === 'parked'
      ? undefined
      : upstream.delegator?.delegate(principal, { budget: onward.budget })
  return authorization instanceof Promise ? authorization.then(settle) : settle(authorization)
}

/**
 * Callers who can be asked different things must not share what an upstream was told of them once for all, nor may two
 * principals share a session or process.
 */
function contextOf(
  upstream: Upstream,
  { received, principal }: Visible,
  authorization: Authorization | undefined,
): Context {
  const { session, capabilities } = received.caller
  const { offered } = capabilities
  const whose = whoseAt(upstream, { session, principal })
  if (whose === SHARED.whose && offered === '') return SHARED
  const inWhoseName = authorization === undefined ? {} : { authorization }
  return { key: `${whose}\n${offered}`, whose, offered, ...inWhoseName }
}

/** The `whose` of the contexts of a caller at an upstream. */
export function whoseAt(
  { isolate }: Pick<Upstream, 'isolate'>,
  { session, principal: { key, scopes } }: Who,
): string {
  if (isolate === 'session' && session !== undefined) return session
  // No id of a session has a line end, so that none is taken for a principal.
  return scopes === undefined ? SHARED.whose : `${key}\n`
}

/** A retry belongs to the upstream that asked, whoever else may have the capability. */
function sameAsBefore(candidates: readonly Candidate[], upstream: string): Candidate {
  const same = candidates.find((one) => one.upstream === upstream)
  if (same === undefined) throw badState()
  return same
}

const NONE: readonly string[] = []

/** What a way is chosen by. */
export interface Chosen {
  readonly upstreams: Upstreams
  readonly ways: WayRank
  readonly avoid: readonly string[]
}

/**
 * The best way whose link is up and whose next node has not passed the call yet, for that one would refuse it. Best is what
 * the mesh says, or the order of the list. If there is none, the first, so that the caller hears of that one.
 *
 * @throws Fault `upstream_unavailable` when others are to be avoided, and none is left
 */
export function choose(
  { upstreams, ways, avoid }: Chosen,
  { id, candidates }: Entry,
  passed: readonly NodeId[],
): Candidate {
  const open = ordered(ways, id, candidates).find(({ upstream }) => {
    if (avoid.includes(upstream)) return false
    const connection = upstreams.get(upstream)?.link.current(OWN)
    const node = connection?.server.federation?.node
    return connection !== undefined && (node === undefined || !passed.includes(node))
  })
  if (open === undefined && avoid.length > 0) {
    throw new Fault('upstream_unavailable', 'there is no other way to it')
  }
  return open ?? candidates[0]
}

/** What leads nowhere by what the mesh knows comes last, and not never: it may have come back just now. */
function ordered(ways: WayRank, id: ToolId, candidates: Entry['candidates']): readonly Candidate[] {
  if (candidates.length === 1) return candidates
  const labels = candidates.map(({ upstream }) => upstream)
  const best = ways.order(id, labels)
  if (best === labels) return candidates
  return best.flatMap((label) => candidates.find(({ upstream }) => upstream === label) ?? [])
}
