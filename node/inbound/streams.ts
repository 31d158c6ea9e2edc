import type { ServerResponse } from 'node:http'
import { writeNotification } from '../../protocol/hop-response.ts'
import { openEventStream, writeComment, writeEvent, type KeepAlive } from './event-stream.ts'

const LIST_CHANGED = [writeNotification('notifications/tools/list_changed')]

/** A GET stream of a 2025 session to open. */
export interface StreamPlan {
  readonly session: string
  readonly response: ServerResponse
  readonly headers: readonly string[]
  /** Subscribes to changes of the endpoint; the function it returns ends that. */
  readonly watch: (listener: () => void) => () => void
}

/**
 * The GET streams that are open. A session has one: a message must not go out on two (MCP 2025-11-25, transports), so a
 * new one takes the place of the old.
 */
export class Streams {
  readonly #keepAlive: KeepAlive
  readonly #open = new Map<string, () => void>()

  constructor(keepAlive: KeepAlive) {
    this.#keepAlive = keepAlive
  }

  get size(): number {
    return this.#open.size
  }

  has(session: string): boolean {
    return this.#open.has(session)
  }

  open({ session, response, headers, watch }: StreamPlan): void {
    this.end(session)
    openEventStream(response, headers)
    const place = this.#keepAlive.add({ beat: () => writeComment(response) })
    const unwatch = watch(() => writeEvent(response, LIST_CHANGED))
    let open = true
    const close = (): void => {
      if (!open) return
      open = false
      unwatch()
      this.#keepAlive.delete(place)
      if (this.#open.get(session) === close) this.#open.delete(session)
      response.end()
    }
    this.#open.set(session, close)
    response.on('close', close)
  }

  /** Closes the stream of a session, if it has one. */
  end(session: string): void {
    this.#open.get(session)?.()
  }

  close(): void {
    for (const close of this.#open.values()) close()
  }
}
