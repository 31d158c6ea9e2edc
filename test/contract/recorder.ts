// What a contract test sends on a connection, and what it hears back.
import { nextId } from '../../node/outbound/ask.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Respond,
  Sent,
} from '../../node/outbound/connection.ts'
import type { ListKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'

/** A request of an upstream, and the way to answer it. */
export interface Question {
  readonly message: JsonObject
  readonly respond: Respond
}

/** Keeps everything that comes back for one request, too many endings included. */
export class Recorder implements FrameSink {
  readonly notifications: JsonObject[] = []
  readonly questions: Question[] = []
  /** Notifications after the ending, which there must not be. */
  readonly late: JsonObject[] = []
  readonly endings: ({ response: JsonObject } | { fault: Fault; unsent: boolean })[] = []
  /** Resolves at the first ending. */
  readonly ended: Promise<void>
  /** Answers `notification` with false as long as it is set. */
  isFull = false
  #end: () => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
  }

  notification(message: UpstreamMessage): boolean {
    const list = this.endings.length > 0 ? this.late : this.notifications
    list.push(parse(message))
    return !this.isFull
  }

  request(message: UpstreamMessage, respond: Respond): void {
    this.questions.push({ message: parse(message), respond })
  }

  response(message: UpstreamMessage): void {
    this.endings.push({ response: parse(message) })
    this.#end()
  }

  failed(fault: Fault, unsent: boolean): void {
    this.endings.push({ fault, unsent })
    this.#end()
  }

  /** The one response. */
  async answer(): Promise<JsonObject> {
    await this.ended
    const [ending] = this.endings
    if (ending === undefined || !('response' in ending)) {
      throw new Error('the call failed', { cause: ending?.fault })
    }
    return ending.response
  }

  /** The one failure. */
  async failure(): Promise<{ fault: Fault; unsent: boolean }> {
    await this.ended
    const [ending] = this.endings
    if (ending === undefined || 'response' in ending) throw new Error('the call was answered')
    return ending
  }

  /** The text of the result's first content block. */
  async text(): Promise<string> {
    return textOf(await this.answer())
  }
}

/** The text of the first content block of a tool result. */
export function textOf(response: JsonObject): string {
  const { content } = objectAt(response, 'result')
  const block: unknown = Array.isArray(content) ? content[0] : undefined
  return String(objectAt({ block }, 'block')['text'])
}

function parse({ raw }: UpstreamMessage): JsonObject {
  return JSON.parse(raw.toString('utf8')) as JsonObject
}

/** A `tools/call` as a relay sends it on that connection. */
export function callFrame(
  connection: Connection,
  name: string,
  args: JsonObject = {},
  { progress = false, indent }: { progress?: boolean; indent?: number } = {},
): OutFrame {
  const id = nextId()
  const meta = {
    ...(JSON.parse(`{${connection.meta('')}}`) as JsonObject),
    ...(progress ? { progressToken: id } : {}),
  }
  const params = { name, arguments: args, _meta: meta }
  const message = { jsonrpc: '2.0', id, method: 'tools/call', params }
  const body = Buffer.from(JSON.stringify(message, null, indent))
  return { id, method: 'tools/call', name, headers: [], body }
}

/** A call under way. */
export interface Call {
  readonly frame: OutFrame
  readonly sink: Recorder
  readonly sent: Sent
}

/** Sends a `tools/call`. */
export function call(
  connection: Connection,
  name: string,
  args: JsonObject = {},
  options: { progress?: boolean; indent?: number } = {},
): Call {
  const frame = callFrame(connection, name, args, options)
  const sink = new Recorder()
  return { frame, sink, sent: connection.send(frame, sink) }
}

/** Keeps what a connection reports on its own account. */
export class EventRecorder implements ConnectionEvents {
  readonly changed: ListKind[] = []
  readonly uris: string[] = []
  readonly questions: Question[] = []
  readonly notifications: JsonObject[] = []
  readonly losses: Fault[] = []

  /** How often the tools are said to have changed. */
  get changes(): number {
    return this.changed.filter((of) => of === 'tools').length
  }

  listChanged(of: ListKind): void {
    this.changed.push(of)
  }

  updated(uri: string): void {
    this.uris.push(uri)
  }

  request(message: UpstreamMessage, respond: Respond): void {
    this.questions.push({ message: parse(message), respond })
  }

  notification(message: UpstreamMessage): void {
    this.notifications.push(parse(message))
  }

  lost(fault: Fault): void {
    this.losses.push(fault)
  }
}
