// A relay as the SDK suggests one: its server in front, its client behind. For comparison, behind --with-sdk.
import { createServer, type Server as HttpServer } from 'node:http'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'

type Handler = ReturnType<typeof toNodeHandler>

const INFO = { name: 'bench-sdk-relay', version: '1.0.0' }

async function handlerTo(url: string): Promise<Handler> {
  const client = new Client(INFO, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  const handler = createMcpHandler(() => {
    const server = new Server(INFO, { capabilities: { tools: {} } })
    server.setRequestHandler('tools/list', ({ params }) => client.listTools(params))
    server.setRequestHandler('tools/call', ({ params }) => client.callTool(params))
    return server
  })
  return toNodeHandler(handler)
}

/** Makes a relay to the same path of `origin`; it listens nowhere yet. One client a path, shared by all callers. */
export function createSdkRelay(origin: string): HttpServer {
  const handlers = new Map<string, Promise<Handler>>()
  return createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
    const path = req.url ?? ''
    const handler = handlers.get(path) ?? handlerTo(origin + path)
    handlers.set(path, handler)
    handler
      // The adapter's type says absent where node:http says undefined.
      .then((handle) => handle(req as Parameters<Handler>[0], res))
      .catch(() => res.destroy())
  })
}
