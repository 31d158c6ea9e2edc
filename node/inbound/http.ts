import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asFault, Fault } from '../../protocol/errors.ts'
import { writeError } from '../../protocol/hop-response.ts'
import type { Authenticator, OAuthService } from '../core/authentication.ts'
import type { CallAudit } from '../core/audit.ts'
import type { CallWatch } from '../core/call-watch.ts'
import { limitHeaders } from '../core/meter.ts'
import { refusalStatus, rescue } from '../core/rescue.ts'
import { PREFLIGHT, type Admission } from './admission.ts'
import { writeJson } from './http-reply.ts'
import { opensLink, type LinkServer } from './link-upgrade.ts'
import { Listener, pathOf, type ListenerOptions, type Upgrade } from './listener.ts'
import { serveOAuth } from './oauth-http.ts'
import type { PublicCards } from './public-cards.ts'
import type { TlsMaterial } from './tls.ts'

/** What the node says of its own state at `/readyz`. */
export interface Readiness {
  readonly ready: boolean
  readonly facts: Readonly<Record<string, unknown>>
}

/** Serves one HTTP exchange at an endpoint. May throw a Fault while nothing has been sent. */
export type EndpointHandler = (exchange: HttpExchange) => Promise<void> | undefined

export interface HttpExchange {
  readonly endpoint: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Names and values in turn, for the response. */
  readonly headers: readonly string[]
  /** Ends it with what went wrong after the handler returned; as a throw from there. */
  readonly fail: (error: unknown) => void
}

export interface HttpServerOptions extends Omit<ListenerOptions, 'serve' | 'refusal' | 'upgrade'> {
  readonly admission: Admission
  readonly handle: EndpointHandler
  readonly authenticator: Authenticator
  /** What is served besides endpoints; none where no token is issued or asked for. */
  readonly oauth: () => OAuthService | undefined
  readonly readiness: () => Readiness
  /** What anybody may read; absent: nothing. */
  readonly cards?: Pick<PublicCards, 'serve'> | undefined
  /** Opens links of other nodes; absent: there are none. */
  readonly linkServer?: Pick<LinkServer, 'upgrade'> | undefined
  /** Undefined where calls are not written down. */
  readonly audit?: CallAudit | undefined
  /** Undefined where nobody counts. */
  readonly watch?: CallWatch | undefined
}

const ENDPOINT = /^\/mcp\/([a-z0-9][a-z0-9-]{0,31})$/
const METHODS = 'POST, GET, DELETE, OPTIONS'

/** The HTTP edge: health, and `/mcp/<endpoint>`. It knows nothing of MCP. */
export class HttpServer {
  readonly #listener: Listener
  readonly #options: HttpServerOptions

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#listener = new Listener({
      ...options,
      upgrade: options.linkServer && {
        wants: opensLink,
        take: (taken, response) => this.#serve(taken.request, response, taken),
      },
      serve: (request, response) => this.#serve(request, response),
      refusal: (fault) => {
        options.audit?.call({ fault })
        options.watch?.refused(fault, undefined)
        return { type: 'application/json', body: writeError(null, rescue(fault)) }
      },
    })
  }

  /** Open connections of clients. */
  get connections(): number {
    return this.#listener.connections
  }

  /** @throws Error of the system when the address cannot be had */
  listen(host: string, port: number): Promise<AddressInfo> {
    return this.#listener.listen(host, port)
  }

  /** Connections from now on see this certificate; those that are open stay as they are. @throws Error of OpenSSL */
  renew(tls: TlsMaterial): void {
    this.#listener.renew(tls)
  }

  /** Takes no new connections and waits for the open requests, `graceMs` at most. */
  close(graceMs: number): Promise<void> {
    return this.#listener.close(graceMs)
  }

  /** @param taken the connection, where it is wanted for a link */
  #serve(request: IncomingMessage, response: ServerResponse, taken?: Upgrade): void {
    const { admission, cards, handle, linkServer } = this.#options
    let headers: readonly string[] = []
    let endpoint: string | undefined
    const fail = (error: unknown): void => {
      const fault = asFault(error)
      this.#options.audit?.call({ endpoint, fault })
      this.#options.watch?.refused(fault, endpoint)
      const challenge = endpoint === undefined ? [] : this.#challenge(endpoint, fault)
      taken?.answer()
      this.#refuse(fault, response, [...headers, ...challenge])
    }
    try {
      const path = pathOf(request.url ?? '')
      if (path === '/healthz' || path === '/readyz') {
        this.#health(path, request, response)
        return
      }
      if (taken === undefined && cards?.serve(path, request, response) === true) return
      headers = admission.admit(request)
      const oauth = this.#options.oauth()
      if (oauth?.owns(path) === true) {
        serveOAuth(oauth, path, { request, response, headers, fail })
        return
      }
      endpoint = ENDPOINT.exec(path)?.[1]
      if (endpoint === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
      if (linkServer !== undefined && taken !== undefined) {
        linkServer.upgrade({ endpoint, ...taken })?.catch(fail)
      } else if (request.method === 'OPTIONS') {
        response.writeHead(204, [...headers, ...PREFLIGHT])
        response.end()
      } else handle({ endpoint, request, response, headers, fail })?.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  #challenge(endpoint: string, fault: Fault): readonly string[] {
    return this.#options.authenticator.challenge(endpoint, fault)
  }

  #health(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Fault('http_method', 'only GET and HEAD are served here')
    }
    const { ready, facts } = this.#options.readiness()
    const alive = path === '/healthz'
    const body = alive ? { status: 'ok' } : { status: ready ? 'ready' : 'not ready', ...facts }
    const text = [Buffer.from(`${JSON.stringify(body)}\n`)]
    writeJson(response, {
      status: alive || ready ? 200 : 503,
      headers: ['cache-control', 'no-store'],
      text,
    })
  }

  #refuse(fault: Fault, response: ServerResponse, headers: readonly string[]): void {
    if (fault.code === 'internal')
      this.#options.log.error({ cause: fault.cause }, 'a request failed')
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const extra = [...headers, ...limitHeaders(fault)]
    if (fault.code === 'http_method') extra.push('allow', METHODS)
    // What is left of a body nobody reads would be taken for the next request.
    if (fault.code === 'body_too_large') extra.push('connection', 'close')
    const text = [writeError(null, rescue(fault))]
    writeJson(response, { status: refusalStatus(fault), headers: extra, text })
  }
}
