// A server built with SDK v2: over HTTP in both eras or in 2026 only, or as a child process.
// node test/interop/sdk-v2-server.ts
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node'
import {
  McpServer,
  ProtocolError,
  createMcpHandler,
  type Server,
  type Tool,
} from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { isProgram, listenLocally, type RunningFixture } from '../fixtures/http-host.ts'
import { Refusal, Workshop, type WorkshopCall } from './workshop.ts'

function makeServer(workshop: Workshop, listChanged: (server: Server) => Promise<void>): McpServer {
  const mcp = new McpServer(
    { name: 'workshop-v2', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true } } },
  )
  const { server } = mcp
  server.setRequestHandler('tools/list', () => ({ tools: workshop.list() as Tool[] }))
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const { _meta: meta } = mcpReq
    const token = meta?.progressToken
    const call: WorkshopCall = {
      args: params.arguments ?? {},
      signal: mcpReq.signal,
      progress: async (progress, total) => {
        if (token === undefined) return
        const about = { progressToken: token, progress, total }
        await mcpReq.notify({ method: 'notifications/progress', params: about })
      },
      listChanged: () => listChanged(server),
    }
    try {
      return await workshop.call(params.name, call)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw new ProtocolError(error.code, error.message, error.data)
    }
  })
  return mcp
}

/** Serves over HTTP; `reject` leaves era 2025 out. */
export async function startHttpV2(legacy: 'stateless' | 'reject'): Promise<RunningFixture> {
  const workshop = new Workshop()
  const handler = createMcpHandler(
    () =>
      makeServer(workshop, () => {
        handler.notify.toolsChanged()
        return Promise.resolve()
      }),
    { legacy },
  )
  const handle = toNodeHandler(handler)
  return listenLocally(
    0,
    // The adapter's own type of a request misses `exactOptionalPropertyTypes`.
    (request, response) => handle(request as NodeIncomingMessageLike, response),
    () => handler.close(),
  )
}

if (isProgram(import.meta.url)) {
  const workshop = new Workshop()
  serveStdio(() => makeServer(workshop, (server) => server.sendToolListChanged()))
}
