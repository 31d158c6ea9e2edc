import { RPC, type Fault } from '../../protocol/errors.ts'
import { isObject } from '../../protocol/jsonrpc.ts'
import { readError, readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { ownFrame, type Send } from './ask.ts'
import type { ConnectionEvents, Sent, ServerFacts } from './connection.ts'

/** Delay before a dropped listen is opened again, milliseconds, doubling from min to max. */
const RELISTEN = { min: 100, max: 2_000 }

/** How long an upstream may take to acknowledge a listen before its lists are polled instead. */
const ACK_MS = 2_000

/** Whether the upstream says that it reports changes of its tools. */
export function reportsChanges({ capabilities }: ServerFacts): boolean {
  const tools = capabilities['tools']
  return isObject(tools) && tools['listChanged'] === true
}

/** Whether an upstream refused for want of room: it may have some later. */
function isBusy({ data }: Fault): boolean {
  return isObject(data) && (data['status'] === 429 || data['status'] === 503)
}

/** A listen for changes of the tools of a 2026 upstream, opened again whenever it drops, whatever the transport. */
export class Listen {
  readonly #send: Send
  readonly #meta: string
  readonly #events: ConnectionEvents
  #sent: Sent | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = RELISTEN.min
  #active = false
  #since = 0
  #settled: (() => void) | undefined
  #stopped = false
  /** What happened while nobody listened is unknown, so it counts as a change, once no other attempt follows. */
  readonly #changed = (): void => {
    if (!this.#stopped && this.#timer === undefined) this.#events.listChanged()
  }

  constructor(send: Send, meta: string, events: ConnectionEvents) {
    this.#send = send
    this.#meta = meta
    this.#events = events
  }

  /** Whether changes are being reported. */
  get active(): boolean {
    return this.#active
  }

  /** Asks to be told of changes. Resolves when that is granted, refused, or takes too long. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.#settled = this.#changed
        resolve()
      }, ACK_MS)
      this.#settled = () => {
        clearTimeout(giveUp)
        resolve()
      }
      this.#open()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#active = false
    clearTimeout(this.#timer)
    this.#sent?.cancel('closing')
    this.#settle()
  }

  #open(): void {
    if (this.#stopped) return
    const params = { notifications: { toolsListChanged: true } }
    const frame = ownFrame('subscriptions/listen', params, this.#meta)
    this.#sent = this.#send(frame, {
      notification: (message) => this.#heard(message),
      response: (message) => {
        // A result ends the listen in good order; an error refuses it for good, unless there is no room just now.
        const code = readError(message)?.code
        this.#ended(code === undefined || code === RPC.overloaded)
      },
      failed: (fault, unsent) => this.#ended(!unsent || isBusy(fault)),
    })
  }

  #heard(message: UpstreamMessage): boolean {
    if (message.method === 'notifications/subscriptions/acknowledged') {
      const granted = readParams(message)['notifications']
      this.#active = isObject(granted) && granted['toolsListChanged'] === true
      this.#since = performance.now()
      this.#settle()
    } else if (message.method === 'notifications/tools/list_changed') this.#events.listChanged()
    return true
  }

  #ended(again: boolean): void {
    if (again) this.#dropped()
    else this.#active = false
    this.#settle()
  }

  #dropped(): void {
    if (this.#stopped) return
    // One that never lasts must not make the node hammer its upstream.
    if (this.#active && performance.now() - this.#since > RELISTEN.max) this.#delay = RELISTEN.min
    this.#active = false
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#settled = this.#changed
      this.#open()
    }, this.#delay)
    this.#delay = Math.min(this.#delay * 2, RELISTEN.max)
  }

  /** The attempt is decided; told once. */
  #settle(): void {
    const settled = this.#settled
    this.#settled = undefined
    settled?.()
  }
}
