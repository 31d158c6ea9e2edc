// HTTP as bytes: what no client library would send, and clients that leave in the middle.
import { connect, type Socket } from 'node:net'
import type { JsonObject } from '../fixtures/wire.ts'

/** An answer to bytes. */
export interface RawAnswer {
  /** Status of the first response; 0 when the connection was closed without one. */
  readonly status: number
  readonly head: string
  readonly body: string
  /** Everything received, further responses included. */
  readonly text: string
  /** The JSON-RPC error of the body; undefined when it holds none. */
  readonly error: { readonly code: number; readonly message: string } | undefined
}

/** Connects to the host of a URL. Errors of the socket are for `close` to show. */
export async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Sends bytes and reads until the server closes the connection. */
export async function talk(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const socket = await dial(url)
  const answer = heard(socket)
  socket.write(bytes)
  return answer
}

/** What a socket receives until it is closed. */
export function heard(socket: Socket): Promise<RawAnswer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => {
    socket.once('close', () => resolve(parse(Buffer.concat(chunks).toString('utf8'))))
  })
}

/** A POST of a body, as text; `Connection: close` makes the server hang up after the answer. */
export function postText(
  url: string,
  body: string | Buffer,
  headers: readonly string[] = [],
): Buffer {
  const { host, pathname } = new URL(url)
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)])
}

/** The headers of a client's request, one string a line. */
export function lines(headers: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const head = end === -1 ? text : text.slice(0, end)
  const body = end === -1 ? '' : text.slice(end + 4)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    head,
    body,
    text,
    error: errorOf(body),
  }
}

function errorOf(body: string): RawAnswer['error'] {
  try {
    const { error } = JSON.parse(body) as JsonObject
    return error as RawAnswer['error']
  } catch {
    return undefined
  }
}
