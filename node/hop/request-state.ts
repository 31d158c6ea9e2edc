import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'
import { elements, memberOf, members, type Member, type Span } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import type { Sealer } from '../core/seal.ts'
import type { Authenticated, Continuation, Visible } from '../core/stages.ts'

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
    const sealed =
      caller.era === '2026' && hasState(request) ? request.param('requestState') : undefined
    if (sealed === undefined) return undefined
    if (typeof sealed !== 'string') {
      throw new Fault('invalid_params', 'params.requestState must be a string')
    }
    const continuation = this.#read(sealed, bound(visible))
    if (continuation === undefined) throw badState()
    return continuation
  }

  /** What a request goes on from, if that can be said before it is known what it is about. */
  peek({ received, principal }: Authenticated, name: string): Continuation | undefined {
    const { request } = received
    const sealed = hasState(request) ? request.param('requestState') : undefined
    if (typeof sealed !== 'string') return undefined
    return this.#read(sealed, bound({ received, principal, entry: { name } }))
  }

  #read(sealed: string, aad: string): Continuation | undefined {
    const { sealer, maxBytes } = this.#options
    const text = sealed.length > maxBytes ? undefined : sealer.open(sealed, aad)
    return text === undefined ? undefined : read(text, Date.now())
  }
}

/** One with an envelope has none: where its text is read, that is made sure of. */
function hasState(request: RpcRequest): boolean {
  if (request.envelope !== undefined) return false
  return memberOf(request.paramMembers, 'requestState') !== undefined
}

/** One that was not made here for this request, or is no longer good; which of it is nobody's business. */
export function badState(): Fault {
  const text = 'params.requestState is not one this node gave for this request, or has expired'
  return new Fault('bad_state', text)
}

function write(continuation: Continuation, until: number): string {
  const { kind, upstream } = continuation
  if (kind === 'relay') return JSON.stringify([kind, until, upstream, continuation.inner])
  if (kind === 'again') return JSON.stringify([kind, until, upstream, continuation.rounds])
  return JSON.stringify([kind, until, upstream, continuation.round, continuation.id])
}

function read(text: string, now: number): Continuation | undefined {
  const [kind, until, upstream, what, id] = JSON.parse(text) as unknown[]
  if (typeof until !== 'number' || now >= until || typeof upstream !== 'string') return undefined
  if (kind === 'relay' && typeof what === 'string') return { kind, upstream, inner: what }
  if (typeof what !== 'number') return undefined
  if (kind === 'again') return { kind, upstream, rounds: what }
  return kind === 'parked' && typeof id === 'string'
    ? { kind, upstream, id, round: what }
    : undefined
}

/** What a state belongs to. */
interface Bound extends Authenticated {
  readonly entry: Pick<Visible['entry'], 'name'>
}

function bound({ received, principal, entry }: Bound): string {
  const { endpoint, request } = received
  return JSON.stringify([endpoint, principal.key, request.method, entry.name, digest(request)])
}

/** Params that differ from one round to the next. */
const PER_ROUND: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState'])

/** Of what the params say: a client may write members in another order the second time, but nothing else. */
function digest({ raw, paramMembers }: RpcRequest): string {
  const lasting = paramMembers.filter(({ key }) => !PER_ROUND.has(key))
  return createHash('sha256').update(ordered(raw, lasting)).digest('base64url')
}

/** JSON text with the members of all objects in the order of their keys, numbers as they are spelt. */
function canonical(raw: Buffer, { start, end }: Span): string {
  if (raw[start] === 0x7b) return ordered(raw, members(raw, start))
  if (raw[start] === 0x5b)
    return `[${elements(raw, start)
      .map((span) => canonical(raw, span))
      .join()}]`
  // The same string may be spelt in several ways.
  if (raw[start] === 0x22) return JSON.stringify(readValue(raw, { start, end }))
  return raw.toString('latin1', start, end)
}

function ordered(raw: Buffer, list: readonly Member[]): string {
  const texts = list.map((member) => `${JSON.stringify(member.key)}:${canonical(raw, member)}`)
  return `{${texts.toSorted().join()}}`
}
