import { Fault } from '../../protocol/errors.ts'
import { HEADER } from '../../protocol/headers.ts'
import { readProbe, type ProbeAnswer } from '../../protocol/probe.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { readResult } from '../../protocol/upstream-message.ts'
import type { Authorization } from '../core/delegation.ts'
import { SILENT, type Logger } from '../core/logger.ts'
import { ownFrame } from './ask.ts'
import type { Connection, ConnectionEvents, Connector, Self, ServerFacts } from './connection.ts'
import { HttpLegacy } from './http-legacy.ts'
import { httpChannel } from './http-modern.ts'
import { HttpTarget, type ExchangeSink } from './http-target.ts'
import { discoveredFacts, ModernConnection, type ModernChannel } from './modern-connection.ts'
import { ModernMeta } from './modern-meta.ts'

export interface HttpConnectorOptions {
  readonly url: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** The node's own; default: nobody's. */
  readonly authorization?: Authorization | undefined
  readonly era: 'auto' | '2025' | '2026'
  readonly self: Self
  readonly connectTimeoutMs: number
  /** For the probe and for `initialize`. */
  readonly answerTimeoutMs: number
  readonly bodyBytes: number
  /** Default: none. */
  readonly log?: Logger
  /** What requests of 2026 go out on instead of HTTP; default: nothing else. */
  readonly channel?: (http: ModernChannel, facts: ChannelFacts) => ModernChannel
}

/** What a channel is made for. */
export interface ChannelFacts {
  readonly server: ServerFacts
  readonly authorization: Authorization | undefined
  readonly lost: (fault: Fault) => void
}

/** Connects to an MCP server over Streamable HTTP, in the era it speaks. */
export class HttpConnector implements Connector {
  readonly target: string
  readonly backoff = { min: 100, max: 1_500 }
  readonly #options: HttpConnectorOptions
  readonly #http: HttpTarget
  readonly #meta: ModernMeta

  constructor(options: HttpConnectorOptions) {
    this.#options = options
    this.#meta = new ModernMeta(options.self)
    this.#http = new HttpTarget(options)
    this.target = this.#http.name
  }

  async connect(
    events: ConnectionEvents,
    offered: string,
    authorization: Authorization | undefined = this.#options.authorization,
  ): Promise<Connection> {
    const { era, self, answerTimeoutMs: timeoutMs, log = SILENT } = this.#options
    const legacy = { self, offered, authorization, events, timeoutMs }
    if (era === '2025') return HttpLegacy.open(this.#http, legacy)
    const verdict = readProbe(await this.#probe(authorization))
    if (verdict.era === undefined) {
      throw new Fault('upstream_unavailable', `the upstream cannot be used: ${verdict.reason}`)
    }
    if (verdict.era === '2025') {
      if (era === 'auto') return HttpLegacy.open(this.#http, legacy)
      throw new Fault('upstream_unavailable', `the upstream does not speak MCP ${MODERN_REVISION}`)
    }
    const server = discoveredFacts(verdict.discovered)
    const connection = new ModernConnection({
      server,
      authorization,
      meta: this.#meta,
      events,
      channel: (lost) => {
        const http = httpChannel(this.#http, { lost, log })
        return this.#options.channel?.(http, { server, authorization, lost }) ?? http
      },
    })
    await connection.watch()
    return connection
  }

  breakOff(since: number): void {
    this.#http.breakOff(since)
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  /** `server/discover`; a body that is no JSON-RPC is as telling as one that is. */
  #probe(authorization: Authorization | undefined): Promise<ProbeAnswer> {
    const frame = ownFrame('server/discover', undefined, this.#meta.of(''))
    const headers = [HEADER.protocolVersion, MODERN_REVISION, HEADER.method, frame.method]
    return new Promise((resolve, reject) => {
      let answer: ProbeAnswer['answer']
      let status = 0
      const timer = setTimeout(() => {
        exchange.abort()
        reject(new Fault('upstream_timeout', 'the upstream did not answer the probe in time'))
      }, this.#options.answerTimeoutMs)
      const decide = (): void => {
        clearTimeout(timer)
        resolve({ status, answer })
      }
      const sink: ExchangeSink = {
        started: (code) => {
          status = code
        },
        message: (message) => {
          if (message.method !== undefined) return true
          answer = readResult(message)
          // An event stream may stay open behind it.
          decide()
          return true
        },
        end: (outcome) => {
          // What it said may be no MCP at all, which is telling too; that it could not be asked is not.
          if (outcome.kind !== 'failed' || outcome.fault.code === 'upstream_protocol') decide()
          else {
            clearTimeout(timer)
            reject(outcome.fault)
          }
        },
      }
      const exchange = this.#http.post(frame.body, headers, { sink, authorization })
    })
  }
}
