import { OWN, type Context } from '../core/stages.ts'
import type { Connection } from '../outbound/connection.ts'

/** What subscribing needs of a connection. */
export type SubscribedConnection = Pick<Connection, 'server' | 'subscribe' | 'unsubscribe'>

/** What subscribing needs of a link. */
export interface SubscribedLink {
  current(context: Context): SubscribedConnection | undefined
  /** @throws Fault when there is none to be had */
  connection(context: Context): Promise<SubscribedConnection>
  /** As `Link.apart`. */
  apart(whose: string): readonly SubscribedConnection[]
}

/**
 * The one subscription at an upstream to one resource, however many want it. It holds for one connection; after that it
 * is opened anew.
 */
export class SharedSubscription<Holder> {
  readonly link: SubscribedLink
  /** As the upstream knows it. */
  readonly uri: string
  readonly holders: Set<Holder> = new Set()
  #connection: SubscribedConnection | undefined
  #opening: Promise<boolean> | undefined
  #granted = false
  #closed = false

  constructor(link: SubscribedLink, uri: string) {
    this.link = link
    this.uri = uri
  }

  /** Whether the upstream has granted it on the connection there is. */
  get live(): boolean {
    return this.#granted && this.#isCurrent()
  }

  /** Whether an attempt is under way that may still succeed. */
  get pending(): boolean {
    // An attempt on a connection that is gone says nothing about the next one.
    return this.#opening !== undefined && (this.#connection === undefined || this.#isCurrent())
  }

  /** Resolves with whether the upstream grants it; asks only if it has not yet on this connection. Never rejects. */
  open(): Promise<boolean> {
    if (this.live) return Promise.resolve(true)
    if (this.#opening !== undefined && this.pending) return this.#opening
    this.#connection = undefined
    this.#granted = false
    const opening = this.#open().finally(() => {
      if (this.#opening === opening) this.#opening = undefined
    })
    this.#opening = opening
    return opening
  }

  /** Nobody wants it any more. */
  close(): void {
    this.#closed = true
    // Also one that is not granted yet: it may be, later.
    if (this.#isCurrent()) this.#connection?.unsubscribe(this.uri)
  }

  async #open(): Promise<boolean> {
    const connection = await this.#connect()
    // Subscribing now would leave something that nobody ends.
    if (connection === undefined || this.#closed) return false
    this.#connection = connection
    const granted = await connection.subscribe(this.uri)
    if (this.#connection !== connection) return false
    this.#granted = granted
    return this.live && !this.#closed
  }

  async #connect(): Promise<SubscribedConnection | undefined> {
    try {
      return this.link.current(OWN) ?? (await this.link.connection(OWN))
    } catch {
      return undefined
    }
  }

  #isCurrent(): boolean {
    return this.#connection !== undefined && this.#connection === this.link.current(OWN)
  }
}
