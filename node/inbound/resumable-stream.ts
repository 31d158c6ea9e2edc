import type { ServerResponse } from 'node:http'
import type { LegacyRevision } from '../../protocol/revisions.ts'
import type { EventStore, Replay, StoredStream } from './event-store.ts'
import { openEventStream, writeComment, writeEvent, writePriming } from './event-stream.ts'

/** What a stream goes out on for a while. */
export interface Connection {
  readonly response: ServerResponse
  /** Names and values in turn, for the response. */
  readonly headers: readonly string[]
  readonly revision: LegacyRevision
}

export interface ResumableOptions {
  readonly session: string
  readonly store: EventStore
  readonly stored: StoredStream
  /** Called when it has ended. */
  readonly ended: () => void
}

/** Whether clients of a revision take an event without data; the older ones look for a message in it. */
export function isPrimed(revision: LegacyRevision): boolean {
  return revision === '2025-11-25'
}

/** Opens an event stream whose next event comes after the one of that id. */
export function openResumable(
  { response, headers, revision }: Connection,
  lastEventId: string,
): void {
  openEventStream(response, headers)
  // Also when it resumes: a client that gets nothing on a connection forgets which stream it was of.
  if (isPrimed(revision)) writePriming(response, lastEventId)
}

/**
 * An event stream of a 2025 session that outlives its connections. While a client is connected, what is written goes to
 * it and is kept; while none is, it is kept alone. One client at a time: a new one takes the place of the old.
 */
export class ResumableStream {
  readonly session: string
  readonly #store: EventStore
  readonly #stored: StoredStream
  readonly #onEnd: () => void
  #last: string
  #response: ServerResponse | undefined
  #catchingUp = false
  #ended = false
  #waiting: (() => void)[] = []

  constructor({ session, store, stored, ended }: ResumableOptions) {
    this.session = session
    this.#store = store
    this.#stored = stored
    this.#onEnd = ended
    this.#last = stored.start
  }

  get attached(): boolean {
    return this.#response !== undefined
  }

  /** What the connected client has not taken yet, bytes. */
  get backlog(): number {
    return this.#response?.writableLength ?? 0
  }

  /** Begins it on its first connection. */
  begin(connection: Connection): void {
    openResumable(connection, this.#last)
    this.#attach(connection.response)
  }

  /** Sends a message; false asks to wait for `onDrain`. Nobody has to wait for a client that is not there. */
  write(text: readonly Buffer[]): boolean {
    if (this.#ended) return true
    this.#last = this.#stored.append(text)
    if (this.#response === undefined || this.#catchingUp) return true
    return writeEvent(this.#response, text, this.#last)
  }

  /** Calls back once the client has caught up, or has gone. */
  onDrain(listener: () => void): void {
    if (this.#response?.writableNeedDrain === true) this.#waiting.push(listener)
    else listener()
  }

  /** Keeps the connection alive, if there is one. */
  beat(): void {
    if (this.#response !== undefined && !this.#catchingUp) writeComment(this.#response)
  }

  /** Ends it after what was written. A client that comes back has the rest as long as it is kept. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stored.end()
    this.#onEnd()
    if (!this.#catchingUp) this.#finish()
  }

  /** Ends it, and forgets it. */
  discard(): void {
    this.#finish()
    this.#ended = true
    this.#stored.drop()
  }

  /** Cuts off a client that does not read. It may come back. */
  hangUp(): void {
    this.#response?.destroy()
  }

  /**
   * Goes on with it on another connection, after the event of that id. False when what came after it is not there any
   * more; nothing is sent then. A client that has left meanwhile needs nothing.
   */
  async resume(connection: Connection, lastEventId: string): Promise<boolean> {
    const { response } = connection
    let gone = false
    response.once('close', () => {
      gone = true
    })
    const replay = await this.#store.after(this.session, lastEventId)
    if (gone) return true
    if (replay === undefined) return false
    this.#attach(response)
    this.#catchingUp = true
    openResumable(connection, lastEventId)
    await this.#catchUp(response, { replay, sent: lastEventId })
    return true
  }

  /** Sends what was missed, and what comes while that is fetched, until nothing is left and it can go on live. */
  async #catchUp(
    response: ServerResponse,
    from: { readonly replay: Replay; readonly sent: string },
  ): Promise<void> {
    let sent = writeReplay(response, from.replay) ?? from.sent
    while (sent !== this.#last) {
      const more = await this.#store.after(this.session, sent)
      if (this.#response !== response) return
      if (more === undefined) break
      sent = writeReplay(response, more) ?? sent
    }
    this.#catchingUp = false
    // It comes to an end as well where there is a gap: the client is told when it asks again.
    if (this.#ended || sent !== this.#last) this.#finish()
  }

  #attach(response: ServerResponse): void {
    this.#finish()
    this.#response = response
    this.#stored.attend(true)
    response.on('drain', () => {
      if (this.#response === response) this.#release()
    })
    response.on('close', () => {
      if (this.#response === response) this.#detach()
    })
  }

  #detach(): void {
    this.#response = undefined
    this.#catchingUp = false
    this.#stored.attend(false)
    this.#release()
  }

  /** Lets the connection go. */
  #finish(): void {
    const response = this.#response
    if (response === undefined) return
    this.#detach()
    // What a client does not take would be held for it until its connection times out.
    if (response.writableNeedDrain && !this.#ended) response.destroy()
    else response.end()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one()
  }
}

/** Sends what was missed; returns the id of the last. */
export function writeReplay(response: ServerResponse, { events }: Replay): string | undefined {
  for (const { id, message } of events) writeEvent(response, [message], id)
  return events.at(-1)?.id
}
