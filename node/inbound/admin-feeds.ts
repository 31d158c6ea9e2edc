import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '../../protocol/errors.ts'
import type { AdminFeed } from '../core/admin.ts'
import { openEventStream, writeComment, writeEvent } from './event-stream.ts'

/** Operators who look on at a time. */
const MAX_FEEDS = 16
/** How often a stream that is idle is kept alive, and who follows it is looked at again, ms. */
const BEAT_MS = 10_000
/** Bytes that may wait for one who reads slowly; what comes then is left out. */
const MAX_WAITING = 65_536

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const HEADERS = ['x-content-type-options', 'nosniff']

/** One operator who looks on. */
class Follower {
  readonly #response: ServerResponse
  readonly #feed: AdminFeed
  /** Events that were left out since the last that was written. */
  #missed = 0

  constructor(response: ServerResponse, feed: AdminFeed) {
    this.#response = response
    this.#feed = feed
  }

  tell(event: object): void {
    if (this.#response.writableLength > MAX_WAITING) {
      this.#missed += 1
      return
    }
    this.#confess()
    writeEvent(this.#response, [Buffer.from(JSON.stringify(event))])
  }

  beat(): void {
    if (!this.#feed.mayGoOn()) this.#response.end()
    else if (this.#response.writableLength <= MAX_WAITING) {
      this.#confess()
      writeComment(this.#response)
    }
  }

  end(): void {
    this.#response.end()
  }

  #confess(): void {
    if (this.#missed === 0) return
    const missed = { type: 'missed', events: this.#missed }
    this.#missed = 0
    writeEvent(this.#response, [Buffer.from(JSON.stringify(missed))])
  }
}

/**
 * The event streams of operators. Each holds what its connection has not taken yet, up to a limit: who reads slowly is
 * told how much was left out (`{"type":"missed","events":n}`), and asks anew.
 */
export class AdminFeeds {
  readonly #followers = new Set<Follower>()
  readonly #beatMs: number
  #timer: NodeJS.Timeout | undefined

  /** @param beatMs default 10 s */
  constructor(beatMs: number = BEAT_MS) {
    this.#beatMs = beatMs
  }

  /** Begins a stream as the answer to a request. @throws Fault `overloaded` */
  open(feed: AdminFeed, { request, response }: Exchange): void {
    if (this.#followers.size >= MAX_FEEDS) {
      throw new Fault('overloaded', 'too many operators look on at a time')
    }
    if (response.destroyed) return
    openEventStream(response, HEADERS)
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const follower = new Follower(response, feed)
    const unfollow = feed.follow((event) => follower.tell(event))
    this.#followers.add(follower)
    // So that who reads knows from when on it hears of everything.
    follower.tell({ type: 'hello' })
    response.once('close', () => {
      unfollow()
      this.#followers.delete(follower)
      if (this.#followers.size === 0) this.close()
    })
    this.#timer ??= setInterval(() => this.#beat(), this.#beatMs).unref()
  }

  /** Ends all of them. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const follower of this.#followers) follower.end()
  }

  #beat(): void {
    for (const follower of this.#followers) follower.beat()
  }
}
