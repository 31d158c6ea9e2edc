// A caller of either era that counts the answers it gets: one is right, none and two are not.
import {
  legacySession,
  modern,
  postStream,
  type LegacySession,
  type RawStream,
} from '../fixtures/raw-client.ts'
import type { Era, Id, JsonObject } from '../fixtures/wire.ts'
import { TASKS } from '../mesh/task-caller.ts'

/** How long an answer may take whatever befalls the upstream, ms: well beyond every limit that the nodes here have. */
const BOUND_MS = 8_000

const CAPABILITIES: JsonObject = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: {},
  extensions: { [TASKS]: {} },
}

let lastId = 0

/** One request, and all that comes back for it. */
export class Visit {
  readonly id: Id
  readonly #messages: JsonObject[] = []
  readonly #waiting: (() => void)[] = []
  #stream: RawStream | undefined
  #read = 0
  #over = false

  constructor(id: Id, stream: Promise<RawStream>) {
    this.id = id
    this.follow(stream)
  }

  /** Reads on from another stream: what was left of the first one is of no interest. */
  follow(opening: Promise<RawStream>): void {
    this.#over = false
    void this.#pump(opening)
  }

  /** Hangs up. */
  close(): void {
    this.#stream?.close()
    this.#stream = undefined
  }

  /** Nothing more can come. */
  get isOver(): boolean {
    return this.#over
  }

  get lastEventId(): string | undefined {
    return this.#stream?.lastEventId
  }

  /** The next message. @throws Error when there is none in time */
  async next(): Promise<JsonObject> {
    const message = await this.nextOrEnd()
    if (message === undefined) throw new Error(`no more: ${JSON.stringify(this.#messages)}`)
    return message
  }

  /** The next message; undefined when there is no further one. @throws Error when the end does not come in time */
  async nextOrEnd(): Promise<JsonObject | undefined> {
    await this.#when(() => this.#over || this.#read < this.#messages.length)
    const message = this.#messages[this.#read]
    this.#read += 1
    return message
  }

  /** All responses to the request, once nothing more can come. @throws Error when the end does not come in time */
  async answers(): Promise<JsonObject[]> {
    await this.#when(() => this.#over)
    return this.#messages.filter((one) => one['id'] === this.id && !('method' in one))
  }

  async #pump(opening: Promise<RawStream>): Promise<void> {
    try {
      const stream = await opening
      this.#stream = stream
      const isJson = String(stream.headers['content-type']).includes('application/json')
      for (;;) {
        const message = await stream.next()
        if (stream !== this.#stream) return
        if (message === undefined) break
        this.#messages.push(message)
        this.#wake()
        if (isJson) break
      }
    } catch {
      // The end of a broken stream is an end; whether the answer was there before it is what is counted.
      if (this.#stream === undefined) return
    }
    this.#over = true
    this.#wake()
  }

  #wake(): void {
    for (const check of this.#waiting.slice()) check()
  }

  #when(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const end = (): void => {
      clearTimeout(timer)
      this.#waiting.splice(this.#waiting.indexOf(check), 1)
    }
    const timer = setTimeout(() => {
      end()
      reject(new Error(`not in ${BOUND_MS} ms; so far: ${JSON.stringify(this.#messages)}`))
    }, BOUND_MS)
    const check = (): void => {
      if (!condition()) return
      end()
      resolve()
    }
    this.#waiting.push(check)
    check()
    return promise
  }
}

/** Somebody who can answer forms. */
export class Visitor {
  readonly era: Era
  readonly #url: string
  readonly #session: LegacySession | undefined

  readonly #capabilities: JsonObject

  private constructor(url: string, capabilities: JsonObject, session: LegacySession | undefined) {
    this.era = session === undefined ? '2026' : '2025'
    this.#url = url
    this.#capabilities = capabilities
    this.#session = session
  }

  /** By default one that can be asked: a node has connections of their own for such callers. */
  static async of(
    era: Era,
    url: string,
    capabilities: JsonObject = CAPABILITIES,
  ): Promise<Visitor> {
    const session = era === '2025' ? await legacySession(url, { capabilities }) : undefined
    return new Visitor(url, capabilities, session)
  }

  /** Sends a request; with a token it is told of progress. */
  send(method: string, params: JsonObject, progressToken?: Id): Visit {
    const id = `visit-${(lastId += 1)}`
    const session = this.#session
    if (session !== undefined) {
      const meta = progressToken === undefined ? {} : { _meta: { progressToken } }
      return new Visit(id, session.stream(method, { ...params, ...meta }, id))
    }
    const token = progressToken === undefined ? {} : { progressToken }
    const { taskId } = params
    const named = typeof taskId === 'string' && { headers: { 'mcp-name': taskId } }
    const options = { id, capabilities: this.#capabilities, ...token, ...named }
    const { message, headers } = modern(method, params, options)
    return new Visit(id, postStream(this.#url, message, headers))
  }

  call(name: string, args: JsonObject = {}, progressToken?: Id, more: JsonObject = {}): Visit {
    const params = { name: `fx__${name}`, arguments: args, ...more }
    return this.send('tools/call', params, progressToken)
  }

  /** Answers a question of era 2025; resolves with the status that the answer got. */
  async answer(id: Id, result: JsonObject): Promise<number> {
    const reply = await this.#session?.answer(id, result)
    return reply?.status ?? 0
  }

  /** Comes back for the rest of a visit whose stream broke off (era 2025). */
  comeBack(visit: Visit, lastEventId: string): void {
    const session = this.#session
    if (session === undefined) throw new Error('era 2026 has no way back')
    visit.follow(session.resume(lastEventId))
  }

  async leave(): Promise<void> {
    await this.#session?.delete()
  }
}
