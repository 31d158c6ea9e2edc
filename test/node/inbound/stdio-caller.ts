// A caller at the other end of a pipe: writes lines, keeps every line that comes back.
import { PassThrough } from 'node:stream'
import { serveStdio } from '../../../node/main/index.ts'
import { until } from '../../fixtures/wait.ts'
import { META, VERSION_2026, isObject, type Id, type JsonObject } from '../../fixtures/wire.ts'

/** A node that serves a pipe in this process, and its caller. */
export class StdioCaller {
  readonly stdin: PassThrough = new PassThrough()
  readonly stdout: PassThrough
  /** Every line received, parsed. */
  readonly messages: JsonObject[] = []
  /** Resolves when the node has ended; rejects as it does. */
  readonly ended: Promise<void>
  readonly #stop = new AbortController()
  #rest = ''
  #lastId = 0

  /** Starts a node with this configuration; `reads: false` leaves its output alone until `read` is called. */
  constructor(config: object, { reads = true }: { readonly reads?: boolean } = {}) {
    this.stdout = new PassThrough({ highWaterMark: 1_024 })
    if (reads) this.read()
    const { stdin, stdout } = this
    const { signal } = this.#stop
    this.ended = serveStdio(config, { endpoint: 'main', stdin, stdout, signal })
  }

  /** Starts reading. */
  read(): void {
    this.stdout.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString('utf8')).split('\n')
      this.#rest = lines.pop() ?? ''
      // Every line must be JSON: nothing else may be on this stream.
      this.messages.push(...lines.map((line) => JSON.parse(line) as JsonObject))
    })
  }

  write(...messages: readonly unknown[]): void {
    const lines = messages.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
    this.stdin.write(lines.map((line) => `${line}\n`).join(''))
  }

  notify(method: string, params: JsonObject = {}): void {
    this.write({ jsonrpc: '2.0', method, params })
  }

  /** Sends a request and gives its id. */
  send(method: string, params: JsonObject = {}, id: Id = (this.#lastId += 1)): Id {
    this.write({ jsonrpc: '2.0', id, method, params })
    return id
  }

  /** The same for a request of era 2026. */
  sendModern(method: string, params: JsonObject = {}, id: Id = (this.#lastId += 1)): Id {
    const meta = { [META.version]: VERSION_2026, [META.capabilities]: {} }
    const given = isObject(params['_meta']) ? params['_meta'] : {}
    return this.send(method, { ...params, _meta: { ...meta, ...given } }, id)
  }

  /** The response to a request, waited for. */
  answer(id: Id | null): Promise<JsonObject> {
    return this.message(
      (message) => message['id'] === id && message['method'] === undefined,
      `the answer to ${JSON.stringify(id)}`,
    )
  }

  /** The first message that fits, waited for. */
  message(fits: (message: JsonObject) => boolean, what: string): Promise<JsonObject> {
    return until(() => this.messages.find(fits), what)
  }

  /** Opens the session of the pipe; gives the result. */
  async open(protocolVersion = '2025-11-25', capabilities: JsonObject = {}): Promise<JsonObject> {
    const clientInfo = { name: 'caller', version: '1.0.0' }
    const id = this.send('initialize', { protocolVersion, capabilities, clientInfo })
    const { result } = await this.answer(id)
    this.notify('notifications/initialized')
    return result as JsonObject
  }

  /** Closes its end of the pipe and waits for the node to end. */
  hangUp(): Promise<void> {
    this.stdin.end()
    return this.ended
  }

  /** Stops the node as a signal does. */
  stop(): Promise<void> {
    this.#stop.abort()
    return this.ended
  }
}
