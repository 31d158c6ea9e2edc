// The taint canary: knows every credential that came into a node of this process, and fails the test in which a byte
// sequence of one goes out again, on whatever way. Installed for every test file by `setup.ts`.
import { channel } from 'node:diagnostics_channel'
import fs from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import { Socket, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { LogFacts, Logger } from '../../node/core/logger.ts'
import { Needles, WINDOW, type Hit } from './needles.ts'

export type LeakChannel = 'log' | 'outbound' | 'response' | 'pipe'

/** A credential that went out. */
export interface Leak {
  readonly channel: LeakChannel
  /** What kind of credential, and at which port it came in. */
  readonly credential: string
  /** As what it was written. */
  readonly form: string
  /** Where it went, without a byte of it. */
  readonly to: string
}

/** Who writes on a client's socket, and where it goes. */
interface Route {
  readonly isNode: boolean
  readonly port: number
}

/** Parameters in which a node sends a caller's token on, to the issuer that judges it (RFC 8693, RFC 7662). */
const TO_THE_ISSUER: ReadonlySet<string> = new Set(['subject_token', 'token'])

/** Parameters of the OAuth endpoints of a node that are credentials. */
const FORM_CREDENTIALS = [
  'subject_token',
  'actor_token',
  'assertion',
  'client_assertion',
  'client_secret',
  'token',
] as const

/** Credentials of nodes that are remembered. */
const MOST_OWN = 5_000

/** What is kept of what a socket wrote last, so that nothing hides between two writes, bytes. */
const TAIL = 2_048

const WRITE = '_writeGeneric'

type Write = (
  this: Socket,
  ...all: [writev: boolean, data: unknown, encoding: string, done: unknown]
) => void

class Canary {
  readonly #needles = new Needles()
  /** Ports at which a credential came in: there its holder may show it again. */
  readonly #homes = new Map<string, Set<number>>()
  readonly #kinds = new Map<string, string>()
  readonly #own = new Map<string, Set<number>>()
  readonly #leaks: Leak[] = []
  readonly #servers = new WeakSet<object>()
  readonly #ports = new Set<number>()
  readonly #requests = new WeakMap<object, boolean>()
  readonly #routes = new WeakMap<Socket, Route>()
  readonly #tails = new WeakMap<Socket, Buffer>()

  /** Remembers a credential. @param port where it came in; it may go there again */
  taint(credential: string, kind: string, port: number): void {
    if (credential.length < WINDOW) return
    this.#needles.add(credential, credential)
    const homes = this.#homes.get(credential)
    if (homes === undefined)
      this.#homes.set(credential, new Set([port, ...this.#owned(credential)]))
    else homes.add(port)
    this.#kinds.set(credential, `${kind} of port ${port}`)
  }

  /** Where a node has shown a credential that had come in nowhere: it is the node's own, and may go there. */
  #owned(credential: string): Set<number> {
    return this.#own.get(credential) ?? new Set()
  }

  /** What leaked since the last time; a test that leaks on purpose takes it, and passes. */
  take(): Leak[] {
    return this.#leaks.splice(0)
  }

  /** A logger whose lines are searched, whatever becomes of them. */
  log(inner: Logger): Logger {
    const search = (facts: LogFacts, message: string): void => {
      if (this.#needles.size === 0) return
      const text = `${message} ${JSON.stringify(facts)} ${inspect(facts, { depth: 12 })}`
      this.#search('log', Buffer.from(text), { to: message.slice(0, 40) })
    }
    const level =
      (name: 'debug' | 'info' | 'warn' | 'error') =>
      (facts: LogFacts, message: string): void => {
        search(facts, message)
        inner[name](facts, message)
      }
    return {
      debug: level('debug'),
      info: level('info'),
      warn: level('warn'),
      error: level('error'),
      ...(inner.isLevelEnabled && {
        isLevelEnabled: (one: 'debug' | 'info') => inner.isLevelEnabled?.(one) !== false,
      }),
    }
  }

  install(): void {
    this.#watchServers()
    this.#watchClients()
    this.#watchSockets()
    this.#watchStandardError()
  }

  /** Servers that nodes make, and what comes in there. */
  #watchServers(): void {
    channel('tracing:net.server.listen:asyncStart').subscribe((message) => {
      const { server } = message as { server: Server }
      if (!calledFrom('node/inbound/')) return
      this.#servers.add(server)
      server.once('listening', () => this.#ports.add((server.address() as AddressInfo).port))
    })
    channel('http.server.request.start').subscribe((message) => {
      const { request, server } = message as { request: IncomingMessage; server: Server }
      if (this.#servers.has(server)) this.#received(request)
    })
  }

  #received(request: IncomingMessage): void {
    const port = request.socket.localPort ?? 0
    const { rawHeaders, url = '' } = request
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const value = rawHeaders[at + 1] ?? ''
      const name = rawHeaders[at]?.toLowerCase()
      if (name === 'authorization') this.#authorization(value, port)
      if (name === 'dpop') this.taint(value, 'proof', port)
    }
    if (url.startsWith('/oauth/') && request.method === 'POST') this.#readForm(request, port)
  }

  #authorization(value: string, port: number): void {
    const [scheme = '', ...rest] = value.split(' ')
    const credential = rest.join(' ')
    this.taint(credential, 'token', port)
    if (scheme.toLowerCase() !== 'basic') return
    const [, secret = ''] = Buffer.from(credential, 'base64').toString().split(/:(.*)/s)
    this.taint(decoded(secret), 'client secret', port)
  }

  /** Reads along, before anybody: a listener would set the stream going. */
  #readForm(request: IncomingMessage, port: number): void {
    const push = request.push.bind(request)
    let body = ''
    request.push = (chunk: unknown, ...rest) => {
      if (chunk instanceof Uint8Array) body += Buffer.from(chunk).toString('latin1')
      // Half of one would be half of many.
      if (chunk === null) this.#form(body, port)
      return push(chunk, ...rest)
    }
  }

  #form(body: string, port: number): void {
    for (const [name, value] of new URLSearchParams(body)) {
      if ((FORM_CREDENTIALS as readonly string[]).includes(name)) this.taint(value, name, port)
    }
  }

  /** Which requests are a node's: those made from its sources. */
  #watchClients(): void {
    channel('undici:request:create').subscribe((message) => {
      const { request } = message as { request: { headers?: unknown } }
      if (this.#needles.size === 0 && !hasAuthorization(request.headers)) return
      this.#requests.set(request, calledFrom('node/outbound/', 'node/identity/'))
    })
    channel('undici:client:sendHeaders').subscribe((message) => {
      const { request, headers, socket } = message as {
        request: object
        headers: unknown
        socket: Socket
      }
      this.#tails.delete(socket)
      const isNode = this.#requests.get(request)
      if (isNode === undefined) return
      const port = socket.remotePort ?? 0
      this.#routes.set(socket, { isNode, port })
      if (isNode) this.#shown(String(headers), port)
    })
  }

  /** A node shows a credential; what came in nowhere before is its own. */
  #shown(headers: string, port: number): void {
    const [, credential] = /^authorization: \S+ (\S+)\r?$/im.exec(headers) ?? []
    if (credential === undefined || this.#needles.has(credential)) return
    this.#own.set(credential, this.#owned(credential).add(port))
    const [oldest] = this.#own.keys()
    if (this.#own.size > MOST_OWN && oldest !== undefined) this.#own.delete(oldest)
  }

  #watchSockets(): void {
    // The one place all writes of a socket pass, corked or not; nothing that may be subscribed to shows their bytes.
    const prototype = Socket.prototype as unknown as Record<typeof WRITE, Write>
    const original = prototype[WRITE]
    const written = (socket: Socket, data: unknown, encoding: string): void => {
      if (this.#needles.size > 0) this.#written(socket, data, encoding)
    }
    prototype[WRITE] = function (this: Socket, ...all) {
      const [, data, encoding] = all
      written(this, data, encoding)
      original.apply(this, all)
    }
  }

  #written(socket: Socket, data: unknown, encoding: string): void {
    const server = (socket as Socket & { server?: object }).server
    if (server !== undefined && server !== null) {
      if (this.#servers.has(server)) this.#searchWrite('response', socket, { data, encoding })
      return
    }
    const route = this.#routes.get(socket)
    if (isPipe(socket)) {
      // A child process, or the output of this one.
      this.#searchWrite('pipe', socket, { data, encoding })
    } else if (socket.remotePort === undefined) {
      // Comes again when it is connected.
    } else if (route?.isNode === true) {
      this.#searchWrite('outbound', socket, { data, encoding, port: route.port })
    } else if (route === undefined && !this.#ports.has(socket.remotePort)) {
      this.#searchWrite('outbound', socket, { data, encoding, port: socket.remotePort })
    }
  }

  #searchWrite(
    kind: LeakChannel,
    socket: Socket,
    { data, encoding, port }: { data: unknown; encoding: string; port?: number },
  ): void {
    const before = this.#tails.get(socket) ?? Buffer.alloc(0)
    const text = Buffer.concat([before, ...bytesOf(data, encoding)])
    this.#tails.set(socket, text.subarray(-TAIL))
    const to = port === undefined ? kind : `port ${port}`
    this.#search(kind, text, { to, from: before.length, ...(port !== undefined && { port }) })
  }

  /** What a logger of the whole program writes. */
  #watchStandardError(): void {
    const original = fs.writeSync
    const search = (text: unknown): void => {
      if (this.#needles.size === 0) return
      this.#search('log', Buffer.from(String(text)), { to: 'standard error' })
    }
    fs.writeSync = (fd: number, text: unknown, ...rest: unknown[]) => {
      if (fd === 1 || fd === 2) search(text)
      return (original as (...all: unknown[]) => number)(fd, text, ...rest)
    }
  }

  /** @param where.from what lies before was searched already */
  #search(
    kind: LeakChannel,
    text: Buffer,
    where: { readonly to: string; readonly port?: number; readonly from?: number },
  ): void {
    const { to, port, from = 0 } = where
    for (const hit of this.#needles.find(text)) {
      if (hit.end <= from || (port !== undefined && this.#isRight(text, hit, port))) continue
      const credential = this.#kinds.get(hit.of) ?? ''
      this.#leaks.push({ channel: kind, credential, form: hit.form, to })
    }
  }

  /** Whether a credential may go to a port: it came in there, or an issuer is asked about it. */
  #isRight(text: Buffer, hit: Hit, port: number): boolean {
    return this.#homes.get(hit.of)?.has(port) === true || isForIssuer(text, hit)
  }
}

/** Whether it is the value of a form parameter that an issuer is asked about; in a URL nothing is. */
function isForIssuer(text: Buffer, { at }: Hit): boolean {
  const before = text.toString('latin1', 0, at)
  const line = before.slice(before.lastIndexOf('\n') + 1)
  if (/^[A-Z]+ \S*$/.test(line)) return false
  const [name = ''] = line.slice(line.lastIndexOf('&') + 1).split('=')
  return TO_THE_ISSUER.has(name)
}

function bytesOf(data: unknown, encoding: string): Buffer[] {
  if (Array.isArray(data)) {
    return data.flatMap((one: { chunk: unknown; encoding: string } | Uint8Array) =>
      one instanceof Uint8Array ? bytesOf(one, 'buffer') : bytesOf(one.chunk, one.encoding),
    )
  }
  if (typeof data === 'string') return [Buffer.from(data, encoding as BufferEncoding)]
  return data instanceof Uint8Array
    ? [Buffer.from(data.buffer, data.byteOffset, data.byteLength)]
    : []
}

function hasAuthorization(headers: unknown): boolean {
  const text = Array.isArray(headers) ? headers.join('\n') : String(headers)
  return /^authorization\b/im.test(text)
}

function isPipe(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { _handle?: object | null }
  return handle?.constructor.name === 'Pipe'
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DEEP = 60

/** Whether one of these folders is on the stack. */
function calledFrom(...folders: readonly string[]): boolean {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = DEEP
  const { stack = '' } = new Error('where')
  Error.stackTraceLimit = limit
  return folders.some((folder) => stack.includes(`${ROOT}${folder}`))
}

const PLACE = Symbol.for('banyan.test.canary')
const shared = globalThis as { [PLACE]?: Canary }

/** The one of this process. */
export const canary: Canary = (shared[PLACE] ??= installed())

function installed(): Canary {
  const made = new Canary()
  made.install()
  return made
}
