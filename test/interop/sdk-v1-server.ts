// A server built with SDK v1: over HTTP with sessions or without, or as a child process.
// node test/interop/sdk-v1-server.ts
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  McpError,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js'
import { isProgram, listenLocally, type RunningFixture } from '../fixtures/http-host.ts'
import { Refusal, Workshop, type WorkshopCall } from './workshop.ts'

function makeServer(workshop: Workshop): Server {
  const server = new Server(
    { name: 'workshop-v1', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true } } },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: workshop.list() as Tool[] }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const { _meta: meta } = extra
    const token = meta?.progressToken
    const call: WorkshopCall = {
      args: params.arguments ?? {},
      signal: extra.signal,
      progress: async (progress, total) => {
        if (token === undefined) return
        const about = { progressToken: token, progress, total }
        await extra.sendNotification({ method: 'notifications/progress', params: about })
      },
      listChanged: () => server.sendToolListChanged(),
    }
    try {
      return await workshop.call(params.name, call)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw new McpError(error.code, error.message, error.data)
    }
  })
  return server
}

/** The SDK's own types disagree about optional members under strict flags. */
async function connect(workshop: Workshop, transport: unknown): Promise<void> {
  await makeServer(workshop).connect(transport as Transport)
}

/** Serves sessions, as the SDK's examples do: a transport a session, 404 for one that is not known. */
export async function startSessionsV1(): Promise<RunningFixture> {
  const workshop = new Workshop()
  const open = new Map<string, StreamableHTTPServerTransport>()
  return listenLocally(
    0,
    async (request, response) => {
      const id = request.headers['mcp-session-id']
      const known = typeof id === 'string' ? open.get(id) : undefined
      if (known === undefined && id !== undefined) {
        refuse(response, 404)
        return
      }
      if (known === undefined) {
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (opened) => void open.set(opened, transport),
          onsessionclosed: (closed) => void open.delete(closed),
        })
        await connect(workshop, transport)
        await transport.handleRequest(request, response)
      } else await known.handleRequest(request, response)
    },
    async () => {
      for (const transport of open.values()) await transport.close()
    },
  )
}

/** Serves without sessions, as the SDK's examples do: a server a POST, nothing else allowed. */
export async function startStatelessV1(): Promise<RunningFixture> {
  const workshop = new Workshop()
  return listenLocally(
    0,
    (request, response) => serveStateless(workshop, request, response),
    () => Promise.resolve(),
  )
}

async function serveStateless(
  workshop: Workshop,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    refuse(response, 405)
    return
  }
  const transport = new StreamableHTTPServerTransport({})
  response.on('close', () => void transport.close())
  await connect(workshop, transport)
  await transport.handleRequest(request, response)
}

function refuse(response: ServerResponse, status: 404 | 405): void {
  const error = { code: -32_000, message: status === 404 ? 'Session not found' : 'Not allowed' }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }))
}

if (isProgram(import.meta.url)) await connect(new Workshop(), new StdioServerTransport())
