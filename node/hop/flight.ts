import { isUtf8 } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import { asFault, Fault } from '../../protocol/errors.ts'
import type { Retry } from '../../protocol/hop-request.ts'
import { writeHopProgress } from '../../protocol/hop-response.ts'
import type { RpcId } from '../../protocol/jsonrpc.ts'
import type { Body } from '../../protocol/link/body.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import { readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { Deadlines, type Due } from '../core/deadlines.ts'
import type { Place } from '../core/ring.ts'
import type { Received, Returned } from '../core/stages.ts'
import type { Connection, FrameSink, Respond, Sent } from '../outbound/connection.ts'
import type { Leave } from '../outbound/link.ts'
import { UpstreamDenied } from '../outbound/upstream-denied.ts'
import { withOwnScope } from './resolve.ts'
import type { FlightPlan, Landing } from './flight-plan.ts'
import { ifUnreached, logFor, malformed, PASSED, tokenOf } from './flight-reading.ts'

/** Of all calls of the process. */
const deadlines = new Deadlines()

/** The caller of a flight: another request of its, when a call that was parked is taken up again. */
interface Leg {
  readonly received: Received
  /** The progress token of its request. */
  readonly token: () => RpcId | undefined
  readonly resolve: (returned: Returned) => void
  readonly reject: (fault: Fault) => void
}

/**
 * One call in the air: passes notifications on while it flies, keeps its deadlines, tells the upstream when the caller
 * has gone, and lands once. A call the upstream did not take, because the connection was gone or its session had ended,
 * is sent once more on a new connection; one it may have taken never is.
 */
export class Flight implements FrameSink, Due {
  readonly plan: FlightPlan
  readonly #leave: Leave
  readonly #landing: Landing
  #leg: Leg | undefined
  #sent: Sent | undefined
  /** Whether it went out on a connection that other calls of its context share, and where not all messages name theirs. */
  #isMixed = false
  /** Whether it went out as its caller wrote it, so that what comes back can be the caller's as it is. */
  #isUnread = false
  #retry: Retry | undefined
  #deadline: Place<Due> | undefined
  #startedAt = performance.now()
  #lastSign = this.#startedAt
  /** Since when the upstream waits for the caller. */
  #waitingSince: number | undefined
  #attempts = 0
  #landed = false
  /** What came while nobody was there to take it. */
  #outcome: UpstreamMessage | Fault | undefined

  private constructor(plan: FlightPlan, leg: Leg) {
    this.plan = plan
    this.#leg = leg
    this.#landing = plan.landing(this)
    this.#leave = plan.upstream.link.enter(plan.delegated.context, this)
  }

  /** Sends the call. Rejects with a Fault and nothing else. */
  static fly(plan: FlightPlan): Promise<Returned> {
    return new Promise((resolve, reject) => {
      const { received } = plan.delegated
      const flight = new Flight(plan, { received, token: () => tokenOf(received), resolve, reject })
      flight.#deadline = deadlines.add(flight)
      flight.#follow(received)
      flight.#attempt()
    })
  }

  get caller(): string {
    return this.plan.delegated.principal.key
  }

  /** The request of the caller that is being answered; while none is, the last one. */
  get received(): Received {
    return this.#leg?.received ?? this.plan.delegated.received
  }

  /** Whether somebody is there to take the answer. */
  get attended(): boolean {
    return this.#leg !== undefined && !this.#landed
  }

  /** Gives the caller an answer although the call goes on: it comes back with another request. */
  park(returned: Returned): void {
    const leg = this.#leg
    this.#leg = undefined
    leg?.resolve(returned)
  }

  /** Another request of the caller takes the call up again. */
  board(received: Received): Promise<Returned> {
    return new Promise((resolve, reject) => {
      this.#leg = { received, token: () => tokenOf(received), resolve, reject }
      this.#follow(received)
    })
  }

  /** Hands over what came while nobody was there; false when nothing did. */
  deliver(): boolean {
    const outcome = this.#outcome
    if (outcome === undefined) return false
    this.#landed = false
    if (outcome instanceof Fault) this.#end(outcome)
    else this.response(outcome)
    return true
  }

  /** The upstream waits for the caller now, and its deadlines wait as well. */
  waiting(): void {
    this.#waitingSince ??= performance.now()
  }

  /** It is the upstream's turn again. */
  going(): void {
    if (this.#waitingSince === undefined) return
    const now = performance.now()
    this.#startedAt += now - this.#waitingSince
    this.#lastSign = now
    this.#waitingSince = undefined
  }

  /** Sends the call once more, as its next round. */
  again(retry: Retry): void {
    if (this.#landed) return
    this.#retry = retry
    this.#attempts = 0
    this.#attempt()
  }

  notification(message: UpstreamMessage): boolean {
    if (this.#landed) return true
    this.#lastSign = performance.now()
    if (message.method === 'notifications/cancelled') {
      this.#withdrawn(message)
      return true
    }
    if (this.#leg === undefined) return true
    const { reply } = this.#leg.received
    const text = this.#readable(message, this.#leg)
    if (text === undefined) return true
    const isProgress = message.method === 'notifications/progress'
    if (reply.notify(text, isProgress ? this.received.scope.progress : undefined)) return true
    reply.onDrain(() => this.#sent?.resume())
    return false
  }

  /**
   * Only how far it is decides here whether its caller is told, by the word of the node that sends it: one that lies tells
   * its own callers wrong things, as it could in the text.
   */
  progressed(text: Buffer, progress: number): boolean | undefined {
    if (this.#landed) return true
    const received = this.#leg?.received
    if (!this.#isUnread || received === undefined) return undefined
    this.#lastSign = performance.now()
    const { request, scope, reply } = received
    if (request.envelope?.progress !== true || !(progress > scope.progress)) return true
    scope.progress = progress
    if (reply.notify(text, progress)) return true
    reply.onDrain(() => this.#sent?.resume())
    return false
  }

  completed(text: Body): boolean {
    if (!this.#isUnread || this.#leg === undefined) return false
    const returned = this.#landing.unread(text)
    if (returned === undefined) return false
    this.#end(returned)
    return true
  }

  request(message: UpstreamMessage, respond: Respond): void {
    if (this.#landed) return
    this.#lastSign = performance.now()
    this.#landing.question(message, respond)
  }

  response(message: UpstreamMessage): void {
    if (this.#leg === undefined) {
      this.#hold(message)
      return
    }
    try {
      const returned = this.#landing.answer(message)
      if (returned instanceof Promise) {
        returned.then((one) => this.#end(one)).catch((error: unknown) => this.#unanswerable(error))
      } else if (returned !== undefined) this.#end(returned)
    } catch (error) {
      this.#unanswerable(error)
    }
  }

  failed(fault: Fault, unsent: boolean): void {
    if (unsent && this.#attempts === 1 && !this.#landed) {
      this.plan.upstream.link.counts.resends += 1
      this.#attempt()
    } else {
      const told = this.#denied(fault) ?? this.#named(fault)
      this.#end(unsent ? ifUnreached(told) : told)
    }
  }

  /** Ends the call without an answer, at the upstream too. */
  giveUp(reason: Fault): void {
    if (this.#landed) return
    this.#sent?.cancel(reason.message)
    this.#end(reason)
  }

  /** Progress puts the deadline off, but never beyond the hard maximum; neither runs while the caller is asked. */
  check(now: number): void {
    if (this.#waitingSince !== undefined) {
      if (now - this.#waitingSince >= this.plan.inputTimeoutMs) {
        const text = 'the client did not answer in time what the upstream asked'
        this.abandon(new Fault('cancelled', text, { limit: 'inputTimeout' }))
      }
      return
    }
    const { timeout, maxTimeout, link } = this.plan.upstream
    if (now < Math.min(this.#lastSign + timeout, this.#startedAt + maxTimeout)) return
    const text = `upstream "${link.label}" did not answer in time`
    this.giveUp(
      new Fault('upstream_timeout', text, { data: { afterMs: Math.round(now - this.#startedAt) } }),
    )
  }

  /** Ends the call for good: nobody will ask what became of it. */
  abandon(reason: Fault): void {
    this.giveUp(reason)
    this.#outcome = undefined
    this.#settle(0)
  }

  /** There is a response, and no answer can be made of it. */
  #unanswerable(error: unknown): void {
    const known = error instanceof Fault && PASSED.has(error.code) ? error : malformed(error)
    this.#end(known.code === 'upstream_protocol' ? this.#named(known) : known)
  }

  #follow({ scope }: Received): void {
    scope.onEnd((reason) => {
      if (reason !== undefined) this.giveUp(reason)
    })
  }

  #attempt(): void {
    const { upstream, delegated } = this.plan
    this.#attempts += 1
    const open = upstream.link.current(delegated.context)
    if (open !== undefined) {
      this.#takeOff(open)
      return
    }
    upstream.link.connection(delegated.context).then(
      (connection) => this.#takeOff(connection),
      (error: unknown) => this.#end(ifUnreached(asFault(error))),
    )
  }

  #takeOff(connection: Connection): void {
    if (this.#landed) return
    const { logLevel } = this.received.caller
    const waiting = logLevel === undefined ? undefined : connection.wantLogs(logLevel)
    if (waiting === undefined) this.#send(connection)
    else void waiting.then(() => this.#send(connection))
  }

  #send(connection: Connection): void {
    if (this.#landed) return
    this.#isMixed = !connection.stateless
    try {
      const frame = this.plan.frame(this.plan.delegated, connection, this.#retry)
      this.#isUnread = frame.unread !== undefined
      this.#sent = connection.send(frame, this)
    } catch (error) {
      // Here the text of a request may be read for the first time.
      this.#end(asFault(error))
    }
  }

  /** A notification that cannot be read is lost; the call it belongs to need not be. */
  #readable(message: UpstreamMessage, leg: Leg): Buffer | undefined {
    try {
      return this.#translate(message, leg)
    } catch (error) {
      if (error instanceof Fault) return undefined
      throw error
    }
  }

  #withdrawn(message: UpstreamMessage): void {
    const id = memberOf(memberOf(message.members, 'params')?.inside ?? [], 'requestId')
    if (id !== undefined) this.#landing.withdrawn(readValue(message.raw, id))
  }

  /** The text for the caller, or undefined when it is nothing for this one. */
  #translate(message: UpstreamMessage, leg: Leg): Buffer | undefined {
    if (!isUtf8(message.raw)) return undefined
    const { method } = message
    if (method === 'notifications/progress') return this.#progress(message, leg)
    if (method === 'notifications/message') return logFor(message, leg.received)
    // Vendor notifications on the request's own stream are its caller's; those of MCP have their own ways.
    if (method?.startsWith('notifications/') !== true) return message.raw
    const known = method === 'notifications/elicitation/complete'
    return known && leg.received.caller.era === '2025' ? message.raw : undefined
  }

  #progress(message: UpstreamMessage, leg: Leg): Buffer | undefined {
    const { scope } = leg.received
    const { progress } = readParams(message)
    const token = leg.token()
    if (token === undefined || typeof progress !== 'number') return undefined
    if (progress <= scope.progress) return undefined
    scope.progress = progress
    return writeHopProgress(message, token)
  }

  #end(end: Returned | Fault): void {
    if (this.#landed) return
    const leg = this.#leg
    if (leg === undefined && end instanceof Fault) {
      this.#hold(end)
      return
    }
    this.#settle(end instanceof Fault ? this.#lingering() : (end.lingerMs ?? 0))
    if (end instanceof Fault) leg?.reject(end)
    else leg?.resolve(end)
  }

  /** An upstream that has not answered may be at it still, and say things that name no call, milliseconds. */
  #lingering(): number {
    return this.#isMixed && this.#sent !== undefined ? this.plan.upstream.timeout : 0
  }

  /** What the caller is told when the upstream refuses what was delegated; undefined when that is not what happened. */
  #denied(fault: Fault): Fault | undefined {
    const { upstream, delegated } = this.plan
    if (!(fault instanceof UpstreamDenied)) return undefined
    const told = upstream.delegator?.denied(delegated.principal, fault.scopes)
    return told && withOwnScope(told, delegated.entry)
  }

  /** Says which upstream it was, as faults of the link do. */
  #named(fault: Fault): Fault {
    const message = `upstream "${this.plan.upstream.link.label}": ${fault.message}`
    return new Fault(fault.code, message, { data: fault.data, cause: fault })
  }

  /** The upstream is done, and its caller is not there: the answer waits for it, until the time for that is over. */
  #hold(outcome: UpstreamMessage | Fault): void {
    this.#outcome = outcome
    this.#landed = true
    this.#leave(outcome instanceof Fault ? this.#lingering() : 0)
  }

  #settle(lingerMs: number): void {
    this.#landed = true
    if (this.#deadline !== undefined) deadlines.delete(this.#deadline)
    this.#deadline = undefined
    this.#leave(lingerMs)
    this.#landing.over()
  }
}
