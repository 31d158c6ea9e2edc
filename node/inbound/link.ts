import { asFault, Fault } from '../../protocol/errors.ts'
import type { LinkFrame, RequestFrame } from '../../protocol/link/frames.ts'
import type { LinkHello, LinkLimits } from '../../protocol/link/hello.ts'
import type { Authenticator, CredentialFacts, Standing } from '../core/authentication.ts'
import { CallScope } from '../core/call-scope.ts'
import { LinkHandshake, type LinkIdentity } from '../core/link-handshake.ts'
import { CLOSE, type LinkSocket, type LinkStream } from '../core/link-socket.ts'
import type { LinkTraffics } from '../core/link-traffic.ts'
import { LinkWire } from '../core/link-wire.ts'
import type { LinkedNode, MeshEnds, MeshTalk } from '../core/mesh-ends.ts'
import type { Principal } from '../core/principal.ts'
import type { LinkCall } from './link-call.ts'
import { LinkCallers } from './link-callers.ts'
import { LinkReply } from './link-reply.ts'

/** What all links of a node are made with. */
export interface InboundLinkParts {
  readonly identity: LinkIdentity
  readonly authenticator: Pick<Authenticator, 'stand' | 'challenge'>
  readonly takes: LinkLimits
  /** Interval of pings; what does not answer for two is gone, milliseconds. */
  readonly pingMs: number
  /** Time for the other end to prove who it is, milliseconds. */
  readonly proofMs: number
  /** Whether an endpoint is there for a caller now. */
  readonly admits: (endpoint: string, principal: Principal) => boolean
  /** Answers a request; what goes wrong is an answer too. */
  readonly serve: (call: LinkCall) => void
  /** Counts what goes over links; absent: nobody does. */
  readonly traffic?: LinkTraffics | undefined
  /** What nodes tell each other besides calls; undefined where they tell nothing. */
  readonly mesh?: Pick<MeshEnds, 'down'> | undefined
}

/** A WebSocket that was opened to an endpoint, and who did. */
export interface OpenedLink {
  readonly endpoint: string
  readonly socket: LinkSocket
  readonly stream: LinkStream
  /** What the request to open it came with, as the endpoint sees it: further credentials are checked like that one. */
  readonly facts: CredentialFacts
  readonly standing: Standing
  readonly principal: Principal
  /** The names under which the endpoint is known: host, port and path. */
  readonly resources: readonly string[]
}

interface Running {
  readonly reply: LinkReply
  readonly scope: CallScope
}

/** Told once, when nothing comes of a link any more. */
export type LinkOver = (link: InboundLink) => void

/**
 * The end of a link at the node whose endpoint it is: many callers' requests on one WebSocket, each in the name of a
 * credential that was presented on it. Nothing is served before the other end has proved which node it is.
 */
export class InboundLink {
  readonly endpoint: string
  /** Whoever opened it. */
  readonly principal: Principal
  readonly #parts: InboundLinkParts
  readonly #opened: OpenedLink
  readonly #wire: LinkWire
  readonly #handshake: LinkHandshake
  readonly #over: LinkOver
  readonly #calls = new Map<number, Running>()
  readonly #slots = new Map<number, Standing | Promise<Standing>>()
  readonly #proofTimer: NodeJS.Timeout
  #other: LinkHello | undefined
  #callers: LinkCallers | undefined
  #talk: MeshTalk | undefined
  #leaving = false

  constructor(parts: InboundLinkParts, opened: OpenedLink, over: LinkOver) {
    this.#parts = parts
    this.#opened = opened
    this.#over = over
    this.endpoint = opened.endpoint
    this.principal = opened.principal
    this.#slots.set(0, opened.standing)
    const owner = {
      frame: (frame: LinkFrame) => this.#frame(frame),
      closed: (fault: Fault) => this.#closed(fault),
    }
    this.#wire = new LinkWire(opened, {
      owner,
      pingMs: parts.pingMs,
      traffic: parts.traffic?.of('down', opened.endpoint),
    })
    this.#proofTimer = setTimeout(() => {
      this.#wire.close(CLOSE.policy, 'the other end did not say in time who it is')
    }, parts.proofMs)
    this.#handshake = new LinkHandshake({
      role: 'server',
      identity: parts.identity,
      resource: '',
      takes: parts.takes,
      send: (frame) => this.#wire.send(frame),
      refuse: ({ resource }) =>
        opened.resources.includes(placeOf(resource)) ? undefined : 'means another endpoint',
    })
  }

  /** The node at the other end; undefined until it has proved that. */
  get peer(): LinkedNode | undefined {
    return this.#other
  }

  /** Requests under way. */
  get calls(): number {
    return this.#calls.size
  }

  /** Takes no more calls, lets those under way finish, and closes then. */
  leave(): void {
    if (this.#leaving) return
    this.#leaving = true
    this.#wire.send({ type: 'goaway' })
    this.#closeIfIdle()
  }

  /** Ends it now, and its calls. */
  end(): void {
    this.#wire.terminate('was ended by this node')
  }

  #frame(frame: LinkFrame): void {
    if (this.#other !== undefined) this.#take(frame)
    else {
      this.#handshake.frame(frame)
      this.#other = this.#handshake.other
      if (this.#other !== undefined) this.#begin()
    }
  }

  #begin(): void {
    clearTimeout(this.#proofTimer)
    const { mesh } = this.#parts
    if (this.#other === undefined) return
    this.#callers = new LinkCallers(this.#other)
    if (mesh === undefined) return
    this.#talk = mesh.down(this.endpoint, this.principal, {
      peer: this.#other,
      send: (text) => this.#wire.send({ type: 'mesh', body: Buffer.from(text) }),
    })
  }

  #take(frame: LinkFrame): void {
    switch (frame.type) {
      case 'request':
        return this.#request(frame)
      case 'credential':
        return this.#present(frame.slot, frame.lines)
      case 'release':
        this.#slots.delete(frame.slot)
        return
      case 'cancel':
        return this.#cancel(frame.call)
      case 'window':
        return this.#calls.get(frame.call)?.reply.more(frame.bytes)
      case 'mesh':
        return this.#talk?.message(frame.body.toString())
      case 'hello':
      case 'proof':
      case 'notification':
      case 'response':
      case 'refusal':
      case 'goaway':
        throw new Fault('invalid_request', `a link takes no ${frame.type} from its caller`)
    }
  }

  /** @throws Fault `invalid_request` when there are more than was agreed on */
  #present(slot: number, lines: readonly string[]): void {
    const { authenticator, takes } = this.#parts
    if (!this.#slots.has(slot) && this.#slots.size >= takes.credentials) {
      throw new Fault('invalid_request', 'there are more credentials than the link takes')
    }
    const facts = factsOf(this.#opened.facts, lines)
    const standing = attempt(() => authenticator.stand(facts))
    // Whoever uses the slot is told; nobody may.
    if (standing instanceof Promise) standing.catch(() => undefined)
    this.#slots.set(slot, standing)
  }

  #request(frame: RequestFrame): void {
    const { call, slot } = frame
    const { takes } = this.#parts
    if (this.#calls.has(call)) throw new Fault('invalid_request', 'a call is under way already')
    if (this.#calls.size >= takes.calls) {
      throw new Fault('invalid_request', 'there are more calls than the link takes')
    }
    if (this.#leaving) {
      this.#wire.send({ type: 'refusal', call, status: 503, lines: [] })
      return
    }
    const running = this.#open(call)
    const standing = this.#slots.get(slot) ?? UNKNOWN
    const principal = attempt(() =>
      standing instanceof Promise ? standing.then((one) => one.principal()) : standing.principal(),
    )
    if (principal instanceof Promise) {
      principal.then(
        (known) => this.#serve(frame, running, known),
        (error: unknown) => this.#refuse(running, error),
      )
    } else this.#serve(frame, running, principal)
  }

  #open(call: number): Running {
    const { authenticator } = this.#parts
    const { window = 0, message = 0 } = this.#other?.takes ?? {}
    const reply = new LinkReply({
      call,
      window,
      maxBytes: message,
      wire: this.#wire,
      challenge: (fault) => authenticator.challenge(this.endpoint, fault),
      over: () => {
        this.#calls.delete(call)
        this.#closeIfIdle()
      },
    })
    const running = { reply, scope: new CallScope('websocket') }
    this.#calls.set(call, running)
    // Who does not read its answers is not read either.
    if (this.#wire.crowded) {
      this.#wire.pause()
      this.#wire.onDrain(() => this.#wire.resume())
    }
    return running
  }

  #serve(frame: RequestFrame, { reply, scope }: Running, principal: Principal): void {
    const { endpoint } = this
    // It was cancelled while its credential was looked at.
    const callers = this.#callers
    if (scope.ended || callers === undefined) return
    if (!this.#parts.admits(endpoint, principal)) {
      this.#refuse({ reply, scope }, new Fault('unknown_endpoint', 'there is no such endpoint'))
      return
    }
    this.#parts.serve({ endpoint, principal, frame, callers, reply, scope })
  }

  #refuse({ reply, scope }: Running, error: unknown): void {
    scope.finish()
    reply.refuse(asFault(error))
  }

  #cancel(call: number): void {
    const running = this.#calls.get(call)
    if (running === undefined) return
    running.reply.abandon()
    running.scope.stop(new Fault('cancelled', 'the caller cancelled the request'))
  }

  #closeIfIdle(): void {
    if (!this.#leaving || this.#calls.size > 0) return
    this.#wire.close(CLOSE.away, 'the endpoint takes no more calls here')
  }

  #closed(fault: Fault): void {
    clearTimeout(this.#proofTimer)
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const { reply, scope } of calls) {
      reply.abandon()
      scope.stop(new Fault('cancelled', 'the link of the caller is gone', { cause: fault }))
    }
    this.#slots.clear()
    this.#talk?.closed()
    this.#talk = undefined
    this.#over(this)
  }
}

/** What was never presented, or was released. */
const UNKNOWN: Standing = {
  principal: () => {
    throw new Fault('unauthenticated', 'the credential has to be presented first')
  },
}

/** What throws at once and what rejects later go one way. */
function attempt<T>(step: () => T | Promise<T>): T | Promise<T> {
  try {
    return step()
  } catch (error) {
    return Promise.reject(asFault(error))
  }
}

/** The same request with other header lines. */
function factsOf(facts: CredentialFacts, lines: readonly string[]): CredentialFacts {
  const { endpoint, method, certificate } = facts
  const header = (name: string): readonly string[] =>
    lines.filter((_, index) => index % 2 === 1 && lines[index - 1] === name)
  return { endpoint, method, header, certificate }
}

/** Host, port and path of a URL, in lower case; empty when it is none. */
export function placeOf(resource: string): string {
  if (!URL.canParse(resource)) return ''
  const { host, pathname } = new URL(resource)
  return `${host}${pathname}`.toLowerCase()
}
