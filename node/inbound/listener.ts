import {
  createServer,
  ServerResponse,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type RequestListener,
  type ServerOptions,
} from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Fault } from '../../protocol/errors.ts'
import type { Logger } from '../core/logger.ts'
import { refusalStatus } from '../core/rescue.ts'
import { brokenHttp, lastResponse } from './broken-http.ts'
import { OpenResponses } from './open-responses.ts'
import { isHandshakeError, secureContext, tlsOptions, type TlsMaterial } from './tls.ts'

/** What is said to who sent something that never became a request. */
export interface Refusal {
  /** Media type. */
  readonly type: string
  readonly body: Buffer
}

/** Takes connections over. */
export interface UpgradeHandler {
  /** Whether this is about a request; others are answered as if they had not asked. */
  wants(request: IncomingMessage): boolean
  /** Takes it over, or says `answer`, writes the response and has the connection ended with it. */
  take(upgrade: Upgrade, response: ServerResponse): void
}

export interface ListenerOptions {
  /** Answers a request. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void
  readonly refusal: (fault: Fault) => Refusal
  /** What requests do that want the connection for something else than HTTP; absent: they are answered as any other. */
  readonly upgrade?: UpgradeHandler | undefined
  readonly log: Logger
  readonly headerBytes: number
  readonly headersReadTimeout: number
  readonly requestReadTimeout: number
  readonly connections: number
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial | undefined
}

/** A request that wants the connection for something else. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly stream: Duplex
  /** What came behind the request already. */
  readonly head: Buffer
  /** Makes the connection that of the response again. */
  readonly answer: () => void
}

/** An address the node listens at: connections, their limits and their end. It knows nothing of what is asked there. */
export class Listener {
  readonly #server: Server | SecureServer
  readonly #options: ListenerOptions
  /** Those that have not agreed on TLS yet, by what their ends are called. */
  readonly #knocking = new Map<string, Socket>()
  /** Those requests come on. */
  readonly #connections = new Set<Socket>()
  /** Those that were taken over: they end with whoever took them, or with the grace. */
  readonly #taken = new Set<Duplex>()
  readonly #responses = new OpenResponses((socket) => {
    if (this.#closing) socket.end()
  })
  #closing = false

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#server = makeServer(options, (request, response) => this.#serve(request, response))
    // Headers are limited in bytes; beyond a number Node 22 would drop them in silence.
    this.#server.maxHeadersCount = 0
    this.#server.maxConnections = options.connections
    if (options.tls === undefined) this.#server.on('connection', (socket) => this.#open(socket))
    else this.#agreeFirst()
    this.#server.on('checkContinue', (request, response) => this.#serve(request, response))
    const { upgrade } = options
    if (upgrade !== undefined) {
      this.#server.on('upgrade', (request: IncomingMessage, _stream: Duplex, head: Buffer) => {
        this.#upgrade(upgrade, request, head)
      })
    }
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuseConnection(error, socket)
    })
  }

  /** Open connections on which requests may come. */
  get connections(): number {
    return this.#connections.size
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
    for (const socket of this.#connections) {
      if (!this.#responses.busy(socket) && !this.#taken.has(socket)) socket.destroy()
    }
    for (const socket of this.#knocking.values()) socket.destroy()
    const timer = setTimeout(() => {
      this.#server.closeAllConnections()
      for (const stream of this.#taken) stream.destroy()
    }, graceMs)
    await closed
    clearTimeout(timer)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#responses.add(request.socket, response)
    if (this.#closing) response.shouldKeepAlive = false
    this.#options.serve(request, response)
  }

  #upgrade(handler: UpgradeHandler, request: IncomingMessage, head: Buffer): void {
    const stream = request.socket
    if (this.#closing) {
      stream.destroy()
      return
    }
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.once('finish', () => stream.end(() => stream.destroy()))
    const answer = (): void => response.assignSocket(stream)
    // Whoever takes it over listens for itself; until then a break would end the process.
    stream.on('error', () => stream.destroy())
    this.#taken.add(stream)
    stream.once('close', () => this.#taken.delete(stream))
    if (handler.wants(request)) handler.take({ request, stream, head, answer }, response)
    else {
      // A Node that cannot pass offers over hands them all on.
      answer()
      this.#options.serve(request, response)
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

  /** Answers what never became a request, unless that would run into a response that has begun. */
  #refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
    const unheard = error.code === 'ECONNRESET' || isHandshakeError(error.code)
    if (unheard || !socket.writable || this.#responses.begun(socket)) {
      socket.destroy()
      return
    }
    const fault = brokenHttp(error.code)
    const refusal = this.#options.refusal(fault)
    const status = refusalStatus(fault)
    socket.end(lastResponse(status, STATUS_CODES[status] ?? '', refusal), () => socket.destroy())
  }
}

/** With TLS or without. */
function makeServer(options: ListenerOptions, listener: RequestListener): Server | SecureServer {
  const { headerBytes, headersReadTimeout, requestReadTimeout, tls, upgrade } = options
  const http: ServerOptions = {
    maxHeaderSize: headerBytes,
    headersTimeout: headersReadTimeout,
    requestTimeout: requestReadTimeout,
    connectionsCheckingInterval: Math.min(1_000, headersReadTimeout),
    keepAliveTimeout: 65_000,
    noDelay: true,
    // Admission looks at Host, and answers in our own words.
    requireHostHeader: false,
    ...(upgrade !== undefined && {
      shouldUpgradeCallback: (request: IncomingMessage) => upgrade.wants(request),
    }),
  }
  if (tls === undefined) return createServer(http, listener)
  return createSecureServer({ ...http, ...tlsOptions(tls, headersReadTimeout) }, listener)
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
