import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { asFault, Fault } from '../../protocol/errors.ts'
import { writeError } from '../../protocol/hop-response.ts'
import type { Authenticator, OAuthService } from '../core/authentication.ts'
import type { CallAudit } from '../core/audit.ts'
import type { Logger } from '../core/logger.ts'
import { limitHeaders } from '../core/meter.ts'
import { refusalStatus, rescue } from '../core/rescue.ts'
import { PREFLIGHT, type Admission } from './admission.ts'
import { brokenHttp, lastResponse } from './broken-http.ts'
import { writeJson } from './http-reply.ts'
import { serveOAuth } from './oauth-http.ts'
import { OpenResponses } from './open-responses.ts'
import { isHandshakeError, secureContext, tlsOptions, type TlsMaterial } from './tls.ts'

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

export interface HttpServerOptions {
  readonly admission: Admission
  readonly handle: EndpointHandler
  readonly authenticator: Authenticator
  /** What is served besides endpoints; none where no token is issued or asked for. */
  readonly oauth: () => OAuthService | undefined
  readonly readiness: () => Readiness
  readonly log: Logger
  /** Undefined where calls are not written down. */
  readonly audit?: CallAudit | undefined
  readonly headerBytes: number
  readonly headersReadTimeout: number
  readonly requestReadTimeout: number
  readonly connections: number
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial | undefined
}

const ENDPOINT = /^\/mcp\/([a-z0-9][a-z0-9-]{0,31})$/
const METHODS = 'POST, GET, DELETE, OPTIONS'

/** The HTTP edge: health, and `/mcp/<endpoint>`. It knows nothing of MCP. */
export class HttpServer {
  readonly #server: Server | SecureServer
  readonly #options: HttpServerOptions
  /** Those that have not agreed on TLS yet, by what their ends are called. */
  readonly #knocking = new Map<string, Socket>()
  /** Those requests come on. */
  readonly #connections = new Set<Socket>()
  readonly #responses = new OpenResponses((socket) => {
    if (this.#closing) socket.end()
  })
  #closing = false

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#server = makeServer(options, (request, response) => this.#serve(request, response))
    // Headers are limited in bytes; beyond a number Node 22 would drop them in silence.
    this.#server.maxHeadersCount = 0
    this.#server.maxConnections = options.connections
    if (options.tls === undefined) this.#server.on('connection', (socket) => this.#open(socket))
    else this.#agreeFirst()
    this.#server.on('checkContinue', (request, response) => this.#serve(request, response))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuseConnection(error, socket)
    })
  }

  /** @throws Error of the system when the address cannot be had */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off('error', reject)
        // From here on it is a connection that could not be accepted; heard by nobody, it would end the process.
        this.#server.on('error', (cause) => {
          this.#options.log.error({ cause }, 'a connection could not be accepted')
        })
        const address = this.#server.address()
        if (address === null || typeof address === 'string') reject(new Error('not a TCP address'))
        else resolve(address)
      })
    })
  }

  /** Connections from now on see this certificate; those that are open stay as they are. @throws Error of OpenSSL */
  renew(tls: TlsMaterial): void {
    if (this.#server instanceof SecureServer) this.#server.setSecureContext(secureContext(tls))
  }

  /** Takes no new connections and waits for the open requests, `graceMs` at most. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#closing = true
    // Node spares those that have not sent a request yet, and a client that opens one to spare never may.
    for (const socket of this.#connections) if (!this.#responses.busy(socket)) socket.destroy()
    for (const socket of this.#knocking.values()) socket.destroy()
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed
    clearTimeout(timer)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { admission, handle } = this.#options
    let headers: readonly string[] = []
    let endpoint: string | undefined
    const fail = (error: unknown): void => {
      const fault = asFault(error)
      this.#options.audit?.call({ endpoint, fault })
      const challenge = endpoint === undefined ? [] : this.#challenge(endpoint, fault)
      this.#refuse(fault, response, [...headers, ...challenge])
    }
    this.#responses.add(request.socket, response)
    if (this.#closing) response.shouldKeepAlive = false
    try {
      const path = pathOf(request.url ?? '')
      if (path === '/healthz' || path === '/readyz') {
        this.#health(path, request, response)
        return
      }
      headers = admission.admit(request)
      const oauth = this.#options.oauth()
      if (oauth?.owns(path) === true) {
        serveOAuth(oauth, path, { request, response, headers, fail })
        return
      }
      endpoint = ENDPOINT.exec(path)?.[1]
      if (endpoint === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
      if (request.method === 'OPTIONS') {
        response.writeHead(204, [...headers, ...PREFLIGHT])
        response.end()
      } else handle({ endpoint, request, response, headers, fail })?.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  #open(socket: Socket): void {
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
  }

  /** With TLS requests come on another socket than the one that was accepted, which nothing but its ends tells. */
  #agreeFirst(): void {
    this.#server.on('connection', (socket) => {
      const ends = endsOf(socket)
      this.#knocking.set(ends, socket)
      socket.once('close', () => this.#knocking.delete(ends))
    })
    this.#server.on('secureConnection', (socket: Socket) => {
      this.#knocking.delete(endsOf(socket))
      this.#open(socket)
    })
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

  /** Answers what never became a request, unless that would run into a response that has begun. */
  #refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
    const unheard = error.code === 'ECONNRESET' || isHandshakeError(error.code)
    if (unheard || !socket.writable || this.#responses.begun(socket)) {
      socket.destroy()
      return
    }
    const fault = brokenHttp(error.code)
    this.#options.audit?.call({ fault })
    const status = refusalStatus(fault)
    const body = writeError(null, rescue(fault))
    socket.end(lastResponse(status, STATUS_CODES[status] ?? '', body), () => socket.destroy())
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

/** With TLS or without. */
function makeServer(options: HttpServerOptions, listener: RequestListener): Server | SecureServer {
  const { headerBytes, headersReadTimeout, requestReadTimeout, tls } = options
  const http: ServerOptions = {
    maxHeaderSize: headerBytes,
    headersTimeout: headersReadTimeout,
    requestTimeout: requestReadTimeout,
    connectionsCheckingInterval: Math.min(1_000, headersReadTimeout),
    keepAliveTimeout: 65_000,
    noDelay: true,
    // Admission looks at Host, and answers in our own words.
    requireHostHeader: false,
  }
  if (tls === undefined) return createServer(http, listener)
  return createSecureServer({ ...http, ...tlsOptions(tls, headersReadTimeout) }, listener)
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
