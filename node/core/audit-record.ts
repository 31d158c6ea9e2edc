import { hash } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Fault, FaultCode } from '../../protocol/errors.ts'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { actDepth, actorsOf } from '../../protocol/token/act.ts'
import type { Actor } from '../../protocol/token/claims.ts'
import { problemOf } from '../../protocol/token/refusals.ts'
import type { CallFacts, ExchangeKind, ExchangeLine } from './audit.ts'
import type { ShownToken } from './delegation.ts'
import { Limited } from './meter.ts'
import type { Principal } from './principal.ts'
import type { Delegated } from './stages.ts'

/** What came in: a call's token and caller, or what somebody wanted another token for. */
export interface AuditInput {
  readonly iss?: string | undefined
  readonly jti?: string | undefined
  readonly aud?: string | undefined
  /** HMAC of issuer and subject under the audit key of the node, base64url. */
  readonly subH?: string | undefined
  readonly client?: string | undefined
  readonly scope?: readonly string[] | undefined
  /** Actors, the outermost included. */
  readonly depth?: number | undefined
  /** Thumbprint of the key or certificate it is bound to. */
  readonly cnf?: string | undefined
  /** Id of the request: that of `out.id` of the node before. */
  readonly id?: number | undefined
}

/** What went out. */
export interface AuditOutput {
  readonly iss?: string | undefined
  readonly jti?: string | undefined
  readonly aud?: string | undefined
  readonly scope?: readonly string[] | undefined
  /** Seconds since 1970. */
  readonly exp?: number | undefined
  /** Id of the request. */
  readonly id?: number | undefined
}

/** `call`, a decision about a token, `refusals` (more of them than are written one by one), or `audit` (of itself). */
export type AuditKind = 'call' | 'refusals' | 'audit' | ExchangeKind

/**
 * One line of the audit, but for `prev`. No member holds a byte of a token, proof, assertion or secret, a subject by
 * name, or an argument.
 */
export interface AuditRecord {
  /** When it was over, RFC 3339. */
  readonly ts: string
  /** `<organisation>/<name>`. */
  readonly node: string
  readonly kind: AuditKind
  /** Of calls: `allowed`, `refused` by a node, `limited` by one, `failed` for another reason. */
  readonly decision:
    'allowed' | 'failed' | 'limited' | 'lost' | 'resumed' | ExchangeLine['decision']
  readonly reason?: string | undefined
  /** Names the delegation, on all its hops. */
  readonly txn?: string | undefined
  /** Trace id the caller sent (W3C Trace Context). */
  readonly trace?: string | undefined
  /** Digest of the part of the configuration that was decided by. */
  readonly policy?: string | undefined
  readonly endpoint?: string | undefined
  readonly method?: string | undefined
  readonly tool?: string | undefined
  readonly upstream?: string | undefined
  /** Who acts, outermost first: `<issuer> <name>`, or a hash. Only the first is vouched for. */
  readonly actors?: readonly string[] | undefined
  readonly in?: AuditInput | undefined
  readonly out?: AuditOutput | undefined
  /** JSON-RPC code of the answer, if it was an error. */
  readonly error?: number | undefined
  /** SHA-256 of the bytes of the arguments and of the result, base64url; only where the configuration asks for it. */
  readonly argsDigest?: string | undefined
  readonly resultDigest?: string | undefined
  readonly ms?: number | undefined
  /** Lines that stand behind this one and were not written. */
  readonly count?: number | undefined
}

/** A record without what the writer adds. */
export type AuditFacts = Omit<AuditRecord, 'ts' | 'node' | 'policy'>

/** A decision about a token. */
export function tokenFacts(line: ExchangeLine): AuditFacts {
  const { kind, decision, reason, txn, actors } = line
  const { issuer, subject, client, scopesIn, jtiIn } = line
  const { issuerOut, audience, scopesOut, jtiOut, expiresAt } = line
  const input = { iss: issuer, jti: jtiIn, subH: subject, client, scope: scopesIn }
  const exp = expiresAt && Math.floor(expiresAt)
  const output = { iss: issuerOut, jti: jtiOut, aud: audience, scope: scopesOut, exp }
  return { kind, decision, reason, txn, actors, in: input, out: output }
}

/** How the records of calls are made. */
export interface CallRecordOptions {
  /** Undefined for callers nobody knows. */
  readonly subjectOf: (principal: Principal) => string | undefined
  readonly digests: boolean
}

/** A call that is over. */
export function callFacts(facts: CallFacts, options: CallRecordOptions): AuditFacts {
  const { received, principal, delegated, returned, fault, startedAt } = facts
  const request = received?.request
  const shown = delegated?.authorization?.shown
  const ms = startedAt === undefined ? undefined : round(performance.now() - startedAt)
  // Every time in one order and with all members: what is undefined is not written, and this is the fastest.
  return {
    kind: 'call',
    ...outcomeOf(fault),
    txn: principal?.claims?.txn ?? shown?.txn,
    trace: received && traceOf(received),
    endpoint: facts.endpoint ?? received?.endpoint,
    method: request && cut(request.method),
    tool: toolOf(facts),
    upstream: delegated?.candidate.upstream,
    actors: actorNames(principal?.claims?.act),
    in: principal && inputOf(principal, request, options),
    out: delegated && outputOf(delegated, shown),
    error: returned?.errorCode,
    argsDigest: options.digests ? argumentsDigest(request) : undefined,
    resultDigest: options.digests && returned ? resultDigest(returned.text) : undefined,
    ms,
  }
}

/** Ends that are no decision about the caller. */
const FAILED: ReadonlySet<FaultCode> = new Set([
  'cancelled',
  'internal',
  'input_refused',
  'shutting_down',
  'upstream_protocol',
  'upstream_timeout',
  'upstream_unavailable',
])

/** What came of a call, and why. */
export function outcomeOf(fault: Fault | undefined): Pick<AuditFacts, 'decision' | 'reason'> {
  if (fault === undefined) return { decision: 'allowed' }
  // Which one tells more than that it was one; their names are the operator's, and few.
  if (fault instanceof Limited) return { decision: 'limited', reason: `limit ${fault.quota}` }
  const reason = problemOf(fault) ?? fault.code
  return { decision: FAILED.has(fault.code) ? 'failed' : 'refused', reason }
}

function inputOf(
  principal: Principal,
  request: RpcRequest | undefined,
  { subjectOf }: CallRecordOptions,
): AuditInput {
  const { claims, clientId, scopes, issuer } = principal
  // Of a request that is not another node's the id says nothing, and may be anything its caller likes.
  const id = typeof request?.id === 'number' ? request.id : undefined
  const cnf = claims?.cnf
  return {
    iss: issuer === '' ? undefined : issuer,
    jti: claims?.jti,
    aud: claims?.aud,
    subH: subjectOf(principal),
    client: clientId,
    scope: scopes,
    depth: claims && actDepth(claims.act),
    cnf: cnf?.jkt ?? cnf?.['x5t#S256'],
    id,
  }
}

function outputOf({ received }: Delegated, shown: ShownToken | undefined): AuditOutput {
  const id = received.scope.sentAs
  if (shown === undefined) return { id }
  const { issuer, jti, audience, scopes, expiresAt } = shown
  const exp = Math.floor(expiresAt)
  return { iss: issuer, jti, aud: audience, scope: scopes, exp, id }
}

function actorNames(act: Actor | undefined): readonly string[] | undefined {
  if (act === undefined) return undefined
  return actorsOf(act).map((entry) => ('hid' in entry ? entry.hid : `${entry.iss} ${entry.sub}`))
}

/** Longest text taken over from a request, characters. */
const MAX_TEXT = 200

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`
}

/** What a name looks like that is written down although nobody has it: too short for a credential. */
const UNKNOWN_NAME = /^[\w-]{1,40}$/

/** What the request was about; of a URI without what it asks, which is an argument. */
function toolOf({ target, delegated, fault }: CallFacts): string | undefined {
  const known = delegated?.entry.name
  if (known !== undefined) return cut(/^[^?#]*/.exec(known)?.[0] ?? '')
  if (target === undefined || target.kind === 'task') return undefined
  const isUnknown = fault?.code.startsWith('unknown_') !== false
  if (isUnknown && !UNKNOWN_NAME.test(target.name)) return undefined
  return cut(/^[^?#]*/.exec(target.name)?.[0] ?? '')
}

const TRACE = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/

/** That in `_meta` wins, as on the way (SEP-414). */
function traceOf({ request, header }: NonNullable<CallFacts['received']>): string | undefined {
  const value =
    request.metaMembers === undefined
      ? undefined
      : (request.meta(META.traceparent) ?? header('traceparent'))
  return typeof value === 'string' ? TRACE.exec(value)?.[1] : undefined
}

function digestOf(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url')
}

function argumentsDigest(request: RpcRequest | undefined): string | undefined {
  const place = request && memberOf(request.paramMembers, 'arguments')
  return place && digestOf(request.raw.subarray(place.start, place.end))
}

/** Of the result alone: the envelope names the request, which is another at each hop. */
function resultDigest(text: readonly Buffer[]): string | undefined {
  const raw = Buffer.concat(text)
  const list = raw[0] === 0x7b ? members(raw, 0) : []
  const place = memberOf(list, 'result') ?? memberOf(list, 'error')
  return place && digestOf(raw.subarray(place.start, place.end))
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
