// A gateway of another make: relays the tools of one endpoint under a prefix, and knows nothing of federation.
import { callModern, type RawReply, type RawStream } from '../fixtures/raw-client.ts'
import type { Exchange } from '../fixtures/fixture-exchange.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf } from './caller.ts'

/** How such a gateway is made. */
export interface ForeignOptions {
  /** What it speaks to its own clients. */
  readonly era: Era
  /** Whether it hands `_meta` through in both directions, or drops it. */
  readonly keepsMeta: boolean
}

/** What it puts before the names of its upstream. */
export const FOREIGN_PREFIX = 'gw_'

/** A running foreign gateway. */
export class ForeignGateway {
  /** Its front, where everything it is sent is on record. */
  readonly server: FixtureServer
  readonly #target: string
  readonly #keepsMeta: boolean
  #changes: RawStream | undefined

  private constructor(target: string, server: FixtureServer, keepsMeta: boolean) {
    this.server = server
    this.#target = target
    this.#keepsMeta = keepsMeta
    server.on('tools/list', (exchange) => this.#list(exchange))
    server.on('tools/call', (exchange) => this.#call(exchange))
  }

  /** Starts one before the endpoint `target`, which must be there. */
  static async start(target: string, { era, keepsMeta }: ForeignOptions): Promise<ForeignGateway> {
    const server = await FixtureServer.start({ era, tools: [] })
    const gateway = new ForeignGateway(target, server, keepsMeta)
    const caller = await callerOf('2026', target)
    gateway.#changes = await caller.changes()
    void gateway.#follow(gateway.#changes)
    return gateway
  }

  get url(): string {
    return this.server.url
  }

  async close(): Promise<void> {
    this.#changes?.close()
    await this.server.close()
  }

  async #follow(changes: RawStream): Promise<void> {
    try {
      while ((await changes.next()) !== undefined) this.server.announce()
    } catch {
      // The stream was hung up on: by `close`, or by an endpoint that went away.
    }
  }

  async #list(exchange: Exchange): Promise<void> {
    const reply = await this.#ask(exchange, exchange.request.params)
    if ('error' in reply.answer) return exchange.error(reply.error)
    const tools = (reply.result['tools'] as JsonObject[]).map((tool) => ({
      ...this.#passed(tool),
      name: `${FOREIGN_PREFIX}${String(tool['name'])}`,
    }))
    exchange.result({ ...this.#passed(reply.result), tools })
  }

  async #call(exchange: Exchange): Promise<void> {
    const { params } = exchange.request
    const name = String(params['name']).slice(FOREIGN_PREFIX.length)
    const reply = await this.#ask(exchange, { ...params, name })
    for (const message of reply.messages) if ('method' in message) exchange.send(message)
    if ('error' in reply.answer) return exchange.error(reply.error)
    exchange.result(this.#passed(reply.result))
  }

  #ask(exchange: Exchange, params: JsonObject): Promise<RawReply> {
    const { _meta: _dropped, ...rest } = params
    const meta = this.#keepsMeta ? objectAt(params, '_meta') : {}
    return callModern(this.#target, exchange.request.method ?? '', rest, { meta })
  }

  #passed(object: JsonObject): JsonObject {
    if (this.#keepsMeta) return object
    const { _meta: _dropped, ...rest } = object
    return rest
  }
}
