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
      const giveUp = setTimeout(() => this.#settle(), ACK_MS)
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
        // A result ends the listen in good order, an error refuses it for good.
        if (readError(message) === undefined) this.#dropped()
        else this.#active = false
        this.#settle()
      },
      failed: (_fault, unsent) => {
        if (unsent) this.#active = false
        else this.#dropped()
        this.#settle()
      },
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

  /** What happened while nobody listened is unknown, so it counts as a change. */
  #dropped(): void {
    if (this.#stopped) return
    // One that never lasts must not make the node hammer its upstream.
    if (this.#active && performance.now() - this.#since > RELISTEN.max) this.#delay = RELISTEN.min
    this.#active = false
    this.#timer = setTimeout(() => {
      this.#settled = () => {
        if (!this.#stopped) this.#events.listChanged()
      }
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
