import type { IncomingMessage } from 'node:http'
import { Fault } from '../../protocol/errors.ts'

/** Who may talk to the node, by the names they use for it. */
export interface AdmissionRules {
  /** Whether it listens on loopback: then pages of this machine may talk to it. */
  readonly loopback: boolean
  /** Lower-case `host` or `host:port`. */
  readonly hosts: readonly string[]
  /** Lower-case origins. */
  readonly origins: readonly string[]
  /** Whether pages that are served under the very name in the Host header may talk to it; default false. */
  readonly ownPages?: boolean
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/
const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/

/**
 * Refuses requests under a name that is not the node's, and from web pages that were not allowed: a page on another
 * site can make a browser send either (DNS rebinding; MCP 2026-07-28, streamable-http, security).
 *
 * @throws Fault `bad_http`, `host_forbidden`, `origin_forbidden`
 */
export class Admission {
  readonly #rules: AdmissionRules
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  constructor(rules: AdmissionRules) {
    this.#rules = rules
    this.#hosts = new Set(rules.hosts)
    this.#origins = new Set(rules.origins)
  }

  /** The headers a page of an allowed origin needs to read the answer; none without an Origin. */
  admit(request: IncomingMessage): readonly string[] {
    const host = request.headers.host?.toLowerCase()
    if (host === undefined || isTwice(request.rawHeaders, 'host')) {
      throw new Fault('bad_http', 'there must be one Host header')
    }
    if (!this.#isOwnHost(host)) {
      throw new Fault('host_forbidden', 'this node does not go by the name in the Host header')
    }
    const origin = request.headers.origin?.toLowerCase()
    if (origin === undefined) return NO_HEADERS
    if (!this.#isAllowed(origin) && !this.#isOwnPage(origin, host)) {
      throw new Fault('origin_forbidden', 'requests from this Origin are not allowed')
    }
    return corsHeaders(origin)
  }

  #isOwnHost(host: string): boolean {
    // Only who is on this machine gets here by such a name, and no page can make a name of its own one of these.
    if (LOOPBACK.test(host)) return true
    return this.#hosts.has(host) || this.#hosts.has(host.replace(/:\d+$/, ''))
  }

  /** The name is the node's own by now. Its scheme may be that of a proxy in front. */
  #isOwnPage(origin: string, host: string): boolean {
    return (
      this.#rules.ownPages === true && /^https?:\/\//.test(origin) && originHost(origin) === host
    )
  }

  #isAllowed(origin: string): boolean {
    return (this.#rules.loopback && LOOPBACK_ORIGIN.test(origin)) || this.#origins.has(origin)
  }
}

function originHost(origin: string): string {
  return origin.slice(origin.indexOf('//') + 2)
}

const NO_HEADERS: readonly string[] = []

/** Whether a header stands there more than once: readers differ in which of them counts (RFC 9112 §3.2). */
function isTwice(rawHeaders: readonly string[], name: string): boolean {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const header = rawHeaders[index]
    if (header?.length === name.length && header.toLowerCase() === name) count += 1
  }
  return count > 1
}

function corsHeaders(origin: string): readonly string[] {
  return [
    'access-control-allow-origin',
    origin,
    'access-control-expose-headers',
    'mcp-session-id, ratelimit, ratelimit-policy, retry-after',
    'vary',
    'origin',
  ]
}

/** What a preflight is answered with, besides the headers of `admit` (Fetch standard, CORS protocol). */
export const PREFLIGHT: readonly string[] = [
  'access-control-allow-methods',
  'POST, GET, DELETE',
  'access-control-allow-headers',
  '*, content-type, accept, authorization, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, last-event-id',
  'access-control-max-age',
  '600',
]

/**
 * Checks what a POST says of its body and of the answer it can read.
 *
 * @throws Fault `content_type`, `not_acceptable`
 */
export function checkPost({ headers }: IncomingMessage): void {
  const type = headers['content-type'] ?? ''
  if (type !== USUAL_TYPE && !/^application\/json\s*(;|$)/i.test(type)) {
    throw new Fault('content_type', 'Content-Type must be application/json')
  }
  // No limit on bodies would hold for one that has to be unpacked first.
  const encoding = headers['content-encoding']
  if (encoding !== undefined && !/^(identity)?$/i.test(encoding)) {
    throw new Fault('content_type', 'Content-Encoding must be absent: bodies are taken as they are')
  }
  const { accept } = headers
  if (accept === USUAL_ACCEPT) return
  if (!accepts(accept, 'application/json') || !accepts(accept, 'text/event-stream')) {
    throw new Fault('not_acceptable', 'Accept must list application/json and text/event-stream')
  }
}

/** What nearly all clients send, and needs no taking apart. */
const USUAL_TYPE = 'application/json'
const USUAL_ACCEPT = 'application/json, text/event-stream'

/** Whether an Accept header allows a media type (RFC 9110 §12.5.1). */
export function accepts(accept: string | undefined, type: string): boolean {
  const family = `${type.slice(0, type.indexOf('/'))}/*`
  return (accept ?? '').split(',').some((entry) => {
    const [range, ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    if (range !== type && range !== family && range !== '*/*') return false
    return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })
}
