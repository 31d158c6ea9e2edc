import {
  Agent as PlainAgent,
  request as plainRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { otlpTraces, type TraceResource } from '../core/trace/otlp-json.ts'
import type { FinishedSpan } from '../core/trace/span.ts'
import type { Sending } from '../core/trace/span-queue.ts'

export interface OtlpOptions {
  /** Where traces are taken, OTLP over HTTP. */
  readonly url: string
  /** Lower-case names; values may be secret, and go nowhere else. */
  readonly headers: Readonly<Record<string, string>>
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs: number
  readonly resource: TraceResource
}

/** Answers after which the same may be sent again (OTLP/HTTP, retryable response codes). */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Sends spans to a collector as OTLP/HTTP JSON, over one connection. What it answers is not read. */
export class OtlpExporter {
  readonly #options: OtlpOptions
  readonly #agent: PlainAgent | SecureAgent
  readonly #isSecure: boolean

  constructor(options: OtlpOptions) {
    this.#options = options
    this.#isSecure = options.url.startsWith('https:')
    const kept = { keepAlive: true, maxSockets: 1 }
    this.#agent = this.#isSecure ? new SecureAgent(kept) : new PlainAgent(kept)
  }

  /** Never rejects. */
  send(spans: readonly FinishedSpan[]): Promise<Sending> {
    const body = otlpTraces(spans, this.#options.resource)
    return new Promise((resolve) => {
      const request = this.#request()
      request.on('response', (response: IncomingMessage) => {
        response.on('error', () => undefined)
        response.resume()
        resolve(sendingOf(response.statusCode ?? 0))
      })
      request.on('error', () => resolve('later'))
      request.setTimeout(this.#options.timeoutMs, () => request.destroy(new Error('no answer')))
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  #request(): ClientRequest {
    const { url, headers } = this.#options
    const options = {
      method: 'POST',
      agent: this.#agent,
      headers: { ...headers, 'content-type': 'application/json' },
    }
    return this.#isSecure ? secureRequest(url, options) : plainRequest(url, options)
  }
}

function sendingOf(status: number): Sending {
  if (status >= 200 && status < 300) return 'sent'
  return LATER.has(status) ? 'later' : 'refused'
}
