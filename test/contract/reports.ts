// What a server of the news contract remembers of who wants to be told of what, free of transport.
import { objectAt, type Id, type JsonObject } from '../fixtures/wire.ts'

/** What it declares unless the test says otherwise. */
export const DECLARED: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  logging: {},
}

/** The one resource it never grants. */
export const SECRET = 'test://secret'

/** State of a server, as a test asks for it. */
export interface ReportState {
  /** What it was asked, in order: `listen uri…`, `+uri`, `-uri`, `level …`. */
  readonly asked: readonly string[]
  /** Resources whose changes it tells of. */
  readonly subscribed: readonly string[]
}

/** Wishes of one caller, in the ways of both eras. */
export class Reports {
  readonly #asked: string[] = []
  readonly #session = new Set<string>()
  readonly #listens = new Map<Id, readonly string[]>()

  get state(): ReportState {
    const uris = [...this.#session, ...[...this.#listens.values()].flat()]
    return { asked: this.#asked, subscribed: [...new Set(uris)].toSorted() }
  }

  /** `resources/subscribe`; false when that is refused. */
  subscribe(uri: string): boolean {
    this.#asked.push(`+${uri}`)
    if (uri === SECRET) return false
    this.#session.add(uri)
    return true
  }

  unsubscribe(uri: string): void {
    this.#asked.push(`-${uri}`)
    this.#session.delete(uri)
  }

  setLevel(level: string): void {
    this.#asked.push(`level ${level}`)
  }

  /** `subscriptions/listen`: what of it is granted. */
  listen(id: Id, params: JsonObject): JsonObject {
    const { resourceSubscriptions: wanted = [], ...kinds } = objectAt(params, 'notifications')
    const uris = (wanted as string[]).filter((uri) => uri !== SECRET)
    this.#asked.push(['listen', ...(wanted as string[]).toSorted()].join(' '))
    this.#listens.set(id, uris)
    return uris.length > 0 ? { ...kinds, resourceSubscriptions: uris } : kinds
  }

  /** False when there was no such listen. */
  endListen(id: Id): boolean {
    return this.#listens.delete(id)
  }

  get listens(): Id[] {
    return [...this.#listens.keys()]
  }
}
