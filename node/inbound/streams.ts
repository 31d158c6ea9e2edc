import { randomBytes } from 'node:crypto'
import { changedMethod, LIST_KINDS, type ListKind } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import type { Place } from '../core/ring.ts'
import type { ChangeListener, Watcher } from '../core/stages.ts'
import { readEventId, type EventStore } from './event-store.ts'
import { noStream, type Beating, type KeepAlive } from './event-stream.ts'
import { openResumable, ResumableStream, writeReplay, type Connection } from './resumable-stream.ts'

const LIST_CHANGED: Readonly<Record<ListKind, Buffer>> = {
  tools: writeNotification(changedMethod('tools')),
  prompts: writeNotification(changedMethod('prompts')),
  resources: writeNotification(changedMethod('resources')),
}

/** What a client may leave unread of its session's stream, bytes. It is cut off then, and can come back for the rest. */
const BACKLOG_BYTES = 262_144

/** First letter of a stream's name: the session's own, or the answer to one POST. */
const OWN = 's'
const ANSWER = 'a'

/** A GET of a 2025 session. */
export interface StreamPlan extends Connection {
  readonly session: string
  /** Whose session it is, and where. */
  readonly watcher: Watcher
  /** As the client sent it; undefined opens a new stream. */
  readonly lastEventId: string | undefined
  /** Whether there may be one stream more. */
  readonly hasRoom: () => boolean
  /** Subscribes to changes of the endpoint; the function it returns ends that. */
  readonly watch: (listener: ChangeListener) => () => void
  /** Whether the session is good still. */
  readonly isValid: () => boolean
}

/** The stream of a session for what belongs to no request. */
interface OwnStream extends Pick<StreamPlan, 'watcher'> {
  readonly stream: ResumableStream
  readonly name: string
  readonly place: Place<Beating>
  readonly unwatch: () => void
}

export interface StreamsParts {
  readonly keepAlive: KeepAlive
  readonly store: EventStore
}

/**
 * The event streams of 2025 sessions: those that answer POSTs, and one of its own for each session that asked for it by
 * GET. A message must not go out on two (MCP 2025-11-25, basic/transports), so a new one of its own takes the place of
 * the old. A stream can be resumed as long as the store keeps it; what is announced meanwhile waits in it.
 */
export class Streams {
  readonly #keepAlive: KeepAlive
  readonly #store: EventStore
  readonly #own = new Map<string, OwnStream>()
  /** Answers under way, by the name of the stream. */
  readonly #answers = new Map<string, ResumableStream>()

  constructor({ keepAlive, store }: StreamsParts) {
    this.#keepAlive = keepAlive
    this.#store = store
  }

  /** Sessions whose own stream has a client. */
  get size(): number {
    let attached = 0
    for (const { stream } of this.#own.values()) if (stream.attached) attached += 1
    return attached
  }

  /** Those sessions. */
  get sessions(): readonly string[] {
    return [...this.#own].flatMap(([session, { stream }]) => (stream.attached ? [session] : []))
  }

  /** Whether a client is connected to the session's own stream. */
  has(session: string): boolean {
    return this.#own.get(session)?.stream.attached === true
  }

  /** Begins the stream that answers a POST. Whoever begins it ends it. */
  answer(session: string, connection: Connection): ResumableStream {
    const name = newName(ANSWER)
    const stream = this.#stream(session, name, () => this.#answers.delete(name))
    this.#answers.set(name, stream)
    stream.begin(connection)
    return stream
  }

  /**
   * Serves a GET: opens the session's own stream, or resumes the one the event is of.
   *
   * @throws Fault `invalid_request` when that cannot be resumed, `overloaded`
   */
  async open(plan: StreamPlan): Promise<void> {
    const { session, lastEventId } = plan
    if (lastEventId === undefined) {
      this.#openOwn(plan)
      return
    }
    const name = readEventId(lastEventId)?.stream
    if (name?.startsWith(OWN) === true) {
      await this.#resumeOwn(plan, { name, lastEventId })
      return
    }
    const answer = name === undefined ? undefined : this.#answers.get(name)
    const isResumed =
      answer?.session === session
        ? await answer.resume(plan, lastEventId)
        : await this.#replay(plan, lastEventId)
    if (isResumed) return
    // Not 404: that would tell the client that its session is gone (MCP 2025-11-25, basic/transports).
    throw new Fault('invalid_request', 'what came after Last-Event-ID is not there any more')
  }

  /** Sends a message that belongs to no request. Dropped when the session has no stream of its own. */
  notify(session: string, message: Buffer): void {
    const stream = this.#own.get(session)?.stream
    if (stream === undefined || stream.write([message])) return
    if (stream.backlog > BACKLOG_BYTES) stream.hangUp()
  }

  /** Ends the sessions' own streams of all but these: who comes back is told what it may be told now. */
  keep(stays: (who: Watcher) => boolean): void {
    for (const [session, { watcher }] of this.#own) if (!stays(watcher)) this.end(session)
  }

  /** Ends what a session has here: its own stream, and what is kept of the others. */
  end(session: string): void {
    this.#endOwn(session)
    this.#store.forget(session)
  }

  /** Ends the sessions' own streams; answers go on, but what they send is not kept any more. */
  close(): void {
    for (const session of this.#own.keys()) this.#endOwn(session)
    this.#store.close()
  }

  /** One that takes the place of the session's own is not one more. */
  #checkRoom({ session, hasRoom }: StreamPlan): void {
    if (this.has(session) || hasRoom()) return
    throw noStream()
  }

  #openOwn(plan: StreamPlan): ResumableStream {
    const { session, watcher, watch, isValid } = plan
    this.#checkRoom(plan)
    this.#endOwn(session)
    const name = newName(OWN)
    const stream = this.#stream(session, name, () => {
      if (this.#own.get(session)?.name === name) this.#endOwn(session)
    })
    const beat = (): void => {
      if (isValid()) stream.beat()
      else this.end(session)
    }
    const unwatch = watch((of) => this.notify(session, LIST_CHANGED[of]))
    const place = this.#keepAlive.add({ beat })
    this.#own.set(session, { stream, name, watcher, place, unwatch })
    stream.begin(plan)
    return stream
  }

  /**
   * A client that comes back to a stream that is not there any more, since it came too late or the node was started anew,
   * gets a new one: it has asked for what is to come at least as much as for what it missed. What it may have missed is
   * announced to it once more.
   */
  async #resumeOwn(
    plan: StreamPlan,
    { name, lastEventId }: { name: string; lastEventId: string },
  ): Promise<void> {
    this.#checkRoom(plan)
    const own = this.#own.get(plan.session)
    if (own?.name === name && (await own.stream.resume(plan, lastEventId))) return
    const stream = this.#openOwn(plan)
    for (const of of LIST_KINDS) stream.write([LIST_CHANGED[of]])
  }

  /** Sends what is kept of an answer that is not under way here. False when that is not the whole. */
  async #replay(connection: StreamPlan, lastEventId: string): Promise<boolean> {
    const replay = await this.#store.after(connection.session, lastEventId)
    if (replay === undefined) return false
    const { response, headers } = connection
    if (replay.ended && replay.events.length === 0) {
      // Tells a client that there is nothing to come back for (HTML, server-sent events, processing model).
      response.writeHead(204, [...headers])
    } else {
      openResumable(connection, lastEventId)
      writeReplay(response, replay)
    }
    response.end()
    return true
  }

  #endOwn(session: string): void {
    const own = this.#own.get(session)
    if (own === undefined) return
    this.#own.delete(session)
    this.#keepAlive.delete(own.place)
    own.unwatch()
    own.stream.discard()
  }

  #stream(session: string, name: string, over: () => void): ResumableStream {
    const stored = this.#store.open(session, name, over)
    return new ResumableStream({ session, store: this.#store, stored, ended: over })
  }
}

/** New in any session, also after a restart: what a client remembers must not be taken for something else. */
function newName(kind: string): string {
  return kind + randomBytes(9).toString('base64url')
}
