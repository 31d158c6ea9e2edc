// A wire tap before a node or server: passes everything on and counts what was asked.
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject } from '../fixtures/wire.ts'

/** What becomes of a request: passed on, refused with 503, or passed on and its answer lost with the connection. */
export type Fate = 'passed' | 'busy' | 'lost'

/** Counts the requests to one URL by JSON-RPC method, or by HTTP method where there is no message. */
export class CountingProxy {
  /** Requests passed on, by method. */
  readonly counts: Map<string, number> = new Map()
  /** What becomes of the requests of a method; default: all are passed on. */
  fate: (method: string) => Fate = () => 'passed'
  readonly #target: URL
  #open = 0
  readonly #server = createServer((incoming, outgoing) => void this.#pass(incoming, outgoing))

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  /** Listens on a free port and passes on to the URL `target`. */
  static async start(target: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target)
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  /** The URL to use in place of the target. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}${this.#target.pathname}`
  }

  /** Requests passed on so far. */
  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Requests of one method. */
  count(method: string): number {
    return this.counts.get(method) ?? 0
  }

  /** Answers that are still coming. */
  get open(): number {
    return this.#open
  }

  /** Breaks all connections; new ones are passed on as before. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const fate = this.fate(this.#note(incoming.method ?? '', body.toString('utf8')))
    if (fate === 'busy') {
      outgoing.writeHead(503).end()
      return
    }
    // As any proxy: what is said of the connection is not passed on, and an upgrade is none then.
    const { connection: _, upgrade: __, ...headers } = incoming.headers
    const { method } = incoming
    const upstream = send(this.#target, { method, headers, agent: false }, (answer) => {
      if (fate === 'lost') {
        outgoing.destroy()
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
      answer.on('error', () => outgoing.destroy())
    })
    upstream.on('error', () => outgoing.destroy())
    this.#open += 1
    outgoing.on('close', () => {
      this.#open -= 1
      upstream.destroy()
    })
    upstream.end(body)
  }

  /** The method it was counted under. */
  #note(httpMethod: string, body: string): string {
    const message: unknown = body === '' ? undefined : JSON.parse(body)
    const method = isObject(message) ? message['method'] : httpMethod
    const key = typeof method === 'string' ? method : 'answer'
    this.counts.set(key, this.count(key) + 1)
    return key
  }
}
