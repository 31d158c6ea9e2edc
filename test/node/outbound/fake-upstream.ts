// An upstream without a transport: every request waits until the test answers it.
import type { FrameSink, OutFrame, Sent } from '../../../node/outbound/connection.ts'
import type { Fault } from '../../../protocol/errors.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import { META, objectAt, type JsonObject } from '../../fixtures/wire.ts'

function message(members: JsonObject): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...members })))
}

/** One request it was sent. */
export class FakeRequest {
  readonly method: string
  readonly params: JsonObject
  cancelled = false
  readonly #id: number
  readonly #sink: FrameSink
  #over = false

  constructor(frame: OutFrame, sink: FrameSink) {
    this.method = frame.method
    this.params = objectAt(JSON.parse(frame.body.toString('utf8')), 'params')
    this.#id = frame.id
    this.#sink = sink
  }

  /** Under way: neither answered nor given up. */
  get isOpen(): boolean {
    return !this.#over && !this.cancelled
  }

  /** Of a listen: the URIs it asks for. */
  get uris(): string[] {
    const { resourceSubscriptions = [] } = objectAt(this.params, 'notifications')
    return (resourceSubscriptions as string[]).toSorted()
  }

  notify(method: string, params: JsonObject = {}): void {
    const meta = { [META.subscriptionId]: this.#id }
    if (!this.isOpen) return
    this.#sink.notification(message({ method, params: { ...params, _meta: meta } }))
  }

  /** Of a listen: grants all that is asked for, or these members. */
  acknowledge(granted: JsonObject = objectAt(this.params, 'notifications')): void {
    this.notify('notifications/subscriptions/acknowledged', { notifications: granted })
  }

  answer(outcome: JsonObject = { result: {} }): void {
    if (!this.#close()) return
    this.#sink.response(message({ id: this.#id, ...outcome }))
  }

  fail(fault: Fault, unsent: boolean = false): void {
    if (this.#close()) this.#sink.failed(fault, unsent)
  }

  #close(): boolean {
    const wasOpen = this.isOpen
    this.#over = true
    return wasOpen
  }
}

/** Keeps every request for the test to decide. */
export class FakeUpstream {
  readonly requests: FakeRequest[] = []

  readonly send = (frame: OutFrame, sink: FrameSink): Sent => {
    const request = new FakeRequest(frame, sink)
    this.requests.push(request)
    return {
      cancel: () => {
        request.cancelled = true
      },
      resume: () => undefined,
    }
  }

  /** Those under way. */
  get open(): FakeRequest[] {
    return this.requests.filter(({ isOpen }) => isOpen)
  }

  /** The last request. @throws Error when there is none, or it is over */
  get last(): FakeRequest {
    const request = this.requests.at(-1)
    if (request?.isOpen !== true) throw new Error('no request waits')
    return request
  }
}
