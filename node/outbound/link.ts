import { asFault, Fault } from '../../protocol/errors.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Logger } from '../core/logger.ts'
import type { Connection, ConnectionEvents, Connector } from './connection.ts'

/** The context of the node itself, in which it lists and watches, and of callers who share one upstream session. */
export const SHARED = ''

/** Where a link stands. */
export type LinkPhase = 'connecting' | 'up' | 'down' | 'closed'

/** What the operator sees of a link. */
export interface LinkStatus {
  readonly phase: LinkPhase
  readonly target: string
  readonly era: Era | undefined
  readonly revision: string | undefined
  readonly server: string | undefined
  /** Why it is down. */
  readonly error: string | undefined
}

/** What happens on a link. */
export interface LinkEvents {
  /** A connection is there, for the first time or again. What it lists may have changed. */
  up(): void
  down(): void
  listChanged(): void
}

/** A call never waits for a reconnect that began less than this ago and failed, milliseconds. */
const RETRY_SPACING_MS = 50

/** What a link is made with. */
export interface LinkOptions {
  readonly connector: Connector
  readonly events: LinkEvents
  /** How long a context other than the shared one may be without calls before what it holds is let go, milliseconds. */
  readonly sessionIdleMs: number
  /** Contexts besides the shared one that may be open at once. */
  readonly sessions: number
  readonly log: Logger
}

interface Conversation {
  connection: Connection | undefined
  attempt: Promise<Connection> | undefined
  /** Runs while its context has no calls. */
  idle: NodeJS.Timeout | undefined
}

/**
 * The link to one upstream: keeps the shared connection open, opens others for callers who must not share and closes
 * them when they have been idle for long, and comes back by itself with growing delays. A call that meets a link that is
 * down tries at once instead of waiting for the next delay to pass.
 */
export class Link {
  readonly label: string
  readonly #connector: Connector
  readonly #events: LinkEvents
  readonly #sessionIdleMs: number
  readonly #sessions: number
  readonly #log: Logger
  readonly #conversations = new Map<string, Conversation>()
  /** Calls under way by context, without those of the shared one. */
  readonly #calls = new Map<string, number>()
  #phase: LinkPhase = 'connecting'
  #fault: Fault | undefined
  #delay: number
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

  /** Counts a call of a context in; the returned function counts it out, once. */
  enter(context: string): () => void {
    this.#inFlight += 1
    if (context !== SHARED) this.#occupy(context)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#inFlight -= 1
      if (context !== SHARED) this.#vacate(context)
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

  /** Makes the first attempt. Resolves when it is over, whether it succeeded or not. */
  async start(): Promise<void> {
    await this.connection(SHARED).catch(() => undefined)
  }

  get status(): LinkStatus {
    const shared = this.#conversations.get(SHARED)?.connection
    return {
      phase: this.#phase,
      target: this.#connector.target,
      era: shared?.era,
      revision: shared?.revision,
      server: shared?.server.name,
      error: this.#phase === 'down' ? this.#fault?.message : undefined,
    }
  }

  /** The open connection of a context, without waiting; undefined while there is none. */
  current(context: string): Connection | undefined {
    const shared = this.#conversations.get(SHARED)?.connection
    if (context === SHARED || shared?.stateless === true) return shared
    return this.#conversations.get(context)?.connection
  }

  /**
   * The connection of a context, opened if need be.
   *
   * @throws Fault `upstream_unavailable` and what `Connector.connect` throws
   */
  async connection(context: string): Promise<Connection> {
    const shared = this.current(SHARED) ?? (await this.#open(SHARED))
    if (context === SHARED || shared.stateless) return shared
    return this.current(context) ?? this.#open(context)
  }

  /** Frees what was opened for one context alone. */
  release(context: string): Promise<void> {
    const conversation = this.#conversations.get(context)
    if (context === SHARED || conversation === undefined) return Promise.resolve()
    this.#forget(context, conversation)
    const released = end(conversation).finally(() => this.#releasing.delete(released))
    this.#releasing.add(released)
    return released
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
    for (const [context, conversation] of this.#conversations) this.#forget(context, conversation)
    await Promise.all(open.map(async ({ connection }) => connection?.close()))
    // Before the attempts under way are waited for: this ends them, and what they still open they discard.
    await this.#connector.close()
    await Promise.allSettled([...open.map(async ({ attempt }) => attempt), ...this.#releasing])
  }

  #open(context: string): Promise<Connection> {
    const known = this.#conversations.get(context)
    if (known?.attempt !== undefined) return known.attempt
    if (this.#phase === 'closed') return Promise.reject(closed())
    if (this.#fault !== undefined && Date.now() - this.#lastFailure < RETRY_SPACING_MS) {
      return Promise.reject(this.#fault)
    }
    // The shared one is among those that are counted, and never refused.
    if (context !== SHARED && known === undefined && this.#conversations.size > this.#sessions) {
      const text = `upstream "${this.label}" has ${this.#sessions} sessions of single clients`
      return Promise.reject(new Fault('overloaded', text))
    }
    const conversation: Conversation = known ?? {
      connection: undefined,
      attempt: undefined,
      idle: undefined,
    }
    this.#conversations.set(context, conversation)
    conversation.attempt = this.#attempt(context, conversation)
    return conversation.attempt
  }

  async #attempt(context: string, conversation: Conversation): Promise<Connection> {
    // The delay that runs is that of the shared connection.
    if (context === SHARED) clearTimeout(this.#timer)
    // A connection may be lost before `connect` returns it.
    let lostEarly: Fault | undefined
    let settled = false
    const events: ConnectionEvents = {
      listChanged: () => {
        if (context === SHARED && settled) this.#events.listChanged()
      },
      lost: (fault) => {
        if (settled) this.#lost(context, conversation, fault)
        else lostEarly = fault
      },
    }
    try {
      const connection = await this.#connector.connect(events)
      settled = true
      if (lostEarly !== undefined) throw lostEarly
      if (this.#conversations.get(context) !== conversation) throw await discard(connection)
      conversation.connection = connection
      conversation.attempt = undefined
      if (context === SHARED) this.#up(connection)
      // Who asked for it may have given up in the meantime.
      else this.#awaitIdle(context)
      return connection
    } catch (error) {
      conversation.attempt = undefined
      throw this.#failed(context, conversation, asFault(error))
    }
  }

  #up(connection: Connection): void {
    this.#phase = 'up'
    this.#fault = undefined
    this.#upSince = Date.now()
    const { era, revision, server } = connection
    this.#log.info({ upstream: this.label, era, revision, server: server.name }, 'upstream is up')
    this.#events.up()
  }

  #failed(context: string, conversation: Conversation, fault: Fault): Fault {
    this.#forget(context, conversation)
    if (this.#phase === 'closed') return closed()
    const named = this.#named(fault)
    if (context !== SHARED) return named
    this.#lastFailure = Date.now()
    this.#down(named)
    return named
  }

  #lost(context: string, conversation: Conversation, fault: Fault): void {
    if (!this.#forget(context, conversation)) return
    if (this.#phase === 'closed' || context !== SHARED) return
    // One that ends as soon as it is open must not be opened again and again without a pause.
    if (Date.now() - this.#upSince >= this.#delay) this.#delay = this.#connector.backoff.min
    this.#down(this.#named(fault))
  }

  #occupy(context: string): void {
    this.#calls.set(context, (this.#calls.get(context) ?? 0) + 1)
    clearTimeout(this.#conversations.get(context)?.idle)
  }

  #vacate(context: string): void {
    const calls = (this.#calls.get(context) ?? 1) - 1
    if (calls > 0) this.#calls.set(context, calls)
    else this.#calls.delete(context)
    this.#awaitIdle(context)
  }

  /** Callers of the 2025 era may leave without a word, and what is open for them would stay open. */
  #awaitIdle(context: string): void {
    const conversation = this.#conversations.get(context)
    if (context === SHARED || conversation === undefined || this.#calls.has(context)) return
    clearTimeout(conversation.idle)
    conversation.idle = setTimeout(() => void this.release(context), this.#sessionIdleMs)
  }

  /** False when it was not the one of its context any more. */
  #forget(context: string, conversation: Conversation): boolean {
    clearTimeout(conversation.idle)
    if (this.#conversations.get(context) !== conversation) return false
    return this.#conversations.delete(context)
  }

  /** The caller reads which upstream it was; its address stays with the operator. */
  #named(fault: Fault): Fault {
    const message = `upstream "${this.label}": ${fault.message}`
    return new Fault(fault.code, message, { cause: fault })
  }

  #down(fault: Fault): void {
    const first = this.#phase !== 'down'
    this.#phase = 'down'
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
    this.#delay = Math.min(this.#delay * 2, this.#connector.backoff.max)
  }
}

function closed(): Fault {
  return new Fault('shutting_down', 'the node is closing this upstream')
}

/** Closes what is open, or what an attempt under way still brings. */
async function end({ connection, attempt }: Conversation): Promise<void> {
  const pending = await attempt?.catch(() => undefined)
  await (connection ?? pending)?.close()
}

async function discard(connection: Connection): Promise<Fault> {
  await connection.close()
  return closed()
}

function rootMessage(error: Error): string {
  let innermost = error
  while (innermost.cause instanceof Error) innermost = innermost.cause
  return innermost.message
}
