// The floor: what passing bytes on costs when nobody reads them, on the same two libraries as the relay.
import { Buffer } from 'node:buffer'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'

/** Bodies up to this many bytes are sent in one write; larger ones, and those of unknown length, are streamed. */
const GATHER_BYTES = 65_536 + 1_024

/** Headers that belong to one connection (RFC 9110 section 7.6.1), and the host, which is the next one's. */
const PER_CONNECTION = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function forwarded(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (!PER_CONNECTION.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}

/** Writes one upstream response to one client, at the speed of the slower of the two. */
class Return implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse
  #controller: Dispatcher.DispatchController | undefined

  constructor(res: ServerResponse) {
    this.#res = res
    res.on('close', () => {
      if (!res.writableFinished) this.#controller?.abort(new Error('the client went away'))
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#res.destroyed) controller.abort(new Error('the client went away'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const flat: string[] = []
    for (const name in headers) {
      const value = headers[name]
      if (value === undefined || PER_CONNECTION.has(name)) continue
      for (const one of typeof value === 'string' ? [value] : value) flat.push(name, one)
    }
    this.#res.writeHead(status, flat)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#res.write(chunk)) return
    controller.pause()
    this.#res.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#res.end()
  }

  onResponseError(): void {
    if (this.#res.headersSent) this.#res.destroy()
    else this.#res.writeHead(502).end()
  }
}

function gather(req: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  let received = 0
  req.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    received += chunk.length
    if (received < length) return
    const [first] = chunks
    done(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks))
  })
}

function pass(pool: Pool, req: IncomingMessage, res: ServerResponse): void {
  const options = {
    path: req.url ?? '/',
    method: req.method ?? 'GET',
    headers: forwarded(req.rawHeaders),
  }
  const back = new Return(res)
  const length = Number(req.headers['content-length'] ?? Number.NaN)
  if (length > 0 && length <= GATHER_BYTES) {
    gather(req, length, (body) => pool.dispatch({ ...options, body }, back))
  } else {
    const empty = length === 0 || req.method === 'GET' || req.method === 'DELETE'
    pool.dispatch({ ...options, body: empty ? null : req }, back)
  }
}

/**
 * Makes a proxy that passes every request to the same path of `origin`; it listens nowhere yet.
 *
 * Kept-alive connections on both sides, back-pressure both ways, nothing parsed. Closing the server closes the pool.
 */
export function createFloor(origin: string): Server {
  const pool = new Pool(origin, { connections: 1_024, pipelining: 1, keepAliveTimeout: 60_000 })
  const server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => pass(pool, req, res))
  server.on('close', () => void pool.close())
  return server
}
