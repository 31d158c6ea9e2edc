// What a client of either era puts on the wire, as templates into which a serial number is stamped.
import { Buffer } from 'node:buffer'

/** A protocol era; a property of each link. */
export type Era = '2025' | '2026'

/** The revision each era is spoken in. */
export const REVISION: Readonly<Record<Era, string>> = {
  '2025': '2025-11-25',
  '2026': '2026-07-28',
}

/** What is asked: the echo of so many bytes, or a whole list (every page) of so many tools. */
export type Operation =
  | { readonly kind: 'call'; readonly payload: number }
  | { readonly kind: 'list'; readonly tools: number }

/** Name of the tool that answers with the text it was given. */
export const ECHO = 'echo'

/** Every serial has this many digits, so that stamping one never changes the length of a body. */
export const SERIAL_DIGITS = 10

/** The first request id; the last leaves room for {@link nonceOf}. */
export const FIRST_SERIAL = 1_000_000_000

const NONCE_OFFSET = 5_000_000_000

/** A request body with the places where id and nonce go. */
export interface Template {
  readonly bytes: Buffer
  readonly idAt: number
  /** Offsets of the nonce: at both ends of the echoed text; empty for a request without arguments. */
  readonly noncesAt: readonly number[]
}

/** What makes the arguments of one call distinct; never equal to any id, so finding it proves an echo. */
export function nonceOf(serial: number): number {
  return serial + NONCE_OFFSET
}

/** Writes the serial (and its nonce) into a body made from the template; `body` must be a copy of its bytes. */
export function stamp(body: Buffer, template: Template, serial: number): void {
  body.write(String(serial), template.idAt, 'latin1')
  const nonce = String(nonceOf(serial))
  for (const offset of template.noncesAt) body.write(nonce, offset, 'latin1')
}

function metaOf(era: Era): Record<string, unknown> {
  if (era === '2025') return {}
  return {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': REVISION['2026'],
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'banyan-bench', version: '1.0.0' },
    },
  }
}

function templateOf(method: string, params: Record<string, unknown>): Template {
  const body = { jsonrpc: '2.0', id: FIRST_SERIAL, method, params }
  const bytes = Buffer.from(JSON.stringify(body))
  const nonce = String(nonceOf(FIRST_SERIAL))
  const first = bytes.indexOf(nonce)
  const last = bytes.lastIndexOf(nonce)
  return {
    bytes,
    idAt: bytes.indexOf(String(FIRST_SERIAL)),
    noncesAt: first < 0 ? [] : [first, last],
  }
}

/** A `tools/call` of the echo tool whose text is `payload` bytes long (at least two nonces). */
export function callTemplate(era: Era, payload: number): Template {
  const nonce = String(nonceOf(FIRST_SERIAL))
  const filler = 'banyan grows from branch to root '.repeat(Math.ceil(payload / 33))
  const text = nonce + filler.slice(0, Math.max(0, payload - 2 * SERIAL_DIGITS)) + nonce
  return templateOf('tools/call', { name: ECHO, arguments: { text }, ...metaOf(era) })
}

/** A `tools/list`, of the first page or of the one behind a cursor. */
export function listTemplate(era: Era, cursor?: string): Template {
  return templateOf('tools/list', { ...(cursor === undefined ? {} : { cursor }), ...metaOf(era) })
}

/** The `initialize` request of the 2025 era. */
export function initializeBody(): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: REVISION['2025'],
      capabilities: {},
      clientInfo: { name: 'banyan-bench', version: '1.0.0' },
    },
  })
}

/** The notification that ends the handshake of the 2025 era. */
export const INITIALIZED: string = JSON.stringify({
  jsonrpc: '2.0',
  method: 'notifications/initialized',
})

/** Request headers as a flat list of names and values, the cheapest form undici takes. */
export function headersOf(
  era: Era,
  operation: { readonly method: string; readonly name?: string; readonly session?: string },
): string[] {
  const headers = [
    'accept',
    'application/json, text/event-stream',
    'content-type',
    'application/json',
    'mcp-protocol-version',
    REVISION[era],
  ]
  if (era === '2025') {
    if (operation.session !== undefined) headers.push('mcp-session-id', operation.session)
    return headers
  }
  headers.push('mcp-method', operation.method)
  if (operation.name !== undefined) headers.push('mcp-name', operation.name)
  return headers
}

/** The JSON-RPC message in a response body, which may be JSON or an event stream. */
export function messageOf(body: string): Record<string, unknown> {
  const data = body.startsWith('{') ? [body] : body.split('\n').filter((l) => l.startsWith('data:'))
  const last = data.at(-1)?.replace(/^data:\s*/, '')
  if (last === undefined) throw new Error(`no message in the response: ${body.slice(0, 200)}`)
  return JSON.parse(last) as Record<string, unknown>
}
