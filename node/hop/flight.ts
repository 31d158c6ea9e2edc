import { isUtf8 } from 'node:buffer'
import { asFault, Fault } from '../../protocol/errors.ts'
import {
  writeHopProgress,
  writeHopResponse,
  type ResponseFrame,
} from '../../protocol/hop-response.ts'
import type { RpcId } from '../../protocol/jsonrpc.ts'
import { isSevereEnough } from '../../protocol/log-level.ts'
import { META } from '../../protocol/meta.ts'
import { readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { Deadlines, type Due } from '../core/deadlines.ts'
import type { Place } from '../core/ring.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import type { Connection, FrameSink, OutFrame, Sent } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'

/** Of all calls of the process. */
const deadlines = new Deadlines()

/** What a flight needs. */
export interface FlightPlan {
  readonly delegated: Delegated
  readonly upstream: Upstream
  /** JSON text of our own serverInfo. */
  readonly serverInfo: string
  /** Writes the call for a connection, each time under a new id. */
  readonly frame: (delegated: Delegated, connection: Connection) => OutFrame
}

/**
 * One call in the air: passes notifications on while it flies, keeps its deadlines, tells the upstream when the caller
 * has gone, and lands once. A call the upstream did not take, because the connection was gone or its session had ended,
 * is sent once more on a new connection; one it may have taken never is.
 */
export class Flight implements FrameSink, Due {
  readonly #plan: FlightPlan
  readonly #leave: () => void
  readonly #resolve: (returned: Returned) => void
  readonly #reject: (fault: Fault) => void
  readonly #startedAt = performance.now()
  readonly #token: RpcId | undefined
  readonly #logLevel: unknown
  #sent: Sent | undefined
  #deadline: Place<Due> | undefined
  #lastSign = this.#startedAt
  #lastProgress = Number.NEGATIVE_INFINITY
  #attempts = 0
  #landed = false

  private constructor(
    plan: FlightPlan,
    resolve: (returned: Returned) => void,
    reject: (fault: Fault) => void,
  ) {
    this.#plan = plan
    this.#resolve = resolve
    this.#reject = reject
    this.#leave = plan.upstream.link.enter(plan.delegated.context)
    const { request } = plan.delegated.received
    const token = request.meta(META.progressToken)
    this.#token = typeof token === 'string' || typeof token === 'number' ? token : undefined
    this.#logLevel = request.meta(META.logLevel)
  }

  /** Sends the call. Rejects with a Fault and nothing else. */
  static fly(plan: FlightPlan): Promise<Returned> {
    return new Promise((resolve, reject) => {
      const flight = new Flight(plan, resolve, reject)
      flight.#deadline = deadlines.add(flight)
      plan.delegated.received.scope.onEnd((reason) => {
        if (reason !== undefined) flight.#giveUp(reason)
      })
      flight.#attempt()
    })
  }

  notification(message: UpstreamMessage): boolean {
    if (this.#landed) return true
    this.#lastSign = performance.now()
    const { reply } = this.#plan.delegated.received
    const text = this.#translate(message)
    if (text === undefined || reply.notify(text)) return true
    reply.onDrain(() => this.#sent?.resume())
    return false
  }

  response(message: UpstreamMessage): void {
    const { delegated, serverInfo } = this.#plan
    const { caller, request } = delegated.received
    const frame: ResponseFrame = { callerId: request.id, callerEra: caller.era, serverInfo }
    try {
      const { text, errorCode } = writeHopResponse(message, frame)
      this.#end({ text, errorCode })
    } catch (error) {
      const fault =
        error instanceof Fault && error.code === 'upstream_protocol'
          ? error
          : new Fault('upstream_protocol', 'the upstream sent a malformed response', {
              cause: error,
            })
      this.#end(fault)
    }
  }

  failed(fault: Fault, unsent: boolean): void {
    if (unsent && this.#attempts === 1 && !this.#landed) this.#attempt()
    else this.#end(fault)
  }

  #attempt(): void {
    const { upstream, delegated } = this.#plan
    this.#attempts += 1
    const open = upstream.link.current(delegated.context)
    if (open !== undefined) {
      this.#takeOff(open)
      return
    }
    upstream.link.connection(delegated.context).then(
      (connection) => this.#takeOff(connection),
      (error: unknown) => this.#end(asFault(error)),
    )
  }

  #takeOff(connection: Connection): void {
    if (this.#landed) return
    const frame = this.#plan.frame(this.#plan.delegated, connection)
    this.#sent = connection.send(frame, this)
  }

  /** The text for the caller, or undefined when it is nothing for this one. */
  #translate(message: UpstreamMessage): Buffer | undefined {
    if (!isUtf8(message.raw)) return undefined
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
    if (this.#plan.delegated.received.caller.era === '2025') return message.raw
    return isSevereEnough(readParams(message)['level'], this.#logLevel) ? message.raw : undefined
  }

  /** Progress puts the deadline off, but never beyond the hard maximum. */
  check(now: number): void {
    const { timeout, maxTimeout, link } = this.#plan.upstream
    if (now < Math.min(this.#lastSign + timeout, this.#startedAt + maxTimeout)) return
    const text = `upstream "${link.label}" did not answer in time`
    this.#giveUp(
      new Fault('upstream_timeout', text, { data: { afterMs: Math.round(now - this.#startedAt) } }),
    )
  }

  #giveUp(reason: Fault): void {
    if (this.#landed) return
    this.#sent?.cancel(reason.message)
    this.#end(reason)
  }

  #end(end: Returned | Fault): void {
    if (this.#landed) return
    this.#landed = true
    if (this.#deadline !== undefined) deadlines.delete(this.#deadline)
    this.#leave()
    if (end instanceof Fault) this.#reject(end)
    else this.#resolve(end)
  }
}
