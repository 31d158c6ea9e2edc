import { isSevereEnough, type LogSeverity } from '../../protocol/log-level.ts'
import { ask, ownFrame, type Send } from './ask.ts'

/** How long a server may take to confirm the level, milliseconds. */
const CONFIRM_MS = 1_000

/**
 * The log level of a 2025 session. Who shares the session wants different ones, so it only ever becomes more verbose; what
 * each of them gets is filtered behind it.
 */
export class SessionLogs {
  readonly #send: Send
  readonly #declared: () => boolean
  #level: LogSeverity | undefined
  #raising: Promise<void> | undefined

  /** @param declared whether the server sends log messages at all */
  constructor(send: Send, declared: () => boolean) {
    this.#send = send
    this.#declared = declared
  }

  /** As `Connection.wantLogs`. */
  want(level: LogSeverity): Promise<void> | undefined {
    if (!this.#declared()) return undefined
    if (this.#level !== undefined && isSevereEnough(level, this.#level)) return this.#raising
    this.#level = level
    const raising = this.#raise(level, this.#raising)
    this.#raising = raising
    return raising
  }

  /** One after the other: over HTTP the less verbose level might arrive last. */
  async #raise(level: LogSeverity, before: Promise<void> | undefined): Promise<void> {
    await before
    // A server that refuses it sends what it sends.
    await ask(this.#send, ownFrame('logging/setLevel', { level }, ''), CONFIRM_MS).catch(
      () => undefined,
    )
    if (this.#level === level) this.#raising = undefined
  }
}
