import { createRequire } from 'node:module'
import type { Agent as UndiciAgent } from 'undici'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { readRetryAfter } from '../../protocol/token/retry-after.ts'
import { addressOf } from './addresses.ts'
import { FetchFault } from './fetch-fault.ts'
import {
  guardedLookup,
  isLocalhost,
  mayConnect,
  systemResolve,
  type Resolve,
} from './guarded-lookup.ts'
import { GuardedResponse, type GuardedAnswer, type ResponseLimits } from './guarded-response.ts'

export type { GuardedAnswer } from './guarded-response.ts'

/** The agent of undici alone: its front door loads ten megabytes that no node uses. */
const Agent = createRequire(import.meta.url)('undici/lib/dispatcher/agent.js') as typeof UndiciAgent

export interface GuardedFetchOptions {
  /** Whether addresses that are not public may be connected to, and loopback without TLS. */
  readonly allowPrivate: boolean
  /** Certificates to trust besides those of the system, PEM. */
  readonly ca?: readonly string[]
  /** Default: the system's. */
  readonly resolve?: Resolve
  /** Longest body where a request does not say; default 256 KiB. */
  readonly maxBytes?: number
  /** Time for a request that does not say, to its last byte, ms; default 5 s. */
  readonly timeoutMs?: number
}

/** One request; what is left out is as for all. */
export interface GuardedRequest {
  /** Names and values in turn. May hold credentials: they go to this host only, because no redirect is followed. */
  readonly headers?: readonly string[]
  readonly maxBytes?: number
  readonly timeoutMs?: number
  /** Content types that are read; default `application/json`. */
  readonly types?: readonly string[]
  readonly signal?: AbortSignal
}

/** An answer with status 200 and a JSON object. */
export interface GuardedDocument extends GuardedAnswer {
  readonly json: JsonObject
}

const MAX_BYTES = 256 * 1_024
const TIMEOUT_MS = 5_000
/** Nesting of keys, metadata and token answers: flat, with room for what others invent. */
const JSON_DEPTH = 16
const JSON_TYPES: readonly string[] = ['application/json']
/** Connections to one host at a time. */
const CONNECTIONS = 16
/** Hosts with open connections at a time. */
const MAX_ORIGINS = 1_024

interface Call {
  readonly method: 'GET' | 'POST'
  readonly headers: readonly string[]
  readonly body: string | null
}

/**
 * The only way from identity to the network. It connects to public addresses with TLS, follows no redirect, sends no
 * cookie, takes no compressed body, and reads JSON objects within a size, a time and a depth. All it throws is a
 * {@link FetchFault}.
 */
export class GuardedFetch {
  readonly #allowPrivate: boolean
  readonly #agent: UndiciAgent
  readonly #maxBytes: number
  readonly #timeoutMs: number

  constructor({ allowPrivate, ca, resolve = systemResolve, ...limits }: GuardedFetchOptions) {
    this.#allowPrivate = allowPrivate
    this.#maxBytes = limits.maxBytes ?? MAX_BYTES
    this.#timeoutMs = limits.timeoutMs ?? TIMEOUT_MS
    this.#agent = new Agent({
      connections: CONNECTIONS,
      maxOrigins: MAX_ORIGINS,
      allowH2: false,
      connect: {
        lookup: guardedLookup(resolve, allowPrivate),
        timeout: this.#timeoutMs,
        ...(ca && { ca: [...ca] }),
      },
      // Each request has one time limit of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** Fetches a JSON object; anything but 200 is an error. */
  async getJson(url: string, request: GuardedRequest = {}): Promise<GuardedDocument> {
    const answer = await this.#send(url, request, { method: 'GET', headers: [], body: null })
    const { status, header, json } = answer
    const { host } = new URL(url)
    refuseBusy(host, answer)
    if (status !== 200) throw new FetchFault('status', host, `answers with status ${status}`)
    if (json === undefined) {
      throw new FetchFault('content_type', host, 'answers with another content type than JSON')
    }
    return { status, header, json }
  }

  /** Posts a form, as to a token endpoint; any status is an answer but a redirect, and one that says when to come again. */
  async postForm(
    url: string,
    form: readonly [name: string, value: string][],
    request: GuardedRequest = {},
  ): Promise<GuardedAnswer> {
    const answer = await this.#send(url, request, {
      method: 'POST',
      headers: ['content-type', 'application/x-www-form-urlencoded'],
      body: new URLSearchParams(form).toString(),
    })
    return refuseBusy(new URL(url).host, answer)
  }

  /** Posts a JSON object, as to a registration endpoint; answers are as for forms. */
  async postJson(
    url: string,
    json: JsonObject,
    request: GuardedRequest = {},
  ): Promise<GuardedAnswer> {
    const answer = await this.#send(url, request, {
      method: 'POST',
      headers: ['content-type', 'application/json'],
      body: JSON.stringify(json),
    })
    return refuseBusy(new URL(url).host, answer)
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #send(text: string, request: GuardedRequest, call: Call): Promise<GuardedAnswer> {
    const url = this.#checked(text)
    const types = request.types ?? JSON_TYPES
    const limits: ResponseLimits = {
      maxBytes: request.maxBytes ?? this.#maxBytes,
      depth: JSON_DEPTH,
      types,
    }
    const response = new GuardedResponse(url.host, limits)
    const give = (): void => response.fail('timeout', 'takes too long to answer')
    const timer = setTimeout(give, request.timeoutMs ?? this.#timeoutMs)
    const stop = (): void => response.fail('aborted', 'is not waited for any more')
    request.signal?.addEventListener('abort', stop, { once: true })
    if (request.signal?.aborted === true) stop()
    else
      this.#dispatch(url, response, {
        ...call,
        headers: [
          'accept',
          types.join(', '),
          'accept-encoding',
          'identity',
          ...call.headers,
          ...(request.headers ?? []),
        ],
      })
    try {
      return await response.answer
    } finally {
      clearTimeout(timer)
      request.signal?.removeEventListener('abort', stop)
    }
  }

  #dispatch(url: URL, response: GuardedResponse, { method, headers, body }: Call): void {
    try {
      const path = `${url.pathname}${url.search}`
      this.#agent.dispatch(
        { origin: url.origin, path, method, headers: [...headers], body },
        response,
      )
    } catch (error) {
      response.onResponseError(undefined, error instanceof Error ? error : new Error('unknown'))
    }
  }

  /** Numbers in any spelling are addresses by now: the URL parser has read them (WHATWG URL §3.5). */
  #checked(text: string): URL {
    if (!URL.canParse(text)) throw new FetchFault('url', 'unknown host', 'the URL is none')
    const url = new URL(text)
    const { host, hostname, protocol } = url
    if (url.username !== '' || url.password !== '') {
      throw new FetchFault('url', host, 'the URL has credentials in it')
    }
    const bare = addressOf(hostname) ?? hostname
    const isLocal = this.#allowPrivate && isLocalhost(bare)
    if (protocol !== 'https:' && !(protocol === 'http:' && isLocal)) {
      throw new FetchFault('url', host, 'the URL is not https')
    }
    // No name is looked up for an address, so the guard would not be asked.
    if (addressOf(bare) !== undefined && !mayConnect(bare, bare, this.#allowPrivate)) {
      throw new FetchFault('address', host, 'the address is not public')
    }
    return url
  }
}

/** A server that has no time and says when it will (RFC 9110 §10.2.3, RFC 6585 §4) has decided nothing. */
function refuseBusy(host: string, answer: GuardedAnswer): GuardedAnswer {
  const { status, header } = answer
  if (status !== 503 && status !== 429) return answer
  const wait = readRetryAfter(header('retry-after'), header('date'))
  if (wait === undefined) return answer
  throw new FetchFault('status', host, `has no time (status ${status})`, wait)
}
