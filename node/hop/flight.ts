import { Fault } from '../../protocol/errors.ts'
import {
  writeHopProgress,
  writeHopResponse,
  type ResponseFrame,
} from '../../protocol/hop-response.ts'
import { isObject, type RpcId } from '../../protocol/jsonrpc.ts'
import { isSevereEnough } from '../../protocol/log-level.ts'
import { META } from '../../protocol/meta.ts'
import { readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import type { Connection, FrameSink, OutFrame, Sent } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'

/** How a request came back without an answer. */
export interface Failure {
  readonly fault: Fault
  /** The upstream did not take it: it may be sent again. */
  readonly unsent: boolean
}

/**
 * One request in the air: passes notifications on while it flies, keeps its deadlines, tells the upstream when the
 * caller has gone, and lands once.
 */
export class Flight implements FrameSink {
  readonly #delegated: Delegated
  readonly #upstream: Upstream
  readonly #serverInfo: string
  readonly #land: (end: Returned | Failure) => void
  readonly #startedAt = Date.now()
  readonly #token: RpcId | undefined
  readonly #logLevel: unknown
  #sent: Sent | undefined
  #timer: NodeJS.Timeout | undefined
  #lastSign = this.#startedAt
  #lastProgress = Number.NEGATIVE_INFINITY
  #landed = false

  private constructor(
    { delegated, upstream, serverInfo }: FlightPlan,
    land: (end: Returned | Failure) => void,
  ) {
    this.#delegated = delegated
    this.#upstream = upstream
    this.#serverInfo = serverInfo
    this.#land = land
    const meta = delegated.received.request.params['_meta']
    const token = isObject(meta) ? meta[META.progressToken] : undefined
    this.#token = typeof token === 'string' || typeof token === 'number' ? token : undefined
    this.#logLevel = isObject(meta) ? meta[META.logLevel] : undefined
  }

  /** Sends the frame and resolves when it has landed. Never rejects. */
  static fly(
    connection: Connection,
    frame: OutFrame,
    plan: FlightPlan,
  ): Promise<Returned | Failure> {
    return new Promise((resolve) => {
      new Flight(plan, resolve).#takeOff(connection, frame)
    })
  }

  notification(message: UpstreamMessage): boolean {
    if (this.#landed) return true
    this.#lastSign = Date.now()
    const { reply } = this.#delegated.received
    const text = this.#translate(message)
    if (text === undefined || reply.notify(text)) return true
    reply.onDrain(() => this.#sent?.resume())
    return false
  }

  response(message: UpstreamMessage): void {
    const { caller, request } = this.#delegated.received
    const frame: ResponseFrame = {
      callerId: request.id,
      callerEra: caller.era,
      serverInfo: this.#serverInfo,
    }
    try {
      const { text, errorCode } = writeHopResponse(message, frame)
      this.#end({ text: [text], errorCode })
    } catch (error) {
      const fault =
        error instanceof Fault && error.code === 'upstream_protocol'
          ? error
          : new Fault('upstream_protocol', 'the upstream sent a malformed response', {
              cause: error,
            })
      this.#end({ fault, unsent: false })
    }
  }

  failed(fault: Fault, unsent: boolean): void {
    this.#end({ fault, unsent })
  }

  #takeOff(connection: Connection, frame: OutFrame): void {
    this.#arm(this.#upstream.timeout)
    this.#sent = connection.send(frame, this)
    this.#delegated.received.scope.onEnd((reason) => {
      if (reason !== undefined) this.#giveUp(reason)
    })
  }

  /** The text for the caller, or undefined when it is nothing for this one. */
  #translate(message: UpstreamMessage): Buffer | undefined {
    if (message.method === 'notifications/progress') return this.#progress(message)
    if (message.method === 'notifications/message') return this.#log(message)
    // Vendor notifications on the request's own stream are its caller's; those of MCP have their own ways.
    return message.method?.startsWith('notifications/') === true ? undefined : message.raw
  }

  #progress(message: UpstreamMessage): Buffer | undefined {
    const { progress } = readParams(message)
    if (this.#token === undefined || typeof progress !== 'number') return undefined
    if (progress <= this.#lastProgress) return undefined
    this.#lastProgress = progress
    return writeHopProgress(message, this.#token)
  }

  #log(message: UpstreamMessage): Buffer | undefined {
    if (this.#delegated.received.caller.era === '2025') return message.raw
    return isSevereEnough(readParams(message)['level'], this.#logLevel) ? message.raw : undefined
  }

  /** Progress puts the deadline off, but never beyond the hard maximum. */
  #arm(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      const { timeout, maxTimeout } = this.#upstream
      const now = Date.now()
      const due = Math.min(this.#lastSign + timeout, this.#startedAt + maxTimeout)
      if (due > now) this.#arm(due - now)
      else {
        const text = `upstream "${this.#upstream.link.label}" did not answer in time`
        this.#giveUp(
          new Fault('upstream_timeout', text, { data: { afterMs: now - this.#startedAt } }),
        )
      }
    }, milliseconds)
  }

  #giveUp(reason: Fault): void {
    if (this.#landed) return
    this.#sent?.cancel(reason.message)
    this.#end({ fault: reason, unsent: false })
  }

  #end(end: Returned | Failure): void {
    if (this.#landed) return
    this.#landed = true
    clearTimeout(this.#timer)
    this.#land(end)
  }
}

export interface FlightPlan {
  readonly delegated: Delegated
  readonly upstream: Upstream
  /** JSON text of our own serverInfo. */
  readonly serverInfo: string
}
