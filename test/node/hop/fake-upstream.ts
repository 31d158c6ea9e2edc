// An upstream as subscriptions see it: it comes and goes, and grants what the test says.
import type { SubscribedConnection, SubscribedLink } from '../../../node/hop/shared-subscription.ts'
import type { ServerFacts } from '../../../node/outbound/connection.ts'

/** What an upstream makes of a request to subscribe. */
export type Verdict = (uri: string) => boolean | Promise<boolean>

/** One connection; what was subscribed on it is gone with it. */
export class FakeSubscribed implements SubscribedConnection {
  readonly server: ServerFacts
  /** What the upstream would tell of. */
  readonly subscribed: Set<string> = new Set()
  /** Every request, in order: `+uri` and `-uri`. */
  readonly asked: string[] = []
  readonly #verdict: Verdict

  constructor(verdict: Verdict, node: string | undefined) {
    const federation =
      node === undefined ? undefined : { version: 1, node, organisation: 'acme', name: node }
    this.server = { capabilities: {}, name: 'fake', federation }
    this.#verdict = verdict
  }

  async subscribe(uri: string): Promise<boolean> {
    const turn = this.asked.push(`+${uri}`)
    this.subscribed.add(uri)
    const granted = await this.#verdict(uri)
    if (!granted && this.asked.lastIndexOf(`+${uri}`) + 1 === turn) this.subscribed.delete(uri)
    return granted
  }

  unsubscribe(uri: string): void {
    this.asked.push(`-${uri}`)
    this.subscribed.delete(uri)
  }
}

/** A link whose connections the test opens and cuts. */
export class FakeUpstream implements SubscribedLink {
  readonly connections: FakeSubscribed[] = []
  /** Open connections besides that one, and whose they are. */
  readonly processes: Map<FakeSubscribed, string> = new Map()
  verdict: Verdict = () => true
  /** What becomes of an attempt to connect; default: it fails. */
  onConnect: () => Promise<void> = () => Promise.reject(new Error('it is down'))
  readonly #node: string | undefined
  #current: FakeSubscribed | undefined

  constructor({ up = true, node }: { up?: boolean; node?: string } = {}) {
    this.#node = node
    if (up) this.connect()
  }

  /** Opens a connection, in place of the one before. */
  connect(): void {
    this.#current = new FakeSubscribed((uri) => this.verdict(uri), this.#node)
    this.connections.push(this.#current)
  }

  lose(): void {
    this.#current = undefined
  }

  get isUp(): boolean {
    return this.#current !== undefined
  }

  /** What it tells of on the connection there is, in order. */
  get subscribed(): string[] {
    return [...(this.#current?.subscribed ?? [])].toSorted()
  }

  /** Every request there was. */
  get asked(): string[] {
    return this.connections.flatMap(({ asked }) => asked)
  }

  apart(whose: string): FakeSubscribed[] {
    return [...this.processes].flatMap(([one, name]) => (name === whose ? [one] : []))
  }

  current(): FakeSubscribed | undefined {
    return this.#current
  }

  async connection(): Promise<FakeSubscribed> {
    if (this.#current === undefined) await this.onConnect()
    if (this.#current === undefined) throw new Error('it is still down')
    return this.#current
  }
}
