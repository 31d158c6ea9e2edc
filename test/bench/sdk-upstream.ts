// An MCP server as its authors write one, on the SDK: what "asking the upstream directly" costs outside this bench.
import { createServer, type Server as HttpServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import { toolCatalogue } from './catalogue.ts'

type Handler = ReturnType<typeof toNodeHandler>

/** Serves `tools/list` alone, over the low-level server, which checks and copies less than the high-level one. */
function handlerOf(path: string): Handler {
  const tools = toolCatalogue(Number(path.slice(path.lastIndexOf('/') + 1))).map((tool) => ({
    ...tool,
    inputSchema: { ...tool.inputSchema, type: 'object' as const },
  }))
  return toNodeHandler(
    createMcpHandler(() => {
      const server = new Server(
        { name: 'bench-sdk-upstream', version: '1.0.0' },
        { capabilities: { tools: {} } },
      )
      server.setRequestHandler('tools/list', () => ({ tools }))
      return server
    }),
  )
}

/** Makes the server; it listens nowhere yet. The last part of the path is the number of tools; both eras, no sessions. */
export function createSdkUpstream(): HttpServer {
  const handlers = new Map<string, Handler>()
  return createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
    const path = req.url ?? ''
    const handler = handlers.get(path) ?? handlerOf(path)
    handlers.set(path, handler)
    // The adapter's type says absent where node:http says undefined.
    void handler(req as Parameters<Handler>[0], res)
  })
}
