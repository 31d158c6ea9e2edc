// The world of the fixtures behind a server built with SDK v1: over HTTP with sessions, or as a child process.
// node test/matrix/world-v1.ts
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js'
import { FixtureAnswers, answerSettings, type Caller } from '../fixtures/fixture-answers.ts'
import { ProtocolError } from '../fixtures/fixture-call.ts'
import { World } from '../fixtures/fixture-world.ts'
import { isProgram, type RunningFixture } from '../fixtures/http-host.ts'
import type { JsonObject, Message } from '../fixtures/wire.ts'
import { hostV1 } from './v1-host.ts'
import { PAGE_SIZE } from './world-settings.ts'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

const SCHEMAS = [
  ListToolsRequestSchema,
  CallToolRequestSchema,
  ListPromptsRequestSchema,
  GetPromptRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  CompleteRequestSchema,
  SetLevelRequestSchema,
] as const

/** One world and the servers of its sessions. */
class Hotel {
  readonly #rooms = new Map<Server, Set<string>>()
  readonly #world = new World(
    {},
    {
      changed: (of) => {
        const method = `notifications/${of}/list_changed` as 'notifications/tools/list_changed'
        for (const server of this.#rooms.keys()) void server.notification({ method })
      },
      updated: (uri) => {
        for (const [server, subscribed] of this.#rooms) {
          if (subscribed.has(uri)) void server.sendResourceUpdated({ uri })
        }
      },
      watchers: (uri) =>
        [...this.#rooms.values()].filter((subscribed) => subscribed.has(uri)).length,
    },
  )
  readonly #answers = new FixtureAnswers({
    era: '2025',
    settings: { ...answerSettings(), pageSize: PAGE_SIZE },
    world: this.#world,
  })

  open(): Server {
    const capabilities = {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      completions: {},
      logging: {},
    }
    const server = new Server({ name: 'world-v1', version: '1.0.0' }, { capabilities })
    const conversation = { version: '', capabilities: {}, subscribed: new Set<string>() }
    this.#rooms.set(server, conversation.subscribed)
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the one hook a server has
    server.onclose = () => void this.#rooms.delete(server)
    for (const schema of SCHEMAS) {
      server.setRequestHandler(schema, async (request, extra) => {
        conversation.capabilities = server.getClientCapabilities() ?? {}
        const caller = callerOf(extra, conversation)
        return await this.#answer({ jsonrpc: '2.0', id: extra.requestId, ...request }, caller)
      })
    }
    return server
  }

  async #answer(message: unknown, caller: Caller): Promise<JsonObject> {
    try {
      return await this.#answers.answer(message as Message, caller)
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause
      throw asMcpError(cause)
    }
  }
}

/** The constructor of McpError puts the code in front of the message; on the wire it is to be as it was. */
function asMcpError({ code, message, data }: ProtocolError): McpError {
  const error = new McpError(code, message, data)
  error.message = message
  return error
}

function callerOf(extra: Extra, conversation: Caller['conversation']): Caller {
  return {
    conversation,
    signal: extra.signal,
    notify: (method, params) =>
      void extra.sendNotification({ method, params } as ServerNotification),
    ask: async (method, params) => {
      try {
        return {
          result: await extra.sendRequest({ method, params } as ServerRequest, ResultSchema),
        }
      } catch (cause) {
        if (cause instanceof McpError) return { error: { code: cause.code } }
        throw cause
      }
    },
  }
}

/** Serves over HTTP. */
export async function startWorldV1(): Promise<RunningFixture> {
  const hotel = new Hotel()
  return hostV1(() => hotel.open())
}

if (isProgram(import.meta.url)) await new Hotel().open().connect(new StdioServerTransport())
