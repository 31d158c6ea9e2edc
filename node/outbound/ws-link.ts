import { asFault, Fault } from '../../protocol/errors.ts'
import { Body } from '../../protocol/link/body.ts'
import type { LinkFrame, RefusalFrame } from '../../protocol/link/frames.ts'
import type { LinkHello, LinkLimits } from '../../protocol/link/hello.ts'
import { LinkHandshake, type LinkIdentity } from '../core/link-handshake.ts'
import { CLOSE, type LinkSocket, type LinkStream } from '../core/link-socket.ts'
import type { LinkTraffic } from '../core/link-traffic.ts'
import { LinkWire } from '../core/link-wire.ts'
import type { LinkedNode, MeshTalk, MeshWire } from '../core/mesh-ends.ts'
import { refusalOf } from './authorized-exchange.ts'
import type { FrameSink, OutFrame, Sent } from './connection.ts'
import { isUntaken, refusal } from './http-call.ts'
import type { ModernChannel } from './modern-connection.ts'
import { scopesAskedFor, UpstreamDenied } from './upstream-denied.ts'
import { WsCall } from './ws-call.ts'
import { Slots, type Slot } from './ws-slots.ts'

/** What a link is opened with. */
export interface WsLinkOptions {
  readonly identity: LinkIdentity
  /** URL of the endpoint, without its query. */
  readonly resource: string
  /** Largest message taken, bytes. */
  readonly maxBytes: number
  /** Interval of pings; an upstream that answers none for two is gone, milliseconds. */
  readonly pingMs: number
  /** Counts what goes over it. */
  readonly traffic?: LinkTraffic | undefined
  /** What the WebSocket was opened with, as `Authorization.stamp` says. */
  readonly stamp: object | undefined
  /** It is closed; called once, and last. */
  readonly over: () => void
}

/** Bytes of notifications one call takes before it has handed some on. */
const WINDOW_BYTES = 262_144
/** A node opens calls, and takes none on a link it opened itself. */
const NONE = 0
/** The least an upstream has to take, so that callers besides the node itself can be told apart. */
const LEAST: Omit<LinkLimits, 'message' | 'window'> = { calls: 1, credentials: 2 }

/**
 * The end of a link at the node that opened it: the requests of all callers on one WebSocket, each in the name of a
 * credential that is presented once. A request that was not written when the link went can be sent elsewhere.
 */
export class WsLink implements ModernChannel {
  readonly transport = 'websocket'
  readonly #options: WsLinkOptions
  readonly #wire: LinkWire
  readonly #handshake: LinkHandshake
  readonly #proved = Promise.withResolvers<LinkHello>()
  readonly #calls = new Map<number, WsCall>()
  #slots: Slots | undefined
  #takes: LinkLimits | undefined
  #lastCall = 0
  #talk: MeshTalk | undefined
  #lost: ((fault: Fault) => void) | undefined
  /** Why it takes no more calls. */
  #fault: Fault | undefined

  constructor(
    ends: { readonly socket: LinkSocket; readonly stream: LinkStream },
    options: WsLinkOptions,
  ) {
    this.#options = options
    const owner = {
      frame: (frame: LinkFrame) => this.#frame(frame),
      closed: (fault: Fault) => this.#closed(fault),
    }
    const { pingMs, traffic } = options
    this.#wire = new LinkWire(ends, { owner, pingMs, traffic })
    const { identity, resource, maxBytes: message } = options
    this.#handshake = new LinkHandshake({
      role: 'caller',
      identity,
      resource,
      takes: { message, calls: NONE, credentials: NONE, window: WINDOW_BYTES },
      send: (frame) => this.#wire.send(frame),
      refuse: ({ takes }) =>
        takes.calls < LEAST.calls || takes.credentials < LEAST.credentials
          ? 'takes no calls'
          : undefined,
    })
    // Whoever gave up waiting hears nothing of it.
    this.#proved.promise.catch(() => undefined)
  }

  /** Resolves with who is at the other end, when it has proved that; rejects with the Fault that came before. */
  get proved(): Promise<LinkHello> {
    return this.#proved.promise
  }

  /** Says who is told, once, that the link is of no use any more. */
  attach(lost: (fault: Fault) => void): void {
    this.#lost = lost
    if (this.#fault !== undefined) this.#lose(this.#fault)
  }

  /** Begins what nodes tell each other besides calls. */
  talk(peer: LinkedNode, begin: (wire: MeshWire) => MeshTalk): void {
    this.#talk = begin({
      peer,
      send: (text) => this.#wire.send({ type: 'mesh', body: Buffer.from(text) }),
    })
    if (this.#wire.closed) this.#talk.closed()
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    const number = this.#nextCall()
    const call = new WsCall(frame, sink, {
      window: WINDOW_BYTES,
      maxBytes: this.#options.maxBytes,
      more: (bytes) => this.#wire.send({ type: 'window', call: number, bytes }),
      cancel: () => this.#wire.send({ type: 'cancel', call: number }),
      over: () => {
        this.#calls.delete(number)
        if (this.#fault !== undefined) this.#closeIfIdle()
      },
    })
    const refused = this.#refusalOf(frame)
    // Not before the caller holds what is returned here.
    if (refused !== undefined) {
      queueMicrotask(() => call.fail(refused, refused === this.#fault))
      return { cancel: () => call.drop(), resume: () => undefined }
    }
    this.#calls.set(number, call)
    this.#dispatch(number, call)
    return {
      cancel: () => {
        const isSent = call.slot !== undefined
        if (call.drop() && isSent) this.#wire.send({ type: 'cancel', call: number })
      },
      resume: () => call.resume(),
    }
  }

  close(): Promise<void> {
    this.#lost = undefined
    this.#wire.close(CLOSE.done, 'was closed')
    return Promise.resolve()
  }

  /** Why a request cannot be sent here; `#fault` where it can be sent elsewhere. */
  #refusalOf({ body, unread }: OutFrame): Fault | undefined {
    if (this.#fault !== undefined) return this.#fault
    const { calls = 0, message = 0 } = this.#takes ?? {}
    if ((unread ?? body).length > message) {
      return new Fault('body_too_large', `the upstream takes no more than ${message} bytes`)
    }
    if (this.#calls.size < calls) return undefined
    const text = `the link to the upstream has ${calls} calls under way`
    return new Fault('overloaded', text, { limit: 'linkCalls' })
  }

  /** Sends it under a credential that was presented, or after it has been. */
  #dispatch(number: number, call: WsCall): void {
    const { authorization } = call.frame
    const slots = this.#slots
    if (slots === undefined) return
    if (authorization === undefined) {
      this.#write(number, call, { slot: slots.first, isFresh: false })
      return
    }
    const known = slots.find(authorization.stamp?.())
    if (known !== undefined) {
      this.#write(number, call, { slot: known, isFresh: false })
      return
    }
    try {
      const lines = authorization.lines('GET')
      if (lines instanceof Promise) {
        lines.then(
          (later) => this.#present(number, call, later),
          (error: unknown) => call.fail(asFault(error), false),
        )
      } else this.#present(number, call, lines)
    } catch (error) {
      queueMicrotask(() => call.fail(asFault(error), false))
    }
  }

  #present(number: number, call: WsCall, lines: readonly string[]): void {
    if (call.isOver || this.#slots === undefined) return
    const slot = this.#slots.present(call.frame.authorization?.stamp?.(), lines)
    this.#write(number, call, { slot, isFresh: true })
  }

  #write(
    number: number,
    call: WsCall,
    { slot, isFresh }: { readonly slot: Slot; readonly isFresh: boolean },
  ): void {
    const { method, name, trail, told, headers, unread } = call.frame
    const body = unread ?? new Body([call.frame.body])
    call.isFresh = isFresh
    const request = { method, name, trail, told, lines: headers, body }
    try {
      this.#wire.send({ type: 'request', call: number, slot: slot.number, ...request })
      call.slot = slot
    } catch (error) {
      queueMicrotask(() => call.fail(asFault(error), false))
    }
  }

  #frame(frame: LinkFrame): void {
    if (this.#takes !== undefined) this.#take(frame)
    else {
      this.#handshake.frame(frame)
      const { other } = this.#handshake
      if (other !== undefined) this.#begin(other)
    }
  }

  #begin(other: LinkHello): void {
    this.#takes = other.takes
    const { stamp } = this.#options
    const { credentials: capacity } = other.takes
    this.#slots = new Slots({ capacity, stamp }, (frame) => this.#wire.send(frame))
    this.#proved.resolve(other)
  }

  /** @throws Fault `invalid_request` */
  #take(frame: LinkFrame): void {
    switch (frame.type) {
      case 'notification':
        return this.#calls.get(frame.call)?.notification(frame)
      case 'response':
        return this.#calls.get(frame.call)?.response(frame)
      case 'refusal':
        return this.#refused(frame)
      case 'mesh':
        return this.#talk?.message(frame.body.toString())
      case 'goaway':
        return this.#goAway()
      case 'hello':
      case 'proof':
      case 'credential':
      case 'release':
      case 'request':
      case 'cancel':
      case 'window':
        throw new Fault('invalid_request', `a link takes no ${frame.type} from its server`)
    }
  }

  #refused({ call: number, status, lines }: RefusalFrame): void {
    const call = this.#calls.get(number)
    if (call === undefined) return
    const { authorization } = call.frame
    const headers = headersOf(lines)
    if (status === 401 && this.#isWorthAnother(call, headers)) {
      this.#dispatch(number, call)
      return
    }
    if (status === 403) authorization?.refused(refusalOf(403, headers))
    const isDenial = status === 401 || status === 403
    const fault = isDenial ? new UpstreamDenied(status, scopesAskedFor(headers)) : refusal(status)
    call.fail(fault, !isDenial && isUntaken(status))
  }

  /** As over HTTP, but that what was taken before may only have to be presented anew. */
  #isWorthAnother(call: WsCall, headers: Readonly<Record<string, string>>): boolean {
    const { authorization } = call.frame
    if (call.slot !== undefined) this.#slots?.forget(call.slot)
    if (authorization === undefined) return false
    call.slot = undefined
    if (!call.isFresh && !call.wasStale) {
      call.wasStale = true
      return true
    }
    call.refusals += 1
    const isFirst = call.refusals === 1
    const { nonce, ...told } = refusalOf(401, headers)
    const withNonce = isFirst && nonce !== undefined ? { ...told, nonce } : told
    return authorization.refused(withNonce) && isFirst
  }

  #goAway(): void {
    if (this.#fault !== undefined) return
    this.#lose(new Fault('upstream_unavailable', 'the upstream takes no more calls on this link'))
    this.#closeIfIdle()
  }

  #closed(fault: Fault): void {
    this.#proved.reject(fault)
    const calls = [...this.#calls.values()]
    // The link learns it first: whoever tries again must not be given this connection.
    this.#lose(fault)
    const told =
      fault.code === 'upstream_unavailable'
        ? fault
        : new Fault('upstream_protocol', `the upstream broke the rules of links: ${fault.message}`)
    for (const call of calls) call.fail(told, call.slot === undefined)
    this.#talk?.closed()
    this.#talk = undefined
    this.#options.over()
  }

  #lose(fault: Fault): void {
    this.#fault ??= fault
    const lost = this.#lost
    this.#lost = undefined
    lost?.(fault)
  }

  #closeIfIdle(): void {
    if (this.#calls.size === 0) this.#wire.close(CLOSE.done, 'is not needed any more')
  }

  #nextCall(): number {
    do {
      this.#lastCall = this.#lastCall >= MAX_CALL ? 1 : this.#lastCall + 1
    } while (this.#calls.has(this.#lastCall))
    return this.#lastCall
  }
}

/** Calls are numbered in four bytes. */
const MAX_CALL = 0xffff_ffff

function headersOf(lines: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (let index = 0; index < lines.length; index += 2) {
    const [name = '', value = ''] = [lines[index]?.toLowerCase(), lines[index + 1]]
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}
