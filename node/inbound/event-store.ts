/** A message as it was sent, and the id it went out under. */
export interface StoredEvent {
  readonly id: string
  readonly message: Buffer
}

/** What came after an event. */
export interface Replay {
  /** In order, without a gap. */
  readonly events: readonly StoredEvent[]
  /** Nothing comes after these. */
  readonly ended: boolean
}

/**
 * The messages of event streams of the 2025 era, kept so that a client that lost its connection gets what it missed
 * (MCP 2025-11-25, basic/transports, resumability and redelivery). A stream has one writer, and everything is found by
 * session and event id together: an id of another session finds nothing.
 *
 * Writing is done at once, since notifications wait for it: a durable store numbers the events itself and writes behind.
 */
export interface EventStore {
  /**
   * Begins a stream under a name that is new in the session. `forgotten` is called once, when nothing of it can be had
   * any more: its lifetime is over, it had to make room, or its session was forgotten. Where there was no room for it to
   * begin with, that is when its client leaves.
   */
  open(session: string, stream: string, forgotten: () => void): StoredStream
  /** What came after the event in its stream; undefined when that cannot be told whole, or the event is none of the session's. */
  after(session: string, id: string): Promise<Replay | undefined>
  /** Forgets all streams of a session. */
  forget(session: string): void
  /** Forgets everything; what is appended from now on is not kept. */
  close(): void
}

/** The writer's side of one stream. */
export interface StoredStream {
  /** The id to resume from before anything was sent. */
  readonly start: string
  /** Keeps the next message, given in parts; returns its id. Works in the same way when nothing is kept any more. */
  append(message: readonly Buffer[]): string
  /** Whether a client is connected to it, as one is at first. While none is, the lifetime runs. */
  attend(isAttended: boolean): void
  /** Nothing more will be appended. The lifetime runs. */
  end(): void
  /** Forgets it at once. */
  drop(): void
}

/** Where an event stands. */
export interface EventPosition {
  readonly stream: string
  /** Counted from 1; 0 is the place before the first. */
  readonly index: number
}

const EVENT_ID = /^([\w-]{1,64})-(0|[1-9]\d{0,14})$/

export function eventId(stream: string, index: number): string {
  return `${stream}-${index}`
}

/** Reads an id; undefined when it is none of ours. */
export function readEventId(id: string): EventPosition | undefined {
  const [, stream, index] = EVENT_ID.exec(id) ?? []
  if (stream === undefined || index === undefined) return undefined
  return { stream, index: Number(index) }
}
