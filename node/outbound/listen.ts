import type { ListKind } from '../../protocol/capability.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import type { Send } from './ask.ts'
import type { ConnectionEvents, ServerFacts } from './connection.ts'
import { reportedKinds, takesSubscriptions } from './declared.ts'
import { ListenRequest, type ListenOwner } from './listen-request.ts'

/** Delay before a dropped listen is opened again, milliseconds, doubling from min to max. */
const RELISTEN = { min: 100, max: 2_000 }

/** How long an upstream may take to acknowledge a listen before nobody waits for it any more, milliseconds. */
const ACK_MS = 2_000

/** Somebody who waits for the word on a resource. */
interface Waiter {
  readonly granted: Promise<boolean>
  readonly decide: (granted: boolean) => void
}

/** What a listen is made with. */
export interface ListenParts {
  readonly send: Send
  readonly meta: LinkMeta
  readonly server: ServerFacts
  readonly events: ConnectionEvents
}

/**
 * How a connection to a 2026 upstream hears of changes, whatever the transport: by one listen for all lists and resources,
 * opened again whenever it drops. When other resources are wanted, a new one takes its place, and the old one ends when
 * that is acknowledged: nothing is missed in between.
 */
export class Listen {
  readonly #parts: ListenParts
  readonly #kinds: readonly ListKind[]
  readonly #owner: ListenOwner
  /** Resources that were granted once, or that somebody waits for. */
  readonly #uris = new Set<string>()
  readonly #waiting = new Map<string, Waiter>()
  #current: ListenRequest | undefined
  /** What is to take its place. */
  #next: ListenRequest | undefined
  #nextTimer: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = RELISTEN.min
  #settled: (() => void) | undefined
  #planned = false
  #stopped = false
  /** What happened while nobody listened is unknown, so it counts as a change, once no other attempt follows. */
  readonly #changed = (): void => {
    if (!this.#stopped && this.#timer === undefined) this.#announce()
  }

  constructor(parts: ListenParts) {
    const { server, events } = parts
    this.#parts = parts
    this.#kinds = reportedKinds(server)
    this.#owner = {
      acknowledged: (listen) => this.#acknowledged(listen),
      listChanged: (of) => events.listChanged(of),
      updated: (uri) => events.updated(uri),
      ended: (listen, again) => this.#ended(listen, again),
    }
  }

  /** As `Connection.watching`. */
  watching(of: ListKind): boolean {
    return this.#current?.grants(of) === true
  }

  /** Asks to be told of changes of the lists. Resolves when that is granted, refused, or takes too long. */
  start(): Promise<void> {
    if (this.#kinds.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.#settled = this.#changed
        resolve()
      }, ACK_MS)
      this.#settled = () => {
        clearTimeout(giveUp)
        resolve()
      }
      this.#open()
    })
  }

  /** As `Connection.subscribe`. */
  subscribe(uri: string): Promise<boolean> {
    if (this.#stopped || !takesSubscriptions(this.#parts.server)) return Promise.resolve(false)
    const waiting = this.#waiting.get(uri)
    if (waiting !== undefined) return waiting.granted
    this.#uris.add(uri)
    // One that is about to end says nothing of what comes after it.
    if (this.#next === undefined && this.#current?.grantsUri(uri) === true) {
      return Promise.resolve(true)
    }
    this.#plan()
    return this.#wait(uri)
  }

  unsubscribe(uri: string): void {
    this.#decide(uri, false)
    if (this.#uris.delete(uri)) this.#plan()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#dropNext()
    this.#current?.cancel()
    this.#current = undefined
    for (const uri of this.#waiting.keys()) this.#decide(uri, false)
    this.#settle()
  }

  #wait(uri: string): Promise<boolean> {
    const { promise: granted, resolve } = Promise.withResolvers<boolean>()
    const giveUp = setTimeout(() => {
      this.#decide(uri, false)
      if (this.#uris.delete(uri)) this.#plan()
    }, ACK_MS)
    const decide = (word: boolean): void => {
      clearTimeout(giveUp)
      resolve(word)
    }
    this.#waiting.set(uri, { granted, decide })
    return granted
  }

  #decide(uri: string, granted: boolean): void {
    this.#waiting.get(uri)?.decide(granted)
    this.#waiting.delete(uri)
  }

  /** Changes of one step are asked for together. */
  #plan(): void {
    if (this.#planned || this.#stopped) return
    this.#planned = true
    queueMicrotask(() => {
      this.#planned = false
      this.#adjust()
    })
  }

  /** Makes the listen fit what is wanted; while one is being decided, that waits for it. */
  #adjust(): void {
    if (this.#stopped || this.#next !== undefined || this.#timer !== undefined) return
    const wanted = this.#kinds.length > 0 || this.#uris.size > 0
    if (this.#current === undefined) {
      if (this.#uris.size > 0) this.#openAnew()
    } else if (!wanted) this.#end(this.#current)
    else if (this.#current.acknowledged && !isFor(this.#current, this.#uris)) this.#replace()
  }

  #openAnew(): void {
    this.#settled = this.#changed
    this.#open()
  }

  #open(): void {
    if (this.#stopped) return
    this.#current = this.#request()
    this.#current.send(this.#parts.send, this.#parts.meta)
  }

  #replace(): void {
    this.#next = this.#request()
    this.#nextTimer = setTimeout(() => this.#refused(this.#dropNext()), ACK_MS)
    this.#next.send(this.#parts.send, this.#parts.meta)
  }

  #request(): ListenRequest {
    return new ListenRequest({ kinds: this.#kinds, uris: new Set(this.#uris) }, this.#owner)
  }

  #end(listen: ListenRequest): void {
    this.#current = undefined
    listen.cancel()
  }

  #dropNext(): ListenRequest | undefined {
    const next = this.#next
    this.#next = undefined
    clearTimeout(this.#nextTimer)
    next?.cancel()
    return next
  }

  #acknowledged(listen: ListenRequest): void {
    if (listen === this.#next) {
      clearTimeout(this.#nextTimer)
      this.#next = undefined
      this.#current?.cancel()
      this.#current = listen
    }
    // Before those are told who wait: what is granted only now has not been missed.
    this.#settle()
    this.#refuseUngranted(listen)
    this.#adjust()
  }

  /** Tells those who wait; what is not granted is not asked for again, unless it was granted before. */
  #refuseUngranted(listen: ListenRequest): void {
    for (const uri of listen.filter.uris) {
      const granted = listen.grantsUri(uri)
      if (!granted && this.#waiting.has(uri)) this.#uris.delete(uri)
      this.#decide(uri, granted)
    }
  }

  #ended(listen: ListenRequest, again: boolean): void {
    if (this.#stopped) return
    if (listen === this.#next) this.#refused(this.#dropNext())
    else if (listen === this.#current) this.#dropped(listen, again)
  }

  /** The upstream does not listen for more than before, or does not say so in time. */
  #refused(next: ListenRequest | undefined): void {
    if (next !== undefined) this.#refuseUngranted(next)
    if (this.#current === undefined) this.#relisten()
    else if (this.#waiting.size > 0) this.#plan()
  }

  #dropped(listen: ListenRequest, again: boolean): void {
    this.#current = undefined
    // One that never lasts must not make the node hammer its upstream.
    if (listen.age > RELISTEN.max) this.#delay = RELISTEN.min
    if (this.#next !== undefined) {
      this.#settled = this.#changed
      return
    }
    if (!again) this.#refuseUngranted(listen)
    // What was granted once is counted on.
    if (again || this.#uris.size > this.#waiting.size) this.#relisten()
    else if (this.#uris.size > 0) this.#plan()
    this.#settle()
  }

  #relisten(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#openAnew()
    }, this.#delay)
    this.#delay = Math.min(this.#delay * 2, RELISTEN.max)
  }

  #announce(): void {
    const { events } = this.#parts
    for (const of of this.#kinds) events.listChanged(of)
    for (const uri of this.#uris) if (!this.#waiting.has(uri)) events.updated(uri)
  }

  /** The attempt is decided; told once. */
  #settle(): void {
    const settled = this.#settled
    this.#settled = undefined
    settled?.()
  }
}

/** Whether a listen asks for all that is wanted, and is told of nothing else. */
function isFor(listen: ListenRequest, wanted: ReadonlySet<string>): boolean {
  const asked = listen.filter.uris
  const idle = [...asked].some((uri) => listen.grantsUri(uri) && !wanted.has(uri))
  return !idle && [...wanted].every((uri) => asked.has(uri))
}
