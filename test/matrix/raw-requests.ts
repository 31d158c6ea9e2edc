// Requests that an SDK client knows nothing of, on the transport of that client, which adds what it adds to any request.
import { META, VERSION_2026, isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { CLIENT_INFO } from './client.ts'

/** What both SDKs call a transport, as far as it matters here. */
export interface Carrier {
  send(message: never): Promise<void>
}

/** The requests under way on one transport of era 2026. */
export class RawRequests {
  readonly #carrier: Carrier
  readonly #open = new Map<string, (answer: JsonObject) => void>()
  #last = 0

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** True for the answer to a request of these: it is nobody else's. */
  take(message: JsonObject): boolean {
    const id = String(message['id'])
    const answered = 'method' in message ? undefined : this.#open.get(id)
    if (answered === undefined) return false
    this.#open.delete(id)
    answered(message)
    return true
  }

  /** Resolves with the result. @throws an error with `code` and `data` as they came over the wire */
  async send(method: string, params: JsonObject, capabilities: JsonObject): Promise<JsonObject> {
    const id = `raw-${(this.#last += 1)}`
    const { promise, resolve } = Promise.withResolvers<JsonObject>()
    this.#open.set(id, resolve)
    const meta = {
      [META.version]: VERSION_2026,
      [META.clientInfo]: CLIENT_INFO,
      [META.capabilities]: capabilities,
    }
    const message = { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } }
    await this.#carrier.send(message as never)
    const answer = await promise
    if (isObject(answer['error'])) throw Object.assign(new Error(method), answer['error'])
    return objectAt(answer, 'result')
  }
}
