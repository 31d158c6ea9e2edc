// A server of this machine that counts who comes.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

export interface LocalServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  readonly requests: IncomingMessage[]
  readonly connections: () => number
  readonly open: () => number
  close(): Promise<void>
}

export async function serve(handler: RequestListener): Promise<LocalServer> {
  const requests: IncomingMessage[] = []
  let connections = 0
  let open = 0
  const server: Server = createServer((request, response) => {
    requests.push(request)
    handler(request, response)
  })
  server.on('connection', (socket) => {
    connections += 1
    open += 1
    socket.on('close', () => (open -= 1))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => connections,
    open: () => open,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers with JSON. */
export function json(value: unknown, type = 'application/json'): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-type': type }).end(JSON.stringify(value))
  }
}
