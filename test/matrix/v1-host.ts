// Hosts servers built with SDK v1 over HTTP: a session each, whose streams can be resumed.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { listenLocally, type RunningFixture } from '../fixtures/http-host.ts'
import { MemoryEventStore } from '../fixtures/memory-event-store.ts'

/** Serves `/mcp`; `open` makes the server of a session. */
export async function hostV1(open: () => Pick<Server, 'connect'>): Promise<RunningFixture> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response)
    if (id !== undefined) {
      response.writeHead(404).end()
      return
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new MemoryEventStore(),
      retryInterval: 10,
      onsessioninitialized: (opened) => void sessions.set(opened, transport),
      onsessionclosed: (closed) => void sessions.delete(closed),
    })
    await open().connect(transport)
    await transport.handleRequest(request, response)
  }
  return listenLocally(0, serve, async () => {
    for (const transport of sessions.values()) await transport.close()
  })
}
