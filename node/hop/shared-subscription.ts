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

/** Somebody who wants to hear of a resource. */
export interface Holder {
  /** As in the `Context` of its calls. Does not change while it holds a subscription. */
  readonly whose: string
}

/** Holders of one `whose`. */
interface People<H> {
  readonly holders: Set<H>
  /** Processes of theirs in which it was asked for. Some may be gone. */
  readonly asked: Set<SubscribedConnection>
}

/**
 * The one subscription at an upstream to one resource, however many want it. It holds for one connection; after that it
 * is opened anew.
 *
 * Where holders have processes of their own, it is asked for there, too, once for all of one `whose`. What comes of that
 * changes nothing about whether it is granted.
 */
export class SharedSubscription<H extends Holder> {
  readonly link: SubscribedLink
  /** As the upstream knows it. */
  readonly uri: string
  readonly #people = new Map<string, People<H>>()
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

  /** Whether anybody wants it; of those of one `whose`, if that is given. */
  isWanted(whose?: string): boolean {
    return whose === undefined ? this.#people.size > 0 : this.#people.has(whose)
  }

  /** Those who want it; of one `whose`, if that is given. */
  *holders(whose?: string): Generator<H> {
    if (whose !== undefined) yield* this.#people.get(whose)?.holders ?? []
    else for (const { holders } of this.#people.values()) yield* holders
  }

  add(holder: H): void {
    const people = this.#people.get(holder.whose) ?? { holders: new Set(), asked: new Set() }
    this.#people.set(holder.whose, people)
    people.holders.add(holder)
  }

  /** The last of its people ends what was asked for in their processes. */
  remove(holder: H): void {
    const { whose } = holder
    const holders = this.#people.get(whose)?.holders
    if (holders?.delete(holder) !== true || holders.size > 0) return
    this.#people.delete(whose)
    for (const connection of this.link.apart(whose)) connection.unsubscribe(this.uri)
  }

  /** Asks in those processes of its people that are open. Resolves when all have answered; undefined when there is none. */
  openApart(whose: string): Promise<unknown> | undefined {
    const people = this.#people.get(whose)
    const open = this.link.apart(whose)
    if (people === undefined || open.length === 0) return undefined
    for (const connection of open) people.asked.add(connection)
    return Promise.all(open.map((connection) => connection.subscribe(this.uri)))
  }

  /**
   * Asks in one more process, or no longer in one that was the node's own.
   *
   * @returns whether its people may have missed something: another one in which it was asked for is gone, and with it
   *   what had been changed there
   */
  openedApart(connection: SubscribedConnection, whose: string): boolean {
    const people = this.#people.get(whose)
    if (people === undefined) {
      connection.unsubscribe(this.uri)
      return false
    }
    void connection.subscribe(this.uri)
    const open = this.link.apart(whose)
    const gone = [...people.asked].filter((one) => !open.includes(one))
    for (const one of gone) people.asked.delete(one)
    people.asked.add(connection)
    return gone.length > 0
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
