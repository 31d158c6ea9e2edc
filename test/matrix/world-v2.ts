// The world of the fixtures behind a server built with SDK v2: over HTTP in either era, or as a child process in both.
// node test/matrix/world-v2.ts
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  type NodeIncomingMessageLike,
} from '@modelcontextprotocol/node'
import {
  ProtocolError as SdkError,
  Server,
  createMcpHandler,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { FixtureAnswers, answerSettings, type Caller } from '../fixtures/fixture-answers.ts'
import { ProtocolError } from '../fixtures/fixture-call.ts'
import { World, type Heralds } from '../fixtures/fixture-world.ts'
import { isProgram, listenLocally, type RunningFixture } from '../fixtures/http-host.ts'
import type { Era, JsonObject, ListKind, Message } from '../fixtures/wire.ts'
import { PAGE_SIZE } from './world-settings.ts'

const METHODS = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
] as const
const METHODS_2025 = ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel'] as const

const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
}

/** One world and the servers that show it. */
class Hotel {
  /** With what each has subscribed to, in era 2025. */
  readonly #rooms = new Map<Server, Set<string> | undefined>()
  readonly #answers: Readonly<Record<Era, FixtureAnswers>>

  constructor(heralds?: Heralds) {
    const world = new World({}, heralds ?? this.#heralds())
    const settings = { ...answerSettings(), pageSize: PAGE_SIZE }
    this.#answers = {
      2025: new FixtureAnswers({ era: '2025', settings, world }),
      2026: new FixtureAnswers({ era: '2026', settings, world }),
    }
  }

  open(era: Era): Server {
    const server = new Server(
      { name: 'world-v2', version: '1.0.0' },
      { capabilities: CAPABILITIES },
    )
    const conversation = { version: '', capabilities: {}, subscribed: new Set<string>() }
    this.#rooms.set(server, era === '2025' ? conversation.subscribed : undefined)
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the one hook a server has
    server.onclose = () => void this.#rooms.delete(server)
    for (const method of era === '2025' ? [...METHODS, ...METHODS_2025] : METHODS) {
      server.setRequestHandler(method, async ({ params = {} }, context) => {
        if (era === '2025') conversation.capabilities = server.getClientCapabilities() ?? {}
        const message = messageOf(method, params, context)
        return await this.#answer(era, message, callerOf(context, conversation))
      })
    }
    return server
  }

  async #answer(era: Era, message: Message, caller: Caller): Promise<JsonObject> {
    try {
      return await this.#answers[era].answer(message, caller)
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause
      throw new SdkError(cause.code, cause.message, cause.data)
    }
  }

  #heralds(): Heralds {
    return {
      changed: (of) => {
        for (const server of this.#rooms.keys()) void announcer(server)[of]()
      },
      updated: (uri) => {
        // In era 2026 the SDK knows the listens, and sends to those that asked for it.
        for (const [server, subscribed] of this.#rooms) {
          if (subscribed?.has(uri) ?? true) void server.sendResourceUpdated({ uri })
        }
      },
      watchers: (uri) => {
        const rooms = [...this.#rooms.values()]
        return rooms.includes(undefined) ? -1 : rooms.filter((room) => room?.has(uri)).length
      },
    }
  }
}

function announcer(server: Server): Record<ListKind, () => Promise<void>> {
  return {
    tools: () => server.sendToolListChanged(),
    prompts: () => server.sendPromptListChanged(),
    resources: () => server.sendResourceListChanged(),
  }
}

/** The request as it came over the wire: the SDK takes apart what belongs to the protocol. */
function messageOf(method: string, params: object, { mcpReq }: ServerContext): Message {
  const { _meta: meta, envelope, inputResponses } = mcpReq
  const requestState = mcpReq.requestState()
  return {
    jsonrpc: '2.0',
    id: mcpReq.id,
    method,
    params: {
      ...params,
      ...(inputResponses === undefined ? {} : { inputResponses }),
      ...(requestState === undefined ? {} : { requestState }),
      _meta: { ...meta, ...envelope },
    },
  }
}

function callerOf({ mcpReq }: ServerContext, conversation: Caller['conversation']): Caller {
  return {
    conversation,
    signal: mcpReq.signal,
    notify: (method, params) => void mcpReq.notify({ method, params }),
    ask: async (method, params) => {
      try {
        return { result: await mcpReq.send({ method, params } as never) }
      } catch (cause) {
        if (cause instanceof SdkError) return { error: { code: cause.code } }
        throw cause
      }
    },
  }
}

/** Serves era 2026 alone, over HTTP. */
export async function startWorldV2(): Promise<RunningFixture> {
  const hotel = new Hotel({
    changed: (of) => {
      const { notify } = handler
      if (of === 'tools') notify.toolsChanged()
      else if (of === 'prompts') notify.promptsChanged()
      else notify.resourcesChanged()
    },
    updated: (uri) => handler.notify.resourceUpdated(uri),
    // The SDK keeps the listens to itself.
    watchers: () => -1,
  })
  const handler = createMcpHandler(() => hotel.open('2026'), { legacy: 'reject' })
  const handle = toNodeHandler(handler)
  return listenLocally(
    0,
    // The adapter's own type of a request misses `exactOptionalPropertyTypes`.
    (request, response) => handle(request as NodeIncomingMessageLike, response),
    () => handler.close(),
  )
}

/** Serves sessions of era 2025, over HTTP. */
export async function startLegacyWorldV2(): Promise<RunningFixture> {
  const hotel = new Hotel()
  const open = new Map<string, NodeStreamableHTTPServerTransport>()
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? open.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response)
    if (id !== undefined) {
      response.writeHead(404).end()
      return
    }
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (opened) => void open.set(opened, transport),
      onsessionclosed: (closed) => void open.delete(closed),
    })
    await hotel.open('2025').connect(transport)
    await transport.handleRequest(request, response)
  }
  return listenLocally(0, serve, async () => {
    for (const transport of open.values()) await transport.close()
  })
}

if (isProgram(import.meta.url)) {
  const hotel = new Hotel()
  serveStdio(({ era }) => hotel.open(era === 'modern' ? '2026' : '2025'))
}
