import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { LINK_PROTOCOL } from '../../protocol/link/frames.ts'
import { isLoopback } from '../core/config-fields.ts'
import type { ResponseHeaders } from './http-target.ts'

/** What a WebSocket is opened with. */
export interface DialPlan<T> {
  /** http or https. */
  readonly url: string
  /** Names and values in turn. */
  readonly lines: readonly string[]
  readonly timeoutMs: number
  /** Largest message taken, bytes. */
  readonly maxBytes: number
  /** Ends the attempt. */
  readonly signal: AbortSignal
  /** Takes it over at once: what the other end says first must find somebody. */
  readonly opened: (ends: { readonly socket: WebSocket; readonly stream: Duplex }) => T
}

/** What came of an attempt to open a WebSocket. */
export type Dialled<T> =
  | { readonly kind: 'open'; readonly made: T }
  /** Answered as any other request; 1xx to 5xx. */
  | { readonly kind: 'refused'; readonly status: number; readonly headers: ResponseHeaders }
  /** No answer, or one that is none. `unreachable`: nobody was there at all. */
  | { readonly kind: 'failed'; readonly reason: string; readonly unreachable: boolean }

/** Room for an envelope, besides the message in it, bytes. */
const ENVELOPE_BYTES = 32_768

/** Errors of the system that say that nobody listens, whatever was to be sent. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** Opens a WebSocket for a link; never rejects. Redirects are not followed: credentials are for one address. */
export function dial<T>(plan: DialPlan<T>): Promise<Dialled<T>> {
  const { url, lines, timeoutMs, maxBytes, signal, opened } = plan
  return new Promise((resolve) => {
    let stream: Duplex | undefined
    const socket = new WebSocket(url, [LINK_PROTOCOL], {
      headers: Object.fromEntries(pairs(lines)),
      perMessageDeflate: false,
      followRedirects: false,
      handshakeTimeout: timeoutMs,
      maxPayload: maxBytes + ENVELOPE_BYTES,
      ...(isUnseen(url) && { generateMask: noMask }),
    })
    const abort = (): void => socket.terminate()
    signal.addEventListener('abort', abort)
    socket.on('close', () => signal.removeEventListener('abort', abort))
    socket.on('upgrade', (response) => {
      stream = response.socket
    })
    socket.on('open', () => {
      if (stream !== undefined) resolve({ kind: 'open', made: opened({ socket, stream }) })
    })
    socket.on('unexpected-response', (request, response: IncomingMessage) => {
      const { statusCode: status = 0, headers } = response
      resolve({ kind: 'refused', status, headers })
      request.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const unreachable = UNREACHABLE.has(codeOf(error))
      resolve({ kind: 'failed', reason: error.message, unreachable })
    })
  })
}

/**
 * Whether no intermediary can take what is sent for requests of its own. That is what masking prevents (RFC 6455 §10.3): over
 * TLS, and on this very machine, nobody on the way reads it, and a mask of zeros saves a pass over all bytes at both ends.
 */
function isUnseen(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || isLoopback(hostname)
}

function noMask(mask: Buffer): void {
  mask.fill(0)
}

function pairs(lines: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let index = 0; index < lines.length; index += 2) {
    found.push([lines[index] ?? '', lines[index + 1] ?? ''])
  }
  return found
}

function codeOf(error: NodeJS.ErrnoException): string {
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return (first as NodeJS.ErrnoException | undefined)?.code ?? ''
}
