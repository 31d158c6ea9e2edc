import { performance } from 'node:perf_hooks'
import type { Dispatcher, Pool as UndiciPool } from 'undici'
import { Fault } from '../../protocol/errors.ts'
import { SseParser, type SseEvent, type SseHandlers } from '../../protocol/sse.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Authorization, HttpMethod } from '../core/delegation.ts'
import { AuthorizedExchange } from './authorized-exchange.ts'
import { Pool } from './pool.ts'

/** What one HTTP exchange hands over; `end` comes once and last. */
export interface ExchangeSink {
  /** Status and headers are here. */
  started?(status: number, headers: ResponseHeaders): void
  /** The id of an event, before its message and also without one. False: it was there before, and is not handed over. */
  event?(id: string): boolean
  /** How long the server wants to be left alone after the end of an event stream, milliseconds. */
  retry?(milliseconds: number): void
  /** A JSON-RPC message: the body, or one event. False pauses an event stream until `resume`. */
  message(message: UpstreamMessage): boolean
  end(outcome: Outcome): void
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** How an exchange ended. */
export type Outcome =
  /** The response is complete; its messages have been handed over. */
  | { readonly kind: 'done'; readonly status: number }
  /** Refused without a JSON-RPC message. */
  | { readonly kind: 'refused'; readonly status: number }
  /** The transport failed; `unsent` when no byte of the request left. */
  | { readonly kind: 'failed'; readonly fault: Fault; readonly unsent: boolean }

/** An exchange under way. */
export interface Exchange {
  /** Drops it; `end` is not called any more. */
  abort(): void
  resume(): void
}

export interface TargetOptions {
  readonly url: string
  /** Sent with every request: names and values in turn. May hold credentials. */
  readonly headers: readonly string[]
  readonly connectTimeoutMs: number
  /** The largest body or event taken. */
  readonly bodyBytes: number
}

/** Where what comes back goes, and in whose name the request is made; undefined: in nobody's. */
export interface Delivery {
  readonly sink: ExchangeSink
  readonly authorization: Authorization | undefined
}

interface HttpRequest {
  readonly method: HttpMethod
  readonly headers: string[]
  readonly body: Buffer | null
}

/** An upstream's URL and the connections to it. Deadlines are the caller's: no timer of undici runs. */
export class HttpTarget {
  /** Without query: that may hold a key. */
  readonly name: string
  readonly #newPool: () => UndiciPool
  #pool: UndiciPool
  /** Pools in which nothing new is sent, until what is under way there has ended. */
  readonly #retired = new Set<UndiciPool>()
  readonly #open = new Set<ExchangeHandler>()
  readonly #path: string
  readonly #headers: readonly string[]
  readonly #postHeaders: readonly string[]
  readonly #getHeaders: readonly string[]
  readonly #bodyBytes: number

  constructor(options: TargetOptions) {
    const url = new URL(options.url)
    this.name = `${url.origin}${url.pathname}`
    this.#path = `${url.pathname}${url.search}`
    this.#headers = options.headers
    this.#postHeaders = [
      ...options.headers,
      'content-type',
      'application/json',
      'accept',
      'application/json, text/event-stream',
    ]
    this.#getHeaders = [...options.headers, 'accept', 'text/event-stream']
    this.#bodyBytes = options.bodyBytes
    this.#newPool = () =>
      new Pool(url.origin, {
        connections: null,
        connect: { timeout: options.connectTimeoutMs },
        headersTimeout: 0,
        bodyTimeout: 0,
      })
    this.#pool = this.#newPool()
  }

  /** Sends one message. */
  post(body: Buffer, headers: readonly string[], { sink, authorization }: Delivery): Exchange {
    const request = { method: 'POST', headers: this.#postHeaders.concat(headers), body } as const
    return this.#exchange(request, sink, authorization)
  }

  /** Opens the event stream of a 2025 session. */
  get(headers: readonly string[], { sink, authorization }: Delivery): Exchange {
    const all = this.#getHeaders.concat(headers)
    return this.#exchange({ method: 'GET', headers: all, body: null }, sink, authorization)
  }

  /** Ends a 2025 session. */
  delete(headers: readonly string[], { sink, authorization }: Delivery): Exchange {
    const all = this.#headers.concat(headers)
    return this.#exchange({ method: 'DELETE', headers: all, body: null }, sink, authorization)
  }

  /**
   * As `Connector.breakOff`. Connections that are idle go too: the other end may have forgotten them, and what is sent
   * later would wait there although the upstream is back.
   */
  breakOff(since: number): void {
    const retired = this.#pool
    this.#pool = this.#newPool()
    this.#retired.add(retired)
    void retired.close().finally(() => this.#retired.delete(retired))
    for (const exchange of this.#open) exchange.breakOff(since)
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool, ...this.#retired].map((pool) => pool.destroy()))
  }

  #exchange(
    request: HttpRequest,
    sink: ExchangeSink,
    authorization: Authorization | undefined,
  ): Exchange {
    if (authorization === undefined) return this.#dispatch(request, sink)
    const { method, headers } = request
    const plan = {
      authorization,
      method,
      dispatch: (lines: readonly string[], inner: ExchangeSink) =>
        this.#dispatch({ ...request, headers: headers.concat(lines) }, inner),
    }
    return new AuthorizedExchange(plan, sink).begin()
  }

  #dispatch({ method, headers, body }: HttpRequest, sink: ExchangeSink): Exchange {
    const handler = new ExchangeHandler(sink, this.name, this.#bodyBytes, this.#open)
    this.#open.add(handler)
    const path = this.#path
    try {
      // Nothing is sent behind a request on its connection, so nothing has to be held back until it is answered.
      this.#pool.dispatch({ method, path, headers, body, blocking: false }, handler)
    } catch (error) {
      handler.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)))
    }
    return handler
  }
}

/** Whether a response is the event stream that was asked for. */
export function isEventStream(status: number, headers: ResponseHeaders): boolean {
  return status === 200 && contentType(headers).startsWith('text/event-stream')
}

function contentType(headers: ResponseHeaders): string {
  return String(headers['content-type'] ?? '').toLowerCase()
}

function isJson(headers: ResponseHeaders): boolean {
  const usual = headers['content-type'] === 'application/json'
  return usual || contentType(headers).startsWith('application/json')
}

type Mode = 'json' | 'events' | 'discard'

/** Longest a server may keep an event stream open behind the answer before the connection is dropped. */
const LINGER_MS = 1_000

class ExchangeHandler implements Exchange, SseHandlers, Dispatcher.DispatchHandler {
  readonly #sink: ExchangeSink
  readonly #target: string
  readonly #maxBytes: number
  /** Those under way, this one among them until it is over. */
  readonly #open: Set<ExchangeHandler>
  /** When the last sign of the upstream came, or the request went out, by `performance.now()`. */
  #heardAt = 0
  #controller: Dispatcher.DispatchController | undefined
  #mode: Mode = 'discard'
  #status = 0
  #parser: SseParser | undefined
  #chunks: Buffer[] = []
  #bytes = 0
  #messages = 0
  #eventId: string | undefined
  #linger: NodeJS.Timeout | undefined
  #over = false

  constructor(sink: ExchangeSink, target: string, maxBytes: number, open: Set<ExchangeHandler>) {
    this.#sink = sink
    this.#target = target
    this.#maxBytes = maxBytes
    this.#open = open
  }

  /** Ends it where nothing has come since then. One that has not gone out has the time that connecting has. */
  breakOff(since: number): void {
    if (this.#controller === undefined || this.#heardAt >= since) return
    this.#fail(new Fault('upstream_unavailable', 'the upstream has gone silent'))
  }

  abort(): void {
    if (this.#finish()) this.#drop()
  }

  resume(): void {
    if (this.#controller?.paused === true) this.#controller.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#heardAt = performance.now()
    if (this.#over) this.#drop()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (this.#over) return
    this.#heardAt = performance.now()
    this.#status = status
    if (isJson(headers)) this.#mode = 'json'
    else if (isEventStream(status, headers)) {
      this.#mode = 'events'
      this.#parser = new SseParser(this, this.#maxBytes)
    }
    this.#sink.started?.(status, headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#heardAt = performance.now()
    if (this.#mode === 'events') {
      this.#guard(() => this.#parser?.push(chunk))
      return
    }
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#tooLarge()
    else if (this.#mode === 'json') this.#chunks.push(chunk)
  }

  /** One event of the response. */
  event({ data, type, id }: SseEvent): void {
    if (this.#over || !this.#isNew(id) || type !== 'message' || data.length === 0) return
    const message = readUpstreamMessage(data)
    if (!this.#hand(message)) this.#controller?.pause()
    if (message.method === undefined && !this.#over) this.#expectEnd()
  }

  /** The server's `retry`. */
  retry(milliseconds: number): void {
    if (!this.#over) this.#sink.retry?.(milliseconds)
  }

  onResponseEnd(): void {
    if (this.#over) return
    const body = this.#mode === 'json' && this.#bytes > 0
    if (body && !this.#guard(() => this.#json())) return
    if (!this.#finish()) return
    const status = this.#status
    const refused = status >= 300 && this.#messages === 0
    this.#sink.end(refused ? { kind: 'refused', status } : { kind: 'done', status })
  }

  onResponseError(_controller: unknown, error: Error): void {
    // A request that was never started has reached nobody. Such news may come before `post` has returned.
    if (this.#controller === undefined) queueMicrotask(() => this.#broken(error, true))
    else this.#broken(error, false)
  }

  #broken(error: Error, unsent: boolean): void {
    if (!this.#finish()) return
    const what = unsent ? 'cannot be reached' : 'broke the connection off'
    const fault = new Fault('upstream_unavailable', `the upstream ${what}`, {
      cause: new Error(`${this.#target}: ${reasonOf(error)}`),
    })
    this.#sink.end({ kind: 'failed', fault, unsent })
  }

  #json(): void {
    const [first] = this.#chunks
    const whole = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks)
    this.#chunks = []
    // A refusal may carry JSON that is no JSON-RPC; its status says enough.
    if (this.#status >= 300 && !looksLikeRpc(whole)) return
    this.#hand(readUpstreamMessage(whole))
  }

  /** An event without an id of its own comes with the one before. */
  #isNew(id: string | undefined): boolean {
    if (id === undefined || id === this.#eventId) return true
    this.#eventId = id
    return this.#sink.event?.(id) !== false
  }

  #hand(message: UpstreamMessage): boolean {
    this.#messages += 1
    return this.#sink.message(message)
  }

  /** Runs a step that reads the upstream's bytes; what it throws ends the exchange. */
  #guard(step: () => void): boolean {
    try {
      step()
      return true
    } catch (error) {
      if (error instanceof RangeError) this.#tooLarge()
      else
        this.#fail(
          error instanceof Fault
            ? error
            : new Fault('internal', 'internal error', { cause: error }),
        )
      return false
    }
  }

  #tooLarge(): void {
    this.#fail(
      new Fault('upstream_protocol', `the upstream sent more than ${this.#maxBytes} bytes`),
    )
  }

  /** A stream whose answer has come may close by itself, so that the connection can be used again; not for ever. */
  #expectEnd(): void {
    this.#linger ??= setTimeout(() => {
      if (!this.#finish()) return
      this.#drop()
      this.#sink.end({ kind: 'done', status: this.#status })
    }, LINGER_MS).unref()
  }

  #fail(fault: Fault): void {
    if (!this.#finish()) return
    this.#drop()
    this.#sink.end({ kind: 'failed', fault, unsent: false })
  }

  /** False when it was over before. */
  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#open.delete(this)
    clearTimeout(this.#linger)
    return true
  }

  #drop(): void {
    // Before the request starts there is no controller; `onRequestStart` drops it then.
    this.#controller?.abort(new Error('not needed any more'))
  }
}

function looksLikeRpc(bytes: Buffer): boolean {
  return bytes.includes('"jsonrpc"')
}

/** Where several addresses were tried, the error of them all has no words of its own. */
function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message
  return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}
