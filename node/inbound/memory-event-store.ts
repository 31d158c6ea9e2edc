import {
  eventId,
  readEventId,
  type EventStore,
  type Replay,
  type StoredStream,
} from './event-store.ts'

export interface MemoryEventStoreOptions {
  /** Messages kept of one stream, bytes. Beyond it the oldest go. */
  readonly streamBytes: number
  /** How long a stream is kept that has ended or that nobody is connected to, milliseconds. */
  readonly lifetimeMs: number
  /** Streams kept of one session; default 100. */
  readonly sessionStreams?: number
  /** Streams kept in all; default 10,000. */
  readonly streams?: number
  /** Messages kept in all, bytes; default 64 whole streams. */
  readonly totalBytes?: number
}

const SESSION_STREAMS = 100
const STREAMS = 10_000
const WHOLE_STREAMS = 64

/** What an event takes beside its text, bytes, so that many small ones count as what they are. */
const EVENT_BYTES = 64

type Limits = Required<MemoryEventStoreOptions>

/**
 * Keeps events in the memory of this process: a restart forgets them. Where something has to go, it is the stream that
 * has been without a client longest; where all have one, a new stream is not kept.
 */
export class MemoryEventStore implements EventStore {
  readonly #limits: Limits
  readonly #sessions = new Map<string, Map<string, MemoryStream>>()
  /** Streams without a client, the longest first. */
  readonly #idle = new Set<MemoryStream>()
  #streams = 0
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: MemoryEventStoreOptions) {
    this.#limits = {
      sessionStreams: SESSION_STREAMS,
      streams: STREAMS,
      totalBytes: WHOLE_STREAMS * options.streamBytes,
      ...options,
    }
  }

  /** Streams that are kept. */
  get size(): number {
    return this.#streams
  }

  /** What the kept messages take, bytes. */
  get bytes(): number {
    return this.#bytes
  }

  open(session: string, stream: string, forgotten: () => void): StoredStream {
    const opened = new MemoryStream(stream, {
      streamBytes: this.#limits.streamBytes,
      grown: (bytes) => this.#grown(opened, bytes),
      idle: (isIdle) => this.#setIdle(opened, isIdle),
      gone: (bytes) => this.#take(session, opened, bytes),
      forgotten,
    })
    if (this.#makeRoom(session)) this.#keep(session, opened)
    return opened
  }

  after(session: string, id: string): Promise<Replay | undefined> {
    const position = readEventId(id)
    const stream = position && this.#sessions.get(session)?.get(position.stream)
    return Promise.resolve(stream && stream.after(position.index))
  }

  forget(session: string): void {
    for (const stream of this.#sessions.get(session)?.values() ?? []) stream.drop()
  }

  close(): void {
    this.#closed = true
    for (const session of this.#sessions.keys()) this.forget(session)
    clearTimeout(this.#timer)
  }

  #keep(session: string, stream: MemoryStream): void {
    const streams = this.#sessions.get(session)
    if (streams === undefined) this.#sessions.set(session, new Map([[stream.name, stream]]))
    else streams.set(stream.name, stream)
    this.#streams += 1
    stream.keep()
  }

  #take(session: string, stream: MemoryStream, bytes: number): void {
    const streams = this.#sessions.get(session)
    streams?.delete(stream.name)
    if (streams?.size === 0) this.#sessions.delete(session)
    this.#idle.delete(stream)
    this.#streams -= 1
    this.#bytes -= bytes
  }

  /** Whether there is room for one more, perhaps in the place of one without a client. */
  #makeRoom(session: string): boolean {
    if (this.#closed) return false
    const own = this.#sessions.get(session)
    if (own !== undefined && own.size >= this.#limits.sessionStreams) {
      const idle = [...own.values()].find((stream) => this.#idle.has(stream))
      idle?.drop()
      return idle !== undefined
    }
    if (this.#streams < this.#limits.streams) return true
    const [longest] = this.#idle
    longest?.drop()
    return longest !== undefined
  }

  #grown(stream: MemoryStream, bytes: number): void {
    this.#bytes += bytes
    while (this.#bytes > this.#limits.totalBytes) {
      const [longest] = this.#idle
      if (longest === undefined) {
        stream.shrink()
        return
      }
      longest.drop()
    }
  }

  #setIdle(stream: MemoryStream, isIdle: boolean): void {
    this.#idle.delete(stream)
    if (!isIdle) return
    this.#idle.add(stream)
    this.#timer ??= this.#wake(this.#limits.lifetimeMs)
  }

  #wake(delayMs: number): NodeJS.Timeout {
    // Never early: a millisecond too soon would only mean another round.
    return setTimeout(() => this.#expire(), Math.ceil(delayMs)).unref()
  }

  #expire(): void {
    const latest = performance.now() - this.#limits.lifetimeMs
    for (const stream of this.#idle) {
      if (stream.idleSince > latest) {
        this.#timer = this.#wake(stream.idleSince - latest)
        return
      }
      stream.drop()
    }
    this.#timer = undefined
  }
}

/** What a stream tells the store it is kept in. */
interface MemoryStreamHooks {
  readonly streamBytes: number
  /** It takes so much more, or less. */
  readonly grown: (bytes: number) => void
  readonly idle: (isIdle: boolean) => void
  /** It is not kept any more, and took so much. */
  readonly gone: (bytes: number) => void
  readonly forgotten: () => void
}

class MemoryStream implements StoredStream {
  readonly name: string
  readonly #hooks: MemoryStreamHooks
  /**
   * The latest messages, without a gap. As text of one character a byte: a copy of just that size, where a Buffer may be
   * a slice that holds all of the chunk it came in.
   */
  #messages: string[] = []
  #bytes = 0
  #last = 0
  #ended = false
  #kept = false
  #forgotten = false
  /** Of the monotonic clock, ms. */
  idleSince = 0

  constructor(name: string, hooks: MemoryStreamHooks) {
    this.name = name
    this.#hooks = hooks
  }

  get start(): string {
    return eventId(this.name, 0)
  }

  keep(): void {
    this.#kept = true
  }

  append(message: readonly Buffer[]): string {
    this.#last += 1
    if (this.#kept) this.#add(message.map((part) => part.toString('latin1')).join(''))
    return eventId(this.name, this.#last)
  }

  attend(isAttended: boolean): void {
    if (!this.#ended) this.#setIdle(!isAttended)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#setIdle(true)
  }

  drop(): void {
    if (this.#forgotten) return
    this.#forgotten = true
    if (this.#kept) {
      this.#kept = false
      this.#hooks.gone(this.#bytes)
      this.#bytes = 0
      this.#messages = []
    }
    this.#hooks.forgotten()
  }

  after(index: number): Replay | undefined {
    const missed = this.#last - index
    if (missed < 0 || missed > this.#messages.length) return undefined
    const from = this.#messages.length - missed
    const events = this.#messages.slice(from).map((text, offset) => ({
      id: eventId(this.name, index + 1 + offset),
      message: Buffer.from(text, 'latin1'),
    }))
    return { events, ended: this.#ended }
  }

  /** Gives up all it has so far; it can be resumed from here on. */
  shrink(): void {
    const bytes = this.#bytes
    this.#messages = []
    this.#bytes = 0
    this.#hooks.grown(-bytes)
  }

  #add(text: string): void {
    const before = this.#bytes
    this.#messages.push(text)
    this.#bytes += text.length + EVENT_BYTES
    while (this.#bytes > this.#hooks.streamBytes) {
      const oldest = this.#messages.shift()
      if (oldest === undefined) break
      this.#bytes -= oldest.length + EVENT_BYTES
    }
    this.#hooks.grown(this.#bytes - before)
  }

  #setIdle(isIdle: boolean): void {
    this.idleSince = performance.now()
    if (this.#kept) this.#hooks.idle(isIdle)
    else if (isIdle) this.drop()
  }
}
