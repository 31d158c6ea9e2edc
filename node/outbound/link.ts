import { asFault, Fault } from '../../protocol/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Place } from '../core/ring.ts'
import { OWN, SHARED, type Context } from '../core/stages.ts'
import { CallsByContext, type Calls, type QuestionTaker } from './calls.ts'
import type { Connection, ConnectionEvents, Connector } from './connection.ts'
import { closed, discard, end, rootMessage, type Conversation } from './conversation.ts'
import type { LinkCounts, LinkEvents, LinkOptions, LinkPhase, LinkStatus } from './link-events.ts'

/** Counts a call out; for `lingerMs` after it the upstream may still speak of it without naming it. Only the first time counts. */
export type Leave = (lingerMs?: number) => void

/** Calls make no attempt to reconnect sooner than this after the one before failed, milliseconds. */
const RETRY_SPACING_MS = 50

/**
 * The link to one upstream: keeps the node's own connection open, opens others for callers who must not share and closes
 * them when they have been idle for long, and comes back by itself with growing delays. A call that meets a link that is
 * down tries at once instead of waiting for the next delay to pass.
 *
 * The node's own is the shared one. Only where a process holds the server's state, and callers that can be asked need one
 * of their own, the node goes over to theirs: what they change there it would otherwise not see.
 */
export class Link {
  readonly label: string
  /** Since it was made. */
  readonly counts: LinkCounts = { connects: 0, failures: 0, resends: 0, failovers: 0 }
  readonly #connector: Connector
  readonly #events: LinkEvents
  readonly #sessionIdleMs: number
  readonly #sessions: number
  readonly #log: Logger
  readonly #conversations = new Map<string, Conversation>()
  readonly #calls = new CallsByContext()
  /** The context of the connection on which the node lists and watches. */
  #own = SHARED.key
  #phase: LinkPhase = 'connecting'
  #fault: Fault | undefined
  #delay: number
  #waits = 0
  #timer: NodeJS.Timeout | undefined
  #lastFailure = 0
  #upSince = 0
  #inFlight = 0
  readonly #drained: (() => void)[] = []
  readonly #releasing = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(label: string, { connector, events, sessionIdleMs, sessions, log }: LinkOptions) {
    this.label = label
    this.#connector = connector
    this.#events = events
    this.#sessionIdleMs = sessionIdleMs
    this.#sessions = sessions
    this.#log = log
    this.#delay = connector.backoff.min
  }

  /** Calls under way, for the limit and the operator. */
  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Counts a call of a context in; the returned function counts it out, once. What the upstream says in that context
   * without naming a call goes to `taker` while it is the only one.
   */
  enter({ key }: Context, taker: QuestionTaker): Leave {
    const calls = this.#occupy(key)
    let place: Place<QuestionTaker> | undefined = calls.add(taker)
    this.#inFlight += 1
    return (lingerMs = 0) => {
      if (place === undefined) return
      calls.remove(place)
      if (lingerMs > 0) calls.doubt(lingerMs, taker.caller)
      place = undefined
      this.#inFlight -= 1
      this.#awaitIdle(key)
      if (this.#inFlight === 0) for (const listener of this.#drained.splice(0)) listener()
    }
  }

  /** Resolves when no call is under way, or after `graceMs`. */
  drain(graceMs: number): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#drained.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Tries now, whatever failed before. Resolves when that is over, whether it succeeded or not. */
  async start(): Promise<void> {
    const attempt = this.#conversations.get(this.#own)?.attempt
    if (attempt !== undefined) await attempt.catch(() => undefined)
    this.#lastFailure = 0
    await this.connection(OWN).catch(() => undefined)
  }

  /** How long it waits until it tries again, milliseconds; 0 while it need not. */
  get retryMs(): number {
    return this.#phase === 'down' ? this.#waits : 0
  }

  get status(): LinkStatus {
    const own = this.current(OWN)
    return {
      phase: this.#phase,
      target: this.#connector.target,
      era: own?.era,
      revision: own?.revision,
      server: own?.server.name,
      transport: own?.transport,
      error: this.#phase === 'down' ? this.#fault?.message : undefined,
    }
  }

  /** The open connection of a context, without waiting; undefined while there is none. */
  current(context: Context): Connection | undefined {
    const own = this.#conversations.get(this.#own)?.connection
    if (context === OWN || this.#isOwn(context.key) || own?.stateless === true) return own
    return this.#conversations.get(context.key)?.connection
  }

  /**
   * The connection of a context, opened if need be.
   *
   * @throws Fault `upstream_unavailable` and what `Connector.connect` throws
   */
  async connection(context: Context): Promise<Connection> {
    const own = this.current(OWN) ?? (await this.#openOwn())
    if (context === OWN || this.#isOwn(context.key) || own.stateless) return own
    return this.current(context) ?? this.#open(context)
  }

  /** Besides the node's own connection, what is open to those processes that hold a state for the calls of somebody. */
  apart(whose: string): readonly Connection[] {
    const apart: Connection[] = []
    for (const [key, conversation] of this.#conversations) {
      if (conversation.whose !== whose || this.#isOwn(key)) continue
      if (conversation.connection?.secluded === true) apart.push(conversation.connection)
    }
    return apart
  }

  /** As `Connector.breakOff`. */
  breakOff(since: number): void {
    this.#connector.breakOff?.(since)
  }

  /** Frees what was opened for one 2025 session alone. */
  async release(session: string): Promise<void> {
    const own = [...this.#conversations].filter(([, { whose }]) => whose === session)
    await Promise.all(own.map(([key]) => this.#release(key)))
  }

  /** Ends calls and attempts, and closes what is open. Resolves when that is done; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#phase = 'closed'
    clearTimeout(this.#timer)
    const open = [...this.#conversations.values()]
    for (const [key, conversation] of this.#conversations) this.#forget(key, conversation)
    await Promise.all(open.map(async ({ connection }) => connection?.close()))
    // Before the attempts under way are waited for: this ends them, and what they still open they discard.
    await this.#connector.close()
    await Promise.allSettled([...open.map(async ({ attempt }) => attempt), ...this.#releasing])
  }

  #release(key: string): Promise<void> {
    const conversation = this.#conversations.get(key)
    if (this.#isOwn(key) || conversation === undefined) return Promise.resolve()
    this.#forget(key, conversation)
    const released = end(conversation).finally(() => this.#releasing.delete(released))
    this.#releasing.add(released)
    return released
  }

  /**
   * What was tried before somebody came may have been tried before the upstream was back. So whoever finds an attempt that
   * fails, or one that has just failed, has another made, at the pace at which attempts are made for calls.
   */
  async #openOwn(): Promise<Connection> {
    const known = this.#conversations.get(SHARED.key)?.attempt
    const found = known === undefined ? undefined : await known.catch(() => undefined)
    if (found !== undefined) return found
    const due = this.#lastFailure + RETRY_SPACING_MS - Date.now()
    if (this.#fault !== undefined && due > 0) {
      await new Promise((resolve) => setTimeout(resolve, due))
    }
    return this.current(OWN) ?? this.#open(SHARED)
  }

  #open(context: Context): Promise<Connection> {
    const { key } = context
    const known = this.#conversations.get(key)
    if (known?.attempt !== undefined) return known.attempt
    if (known?.connection !== undefined) return Promise.resolve(known.connection)
    if (this.#phase === 'closed') return Promise.reject(closed())
    if (this.#fault !== undefined && Date.now() - this.#lastFailure < RETRY_SPACING_MS) {
      return Promise.reject(this.#fault)
    }
    // The shared one is among those that are counted, and never refused.
    if (key !== SHARED.key && known === undefined && this.#conversations.size > this.#sessions) {
      const text = `upstream "${this.label}" has ${this.#sessions} sessions of single clients`
      return Promise.reject(new Fault('overloaded', text, { limit: 'sessionsPerUpstream' }))
    }
    const conversation: Conversation = known ?? {
      whose: context.whose,
      connection: undefined,
      attempt: undefined,
      idle: undefined,
    }
    this.#conversations.set(key, conversation)
    conversation.attempt = this.#attempt(context, conversation)
    return conversation.attempt
  }

  async #attempt(context: Context, conversation: Conversation): Promise<Connection> {
    const { key, offered, authorization } = context
    // The delay that runs is that of the node's own connection.
    if (this.#isOwn(key)) clearTimeout(this.#timer)
    // A connection may be lost before `connect` returns it.
    let lostEarly: Fault | undefined
    let settled = false
    const lost = (fault: Fault): void => {
      if (settled) this.#lost(key, conversation, fault)
      else lostEarly = fault
    }
    try {
      const connection = await this.#connector.connect(
        this.#eventsOf(context, conversation, lost),
        offered,
        authorization,
      )
      settled = true
      if (lostEarly !== undefined) throw lostEarly
      if (this.#conversations.get(key) !== conversation) throw await discard(connection)
      conversation.connection = connection
      conversation.attempt = undefined
      if (this.#isOwn(key)) this.#up(connection)
      else if (this.#isBetter(context, connection)) this.#goOver(key, connection)
      else {
        if (connection.secluded) this.#events.openedApart(connection, conversation.whose)
        // Who asked for it may have given up in the meantime.
        this.#awaitIdle(key)
      }
      return connection
    } catch (error) {
      conversation.attempt = undefined
      throw this.#failed(key, conversation, asFault(error))
    }
  }

  /** News are those of the node's own connection, from the time it is there; questions may come before that. */
  #eventsOf(
    context: Context,
    conversation: Conversation,
    lost: (fault: Fault) => void,
  ): ConnectionEvents {
    const { key } = context
    const tells = (): boolean => this.#isOwn(key) && conversation.connection !== undefined
    return {
      listChanged: (of) => {
        if (tells()) this.#events.listChanged(of)
      },
      updated: (uri) => {
        if (tells()) this.#events.updated(uri)
        else if (conversation.connection?.secluded === true) {
          this.#events.updated(uri, conversation.whose)
        }
      },
      request: (message, respond) => this.#calls.ask(context, message, respond),
      notification: (message) => {
        const stateless = this.current(OWN)?.stateless === true
        this.#calls.notify(context, message, stateless)
      },
      lost,
    }
  }

  #isOwn(key: string): boolean {
    return key === this.#own
  }

  /** Whether what callers do on a connection is better seen from there. One of a single session shows only that one. */
  #isBetter({ whose }: Context, { secluded }: Connection): boolean {
    return secluded && this.#own === SHARED.key && whose === SHARED.whose
  }

  /** The node lists and watches on another connection from now on; its old one is closed when it has been idle for long. */
  #goOver(key: string, connection: Connection): void {
    this.#own = key
    this.#awaitIdle(SHARED.key)
    const before = this.#conversations.get(SHARED.key)?.connection
    if (before?.secluded === true) this.#events.openedApart(before, SHARED.whose)
    this.#up(connection)
  }

  #up(connection: Connection): void {
    clearTimeout(this.#timer)
    this.#phase = 'up'
    this.counts.connects += 1
    this.#fault = undefined
    this.#upSince = Date.now()
    const { era, revision, server } = connection
    this.#log.info({ upstream: this.label, era, revision, server: server.name }, 'upstream is up')
    this.#events.up()
  }

  #failed(key: string, conversation: Conversation, fault: Fault): Fault {
    this.#forget(key, conversation)
    if (this.#phase === 'closed') return closed()
    const named = this.#named(fault)
    if (!this.#isOwn(key)) return named
    this.#lastFailure = Date.now()
    this.#down(named)
    return named
  }

  #lost(key: string, conversation: Conversation, fault: Fault): void {
    if (!this.#forget(key, conversation)) return
    if (this.#phase === 'closed' || !this.#isOwn(key)) return
    this.#own = SHARED.key
    if (this.#conversations.get(SHARED.key)?.connection !== undefined) {
      // Callers who cannot be asked have had a process of their own all the time.
      this.#events.up()
      return
    }
    // One that ends as soon as it is open must not be opened again and again without a pause.
    if (Date.now() - this.#upSince >= this.#delay) this.#delay = this.#connector.backoff.min
    this.#down(this.#named(fault))
  }

  #occupy(key: string): Calls {
    clearTimeout(this.#conversations.get(key)?.idle)
    return this.#calls.at(key)
  }

  /** Callers of the 2025 era may leave without a word, and what is open for them would stay open. */
  #awaitIdle(key: string): void {
    if (this.#isOwn(key) || this.#calls.size(key) > 0) return
    const conversation = this.#conversations.get(key)
    if (conversation === undefined) return
    clearTimeout(conversation.idle)
    conversation.idle = setTimeout(() => void this.#release(key), this.#sessionIdleMs)
  }

  /** False when it was not the one of its context any more. */
  #forget(key: string, conversation: Conversation): boolean {
    clearTimeout(conversation.idle)
    if (this.#conversations.get(key) !== conversation) return false
    return this.#conversations.delete(key)
  }

  /** The caller reads which upstream it was; its address stays with the operator. */
  #named(fault: Fault): Fault {
    const message = `upstream "${this.label}": ${fault.message}`
    return new Fault(fault.code, message, { cause: fault })
  }

  #down(fault: Fault): void {
    const first = this.#phase !== 'down'
    this.#phase = 'down'
    this.counts.failures += 1
    this.#fault = fault
    if (first) {
      const cause = rootMessage(fault)
      this.#log.warn(
        { upstream: this.label, target: this.#connector.target, cause },
        `${fault.message}; trying again`,
      )
      this.#events.down()
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      // The spacing is for calls: refused by it here, nothing would try again.
      this.#lastFailure = 0
      this.#open(SHARED).catch(() => undefined)
    }, this.#delay)
    this.#waits = this.#delay
    this.#delay = Math.min(this.#delay * 2, this.#connector.backoff.max)
  }
}
