import type { Dispatcher } from 'undici'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { readStrictJson } from '../../protocol/token/strict-json.ts'
import { FetchFault, type FetchProblem } from './fetch-fault.ts'

type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** A response that was read whole. */
export interface GuardedAnswer {
  readonly status: number
  /** The value of a header, by its name in lower case; undefined also where it came more than once. */
  readonly header: (name: string) => string | undefined
  /** The body; undefined where it has another content type. */
  readonly json: JsonObject | undefined
}

export interface ResponseLimits {
  readonly maxBytes: number
  /** Levels of JSON. */
  readonly depth: number
  /** Content types that are read, in lower case. */
  readonly types: readonly string[]
}

/** Reads one response, and drops the connection as soon as it is not what it must be. */
export class GuardedResponse implements Dispatcher.DispatchHandler {
  readonly answer: Promise<GuardedAnswer>
  readonly #host: string
  readonly #limits: ResponseLimits
  readonly #settle: PromiseWithResolvers<GuardedAnswer> = Promise.withResolvers()
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: ResponseHeaders = {}
  #isJson = false
  #chunks: Buffer[] = []
  #bytes = 0
  #over = false

  constructor(host: string, limits: ResponseLimits) {
    this.#host = host
    this.#limits = limits
    this.answer = this.#settle.promise
  }

  /** Gives up. */
  fail(problem: FetchProblem, reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#chunks = []
    this.#controller?.abort(new Error('not wanted'))
    this.#settle.reject(new FetchFault(problem, this.#host, reason))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It had failed while it waited for its connection.
    if (this.#over) controller.abort(new Error('not wanted'))
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (this.#over || status < 200) return
    this.#status = status
    this.#headers = headers
    if (status >= 300 && status < 400) {
      return this.fail('redirect', 'answers with a redirect, which is not followed')
    }
    if ((this.#header('content-encoding') ?? 'identity') !== 'identity') {
      return this.fail('encoding', 'sends an encoding that was not asked for')
    }
    if (Number(this.#header('content-length') ?? 0) > this.#limits.maxBytes) return this.#tooLarge()
    const type = this.#header('content-type')?.split(';')[0]?.trim().toLowerCase()
    this.#isJson = type !== undefined && this.#limits.types.includes(type)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#limits.maxBytes) this.#tooLarge()
    else if (this.#isJson) this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#over) return
    const json = this.#isJson ? this.#read() : undefined
    if (this.#isJson && json === undefined) {
      return this.fail('json', 'sends something else than a JSON object')
    }
    this.#over = true
    this.#settle.resolve({ status: this.#status, header: (name) => this.#header(name), json })
  }

  onResponseError(_: unknown, error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
    if (code === 'ADDRESS_REFUSED') this.fail('address', 'has no address that may be connected to')
    // The code alone: what else errors say may quote a certificate or a response.
    else this.fail('network', `cannot be reached (${code})`)
  }

  #tooLarge(): void {
    this.fail('too_large', `sends more than ${this.#limits.maxBytes} bytes`)
  }

  #header(name: string): string | undefined {
    const value = this.#headers[name]
    return typeof value === 'string' ? value : undefined
  }

  #read(): JsonObject | undefined {
    try {
      const value = readStrictJson(Buffer.concat(this.#chunks), this.#limits.depth)
      return isObject(value) ? value : undefined
    } catch {
      return undefined
    }
  }
}
