import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'
import { isObject, type RpcRequest } from '../../protocol/jsonrpc.ts'
import type { Sealer } from '../core/seal.ts'
import type { Continuation, Visible } from '../core/stages.ts'

export interface RequestStateOptions {
  readonly sealer: Sealer
  /** How long a state is good, milliseconds. */
  readonly lifetimeMs: number
  /** The longest state opened, bytes. */
  readonly maxBytes: number
}

/**
 * Wraps the `requestState` of upstreams for callers, and opens what comes back: AEAD under the node's key, bound to
 * endpoint, principal, method, target and arguments, good until it expires. A caller can neither read nor change it, nor
 * take it to another request (MCP 2026-07-28, patterns/mrtr, server requirements).
 */
export class RequestStates {
  readonly #options: RequestStateOptions

  constructor(options: RequestStateOptions) {
    this.#options = options
  }

  seal(visible: Visible, continuation: Continuation): string {
    const { sealer, lifetimeMs } = this.#options
    return sealer.seal(write(continuation, Date.now() + lifetimeMs), bound(visible))
  }

  /**
   * What a request goes on from; undefined when it does not say that it goes on from anything.
   *
   * @throws Fault `invalid_params`, `bad_state`
   */
  open(visible: Visible): Continuation | undefined {
    const { caller, request } = visible.received
    const sealed = caller.era === '2026' ? request.param('requestState') : undefined
    if (sealed === undefined) return undefined
    if (typeof sealed !== 'string') {
      throw new Fault('invalid_params', 'params.requestState must be a string')
    }
    const { sealer, maxBytes } = this.#options
    const text = sealed.length > maxBytes ? undefined : sealer.open(sealed, bound(visible))
    const continuation = text === undefined ? undefined : read(text, Date.now())
    if (continuation === undefined) throw badState()
    return continuation
  }
}

/** One that was not made here for this request, or is no longer good; which of it is nobody's business. */
export function badState(): Fault {
  const text = 'params.requestState is not one this node gave for this request, or has expired'
  return new Fault('bad_state', text)
}

function write(continuation: Continuation, until: number): string {
  const { kind } = continuation
  if (kind === 'relay')
    return JSON.stringify([kind, until, continuation.upstream, continuation.inner])
  if (kind === 'parked') return JSON.stringify([kind, until, continuation.id, continuation.round])
  return JSON.stringify([kind, until, continuation.upstream, continuation.rounds])
}

function read(text: string, now: number): Continuation | undefined {
  const [kind, until, first, second] = JSON.parse(text) as unknown[]
  if (typeof until !== 'number' || now >= until || typeof first !== 'string') return undefined
  if (kind === 'relay' && typeof second === 'string') {
    return { kind, upstream: first, inner: second }
  }
  if (typeof second !== 'number') return undefined
  if (kind === 'again') return { kind, upstream: first, rounds: second }
  return kind === 'parked' ? { kind, id: first, round: second } : undefined
}

function bound({ received, principal, entry }: Visible): string {
  const { endpoint, request } = received
  return JSON.stringify([endpoint, principal.key, request.method, entry.name, digest(request)])
}

/** Params that differ from one round to the next. */
const PER_ROUND: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState'])

/** Of what the params mean: a client may write them in another order the second time. */
function digest(request: RpcRequest): string {
  const lasting = request.paramMembers
    .filter(({ key }) => !PER_ROUND.has(key))
    .map(({ key }) => [key, canonical(request.param(key))] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(lasting)).digest('base64url')
}

/** The value with the members of all objects in the order of their keys. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return ['[', ...value.map(canonical)]
  if (!isObject(value)) return value
  const keys = Object.keys(value).toSorted()
  // As pairs: a member called `__proto__` would vanish from an object.
  return ['{', ...keys.map((key) => [key, canonical(value[key])])]
}
