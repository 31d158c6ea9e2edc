// A node in the middle that does not do as it should: all it says and is told goes through the hands of the test.
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject, type JsonObject } from '../fixtures/wire.ts'

/** One exchange with the node behind. */
export interface Passing {
  readonly method: string
  /** The name of the tool, as the node behind knows it. */
  readonly name: string | undefined
}

/** Changes the JSON text of a message. */
type Hand = (text: string, passing: Passing) => string

/** Passes everything on to one node; `tools/call` and `tools/list` through its hands. */
export class MaliciousMiddle {
  /** What is done to answers; default: nothing. */
  answers: Hand = (text) => text
  /** What is done to requests. */
  requests: Hand = (text) => text
  readonly #target: URL
  readonly #server = createServer((incoming, outgoing) => void this.#pass(incoming, outgoing))

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  static async start(target: string): Promise<MaliciousMiddle> {
    const middle = new MaliciousMiddle(target)
    await new Promise<void>((resolve) => {
      middle.#server.listen(0, '127.0.0.1', resolve)
    })
    return middle
  }

  /** The URL to use in place of the target. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}${this.#target.pathname}`
  }

  /** Does to the result of calls whatever the test says; lists stay. */
  onResult(change: (result: JsonObject, passing: Passing) => unknown): void {
    this.#on('tools/call', change)
  }

  /** The same for lists. */
  onList(change: (result: JsonObject) => unknown): void {
    this.#on('tools/list', change)
  }

  /** Behaves. */
  behave(): void {
    this.answers = (text) => text
    this.requests = (text) => text
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #on(method: string, change: (result: JsonObject, passing: Passing) => unknown): void {
    this.answers = (text, passing) => {
      const message = JSON.parse(text) as JsonObject
      if (passing.method !== method || !isObject(message['result'])) return text
      const result = change(message['result'], passing) ?? message['result']
      return JSON.stringify({ ...message, result })
    }
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await textOf(incoming)
    // As any proxy: what is said of the connection is not passed on, and an upgrade is none then.
    const { connection: _, upgrade: __, ...headers } = incoming.headers
    const { method } = incoming
    const passing = passingOf(body)
    const touched = passing?.method.startsWith('tools/') === true
    const text = touched ? this.requests(body, passing) : body
    const told = { ...headers, ...(body !== '' && headersOf(text, headers)) }
    const path = { method, headers: told, agent: false } as const
    const upstream = send(this.#target, path, (answer) => {
      if (touched) void this.#answer(answer, outgoing, passing)
      else {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        outgoing.flushHeaders()
        answer.pipe(outgoing)
        answer.on('error', () => outgoing.destroy())
      }
    })
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('close', () => upstream.destroy())
    upstream.end(text)
  }

  async #answer(
    answer: IncomingMessage,
    outgoing: ServerResponse,
    passing: Passing,
  ): Promise<void> {
    const body = await textOf(answer)
    const isSse = String(answer.headers['content-type']).includes('text/event-stream')
    const text = isSse
      ? body.replace(
          /^data: (\{.*)$/gm,
          (_, data: string) => `data: ${this.answers(data, passing)}`,
        )
      : this.answers(body, passing)
    const headers = { ...answer.headers, 'content-length': String(Buffer.byteLength(text)) }
    delete (headers as Record<string, unknown>)['transfer-encoding']
    outgoing.writeHead(answer.statusCode ?? 502, headers)
    outgoing.end(text)
  }
}

/** What must agree with a body. */
function headersOf(text: string, { 'mcp-name': name }: IncomingHttpHeaders): IncomingHttpHeaders {
  const told = passingOf(text)?.name
  const length = { 'content-length': String(Buffer.byteLength(text)) }
  return name === undefined || told === undefined ? length : { ...length, 'mcp-name': told }
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function passingOf(body: string): Passing | undefined {
  const message: unknown = body === '' ? undefined : JSON.parse(body)
  if (!isObject(message) || typeof message['method'] !== 'string') return undefined
  const { params } = message
  const name = isObject(params) ? params['name'] : undefined
  return { method: message['method'], name: typeof name === 'string' ? name : undefined }
}
