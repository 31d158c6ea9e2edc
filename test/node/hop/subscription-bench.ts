// A node with fake upstreams, as far as subscriptions go.
import { READING_HINTS } from '../../../protocol/policy/policy.ts'
import type { Candidate, Entry, Subscribed } from '../../../node/core/stages.ts'
import { Subscriptions } from '../../../node/hop/subscriptions.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { FEDERATION } from '../../../protocol/federation.ts'
import { visible } from './calls.ts'
import { FakeSubscribed, type FakeUpstream, type Verdict } from './fake-upstream.ts'

/** The upstreams that lead to a resource, the best first. */
export type Ways = readonly [string, ...string[]]

/** A node with its upstreams, and what its endpoint shows: URI, and the upstreams that lead there. */
export class Bench {
  readonly subscriptions: Subscriptions
  readonly shown: Map<string, Ways>
  readonly upstreams: Map<string, FakeUpstream>
  /** Upstreams that are servers of this node's own. */
  readonly servers: Set<string> = new Set()
  /** What the next look-up waits for. */
  lists: Promise<unknown> | undefined

  constructor(
    shown: Readonly<Record<string, Ways>>,
    upstreams: Readonly<Record<string, FakeUpstream>>,
  ) {
    this.shown = new Map(Object.entries(shown))
    this.upstreams = new Map(Object.entries(upstreams))
    this.subscriptions = new Subscriptions({
      catalogue: {
        findResource: ({ endpoint }, uri) => (endpoint === 'main' ? this.#entry(uri) : undefined),
        firstLists: () => this.lists,
        rule: () => undefined,
        sightOf: () => undefined,
      },
      link: (label) => this.upstreams.get(label),
      whose: (_upstream, { session = '' }) => session,
    })
  }

  /** Subscribes, as another node if `node` is its id; what is told is kept. */
  async subscribe(
    uris: readonly string[],
    {
      node,
      path = [],
      endpoint = 'main',
      whose = '',
    }: { node?: string; path?: string[]; endpoint?: string; whose?: string } = {},
  ): Promise<Listener> {
    const settings = { version: 1, node, organisation: 'acme', name: 'peer' }
    const capabilities = readClientCapabilities(
      node === undefined ? {} : { extensions: { [FEDERATION]: settings } },
    )
    const trail = { budget: 8, path }
    const request = visible({ endpoint, caller: { capabilities, session: whose }, trail })
    const told: string[] = []
    const updated = (uri: string): void => void told.push(uri)
    const subscribed = await this.subscriptions.subscribe(request, { uris, updated })
    return { ...subscribed, told }
  }

  /** The upstream with that label, which must be there. */
  at(label: string): FakeUpstream {
    const upstream = this.upstreams.get(label)
    if (upstream === undefined) throw new Error(`no upstream ${label}`)
    return upstream
  }

  /** The upstream tells of a change. */
  update(label: string, uri: string): void {
    this.subscriptions.updated(this.at(label), uri)
  }

  /** Opens a process besides that of the node, as a call of somebody does. */
  open(label: string, whose: string, verdict: Verdict = () => true): FakeSubscribed {
    const connection = new FakeSubscribed(verdict, undefined)
    this.at(label).processes.set(connection, whose)
    this.subscriptions.openedApart(this.at(label), connection, whose)
    return connection
  }

  /** The node goes over to another process; the one before stays, for callers who share it. Undefined: there was none. */
  goOver(label: string): FakeSubscribed | undefined {
    const upstream = this.at(label)
    const before = upstream.current()
    upstream.connect()
    if (before === undefined) return undefined
    upstream.processes.set(before, '')
    this.subscriptions.openedApart(upstream, before, '')
    return before
  }

  /** Subscribes as somebody. */
  subscribeAs(whose: string, ...uris: string[]): Promise<Listener> {
    return this.subscribe(uris, { whose })
  }

  /** What the registry does when an upstream came, went, or lists something else. */
  async review(): Promise<void> {
    this.subscriptions.review()
    await settled()
  }

  get sizes(): [number, number] {
    return [this.subscriptions.size, this.subscriptions.upstreamSize]
  }

  #entry(uri: string): Entry | undefined {
    const ways = this.shown.get(uri)
    if (ways === undefined) return undefined
    const [first, ...spare] = ways.map((upstream): Candidate => {
      return { upstream, name: there(uri), imported: !this.servers.has(upstream) }
    })
    if (first === undefined) throw new Error('no way')
    const id = { organisation: 'acme', node: 'n', namespace: 'ns', name: uri }
    const common = { kind: 'resource', source: 's', namespace: 'ns', paramHeaders: [] } as const
    return { ...common, hints: READING_HINTS, id, name: uri, candidates: [first, ...spare] }
  }
}

/** A subscription, and what it was told. */
export interface Listener extends Subscribed {
  readonly told: string[]
}

/** What a resource is called upstream. */
export function there(uri: string): string {
  return `there-${uri}`
}

/** All that can happen without time passing has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
