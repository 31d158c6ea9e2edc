import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import {
  answerOf,
  CHANGE_MS,
  SLOW_MS,
  toolsOf,
  type LabServer,
} from '../../../topology/lab/workload.ts'
import type { HousedTools } from './housing.ts'

const REVISION = '2025-11-25'
const SESSION = 'mcp-session-id'
/** Bytes of a request at most. */
const MAX_BODY = 1_048_576
/** Sessions of one server at most; of more, the oldest is forgotten. */
const MAX_SESSIONS = 1_000
const RPC_NO_METHOD = -32_601
const RPC_NO_TOOL = -32_602

interface Session {
  readonly asks: boolean
  stream: ServerResponse | undefined
}

/** One server behind a namespace. */
class Place {
  readonly server: LabServer
  readonly sessions = new Map<string, Session>()
  revision = 0

  constructor(server: LabServer) {
    this.server = server
  }

  /** Lists something else from now on, and says so. */
  change(): void {
    this.revision += 1
    const news = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }
    for (const { stream } of this.sessions.values()) stream?.write(event(news))
  }

  open(session: Session): string {
    const [oldest] = this.sessions.keys()
    if (this.sessions.size >= MAX_SESSIONS && oldest !== undefined) this.forget(oldest)
    const id = randomUUID()
    this.sessions.set(id, session)
    return id
  }

  forget(id: string): void {
    this.sessions.get(id)?.stream?.end()
    this.sessions.delete(id)
  }
}

function event(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}

/**
 * MCP servers with sessions (2025-11-25, Streamable HTTP) for the namespaces of a lab, all behind one port of the loopback:
 * `/<node>/<namespace>`.
 */
export class ToolServer implements HousedTools {
  readonly #places = new Map<string, Place>()
  readonly #http: Server
  readonly #questions = new Map<string, (answer: unknown) => void>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #turns: NodeJS.Timeout

  private constructor(servers: readonly LabServer[]) {
    for (const server of servers) {
      this.#places.set(`/${server.node}/${server.namespace}`, new Place(server))
    }
    this.#http = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
    this.#turns = setInterval(() => this.#turn(), CHANGE_MS)
  }

  /** @param port default: a free one */
  static async listen(servers: readonly LabServer[], port = 0): Promise<ToolServer> {
    const server = new ToolServer(servers)
    server.#http.listen(port, '127.0.0.1')
    await once(server.#http, 'listening')
    return server
  }

  /** Where the server of a namespace is reached. */
  url(node: string, namespace: string): string {
    const { port } = this.#http.address() as AddressInfo
    return `http://127.0.0.1:${port}/${node}/${encodeURIComponent(namespace)}`
  }

  /** All servers of a node list something else from now on. */
  change(node: string): void {
    for (const place of this.#places.values()) if (place.server.node === node) place.change()
  }

  async close(): Promise<void> {
    clearInterval(this.#turns)
    for (const timer of this.#timers) clearTimeout(timer)
    const closed = once(this.#http, 'close')
    this.#http.close()
    this.#http.closeAllConnections()
    await closed
  }

  #turn(): void {
    for (const place of this.#places.values()) if (place.server.kind === 'changing') place.change()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const place = this.#places.get(decodeURIComponent(request.url ?? ''))
    if (place === undefined) return end(response, 404)
    const id = String(request.headers[SESSION] ?? '')
    if (request.method === 'DELETE') {
      place.forget(id)
      return end(response, 204)
    }
    const session = place.sessions.get(id)
    if (request.method === 'GET') return listen(session, response)
    if (request.method !== 'POST') return end(response, 405)
    const message = await readBody(request)
    if (!isObject(message)) return end(response, 400)
    if (message['method'] === 'initialize') return initialize(place, message, response)
    if (session === undefined) {
      // Also what a probe for the newer era is told: that is how it learns which one this is.
      return end(response, id === '' ? 400 : 404, refusal(message, RPC_NO_METHOD, 'no session'))
    }
    if (message['method'] === undefined) this.#onAnswer(message)
    if (message['id'] === undefined || message['method'] === undefined) return end(response, 202)
    await this.#answer({ place, session, message }, response)
  }

  async #answer({ place, session, message }: Asked, response: ServerResponse): Promise<void> {
    const { server, revision } = place
    switch (message['method']) {
      case 'ping':
        return reply(response, message, {})
      case 'tools/list':
        return reply(response, message, { tools: toolsOf(server, revision) })
      case 'tools/call':
        break
      default:
        return end(response, 200, refusal(message, RPC_NO_METHOD, 'there is no such method'))
    }
    const { name, arguments: args } = isObject(message['params']) ? message['params'] : {}
    if (!toolsOf(server, revision).some((tool) => tool.name === name)) {
      return end(response, 200, refusal(message, RPC_NO_TOOL, `there is no tool ${String(name)}`))
    }
    if (server.kind === 'slow') await this.#pause(SLOW_MS)
    const said = isObject(args) ? args['message'] : undefined
    const text = typeof said === 'string' ? said : ''
    if (server.kind !== 'eliciting') return reply(response, message, answerOf(server, text))
    const answer = session.asks ? await this.#ask(response) : 'nobody can be asked'
    const result = answerOf(server, `${text}, ${JSON.stringify(answer)}`)
    if (!session.asks) return reply(response, message, result)
    response.end(event({ jsonrpc: '2.0', id: message['id'], result }))
  }

  /** Asks the caller something on the stream of its call. */
  #ask(response: ServerResponse): Promise<unknown> {
    const id = randomUUID()
    const params = {
      message: 'How many?',
      requestedSchema: { type: 'object', properties: { count: { type: 'integer' } } },
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event({ jsonrpc: '2.0', id, method: 'elicitation/create', params }))
    return new Promise((resolve, reject) => {
      this.#questions.set(id, resolve)
      response.once('close', () => {
        this.#questions.delete(id)
        reject(new Error('the caller is gone'))
      })
    })
  }

  #onAnswer({ id, result }: JsonObject): void {
    this.#questions.get(String(id))?.(result)
    this.#questions.delete(String(id))
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        resolve()
      }, ms)
      this.#timers.add(timer)
    })
  }
}

interface Asked {
  readonly place: Place
  readonly session: Session
  readonly message: JsonObject
}

function initialize(place: Place, message: JsonObject, response: ServerResponse): void {
  const params = isObject(message['params']) ? message['params'] : {}
  const { capabilities } = params
  const asks = isObject(capabilities) && capabilities['elicitation'] !== undefined
  response.setHeader(SESSION, place.open({ asks, stream: undefined }))
  const { node, namespace } = place.server
  reply(response, message, {
    protocolVersion: REVISION,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: `${node}-${namespace}`, version: '1.0.0' },
  })
}

function listen(session: Session | undefined, response: ServerResponse): void {
  if (session === undefined) return end(response, 404)
  session.stream?.end()
  session.stream = response
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
}

function reply(response: ServerResponse, { id }: JsonObject, result: object): void {
  end(response, 200, { jsonrpc: '2.0', id, result })
}

function refusal({ id = null }: JsonObject, code: number, message: string): object {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

function end(response: ServerResponse, status: number, body?: object): void {
  if (body === undefined) response.writeHead(status).end()
  else {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
