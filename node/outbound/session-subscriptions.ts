import { asFault } from '../../protocol/errors.ts'
import { readError } from '../../protocol/upstream-message.ts'
import { ask, ownFrame, type Send } from './ask.ts'

/** How long a server may take to grant a subscription, milliseconds. */
const GRANT_MS = 2_000

/** Where the subscription to one resource stands. */
interface Subscription {
  wanted: boolean
  granted: boolean
  /** Resolves with `granted` when nothing is under way any more. */
  settling: Promise<boolean> | undefined
}

/**
 * The subscriptions of a 2025 session (MCP 2025-11-25, server/resources). For each resource one request is under way at a
 * time: over HTTP a later one might arrive first.
 */
export class SessionSubscriptions {
  readonly #send: Send
  readonly #canDeliver: () => boolean
  readonly #subscriptions = new Map<string, Subscription>()

  /** @param canDeliver whether the server takes subscriptions and has a way to tell of changes now */
  constructor(send: Send, canDeliver: () => boolean) {
    this.#send = send
    this.#canDeliver = canDeliver
  }

  /** URIs that are granted. */
  get granted(): readonly string[] {
    return [...this.#subscriptions].flatMap(([uri, { granted }]) => (granted ? [uri] : []))
  }

  /**
   * Asks again for what is granted: a server that was restarted may know the session, and no more of it. Each promise
   * resolves with whether the subscription stands.
   */
  renew(): readonly { readonly uri: string; readonly stands: Promise<boolean> }[] {
    const renewed: { readonly uri: string; readonly stands: Promise<boolean> }[] = []
    for (const [uri, subscription] of this.#subscriptions) {
      if (!subscription.granted || subscription.settling !== undefined) continue
      subscription.granted = false
      renewed.push({ uri, stands: this.#settled(uri, subscription) })
    }
    return renewed
  }

  /** As `Connection.subscribe`. */
  subscribe(uri: string): Promise<boolean> {
    if (!this.#canDeliver()) return Promise.resolve(false)
    const fresh: Subscription = { wanted: true, granted: false, settling: undefined }
    const subscription = this.#subscriptions.get(uri) ?? fresh
    this.#subscriptions.set(uri, subscription)
    subscription.wanted = true
    return this.#settled(uri, subscription)
  }

  unsubscribe(uri: string): void {
    const subscription = this.#subscriptions.get(uri)
    if (subscription === undefined) return
    subscription.wanted = false
    void this.#settled(uri, subscription)
  }

  #settled(uri: string, subscription: Subscription): Promise<boolean> {
    const { wanted, granted } = subscription
    if (wanted !== granted) subscription.settling ??= this.#settle(uri, subscription)
    return subscription.settling ?? Promise.resolve(granted)
  }

  /** Asks the server until what it grants is what is wanted, or it does not grant it. */
  async #settle(uri: string, subscription: Subscription): Promise<boolean> {
    while (subscription.wanted !== subscription.granted) {
      if (subscription.wanted) {
        const answer = await this.#ask('resources/subscribe', uri)
        subscription.granted = answer === 'yes'
        if (subscription.granted) continue
        subscription.wanted = false
        // It may be granted yet, when nobody waits for it any more.
        if (answer === 'late') void this.#ask('resources/unsubscribe', uri)
      } else {
        await this.#ask('resources/unsubscribe', uri)
        subscription.granted = false
      }
    }
    subscription.settling = undefined
    if (!subscription.granted) this.#subscriptions.delete(uri)
    return subscription.granted
  }

  async #ask(method: string, uri: string): Promise<'yes' | 'no' | 'late'> {
    try {
      const answer = await ask(this.#send, ownFrame(method, { uri }, ''), GRANT_MS)
      return readError(answer) === undefined ? 'yes' : 'no'
    } catch (error) {
      return asFault(error).code === 'upstream_timeout' ? 'late' : 'no'
    }
  }
}
