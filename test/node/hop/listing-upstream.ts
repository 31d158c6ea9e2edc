// An upstream without a network that answers what it is asked for from lists of the test.
import { LIST_RULES, type CapabilityKind, type ListKind } from '../../../protocol/capability.ts'
import { Fault } from '../../../protocol/errors.ts'
import type { FederationSettings } from '../../../protocol/federation.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { META } from '../../../protocol/meta.ts'
import type { Era } from '../../../protocol/revisions.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'
import type {
  Connection,
  ConnectionEvents,
  Connector,
  FrameSink,
  OutFrame,
  Sent,
} from '../../../node/outbound/connection.ts'

/** What it declares, unless the test says otherwise. */
const ALL: JsonObject = { tools: {}, prompts: {}, resources: {} }

/** The extension without which there are no skills. */
const SKILLS = { 'io.modelcontextprotocol/skills': {} }

/** What a list holds, by what names it. */
export type Lists = Partial<Record<CapabilityKind, readonly string[]>>

/** A server, or a node, that comes and goes as the test wants. */
export class ListingUpstream implements Connector {
  readonly target = 'fake://upstream'
  readonly backoff = { min: 60_000, max: 60_000 }
  /** Methods in the order they were asked for. */
  readonly asked: string[] = []
  capabilities: JsonObject = ALL
  era: Era = '2026'
  federation: FederationSettings | undefined
  lists: Lists
  ttlMs: number | undefined
  /** What it calls its lists, as a node. */
  view: { readonly digest: string; readonly unchanged: boolean } | undefined
  /** Requests as they were sent. */
  readonly bodies: string[] = []
  /** Whether changes are reported. */
  watched = true
  isUp = true
  /** Methods it does not have. */
  readonly missing: Set<string> = new Set()
  /** What an answer waits for. */
  hold: Promise<unknown> | undefined
  #events: ConnectionEvents | undefined

  constructor(lists: Lists = {}) {
    this.lists = lists
    if (lists.skill !== undefined) this.capabilities = { ...ALL, extensions: SKILLS }
  }

  connect(events: ConnectionEvents): Promise<Connection> {
    if (!this.isUp) return Promise.reject(new Fault('upstream_unavailable', 'it is down'))
    this.#events = events
    return Promise.resolve(this.#connection())
  }

  announce(of: ListKind): void {
    this.#events?.listChanged(of)
  }

  lose(): void {
    this.isUp = false
    this.#events?.lost(new Fault('upstream_unavailable', 'it is gone'))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** How often a list was asked for. */
  count(kind: CapabilityKind): number {
    return this.asked.filter((method) => method === LIST_RULES[kind].method).length
  }

  #connection(): Connection {
    const { era, capabilities, federation } = this
    return {
      era,
      revision: era === '2026' ? '2026-07-28' : '2025-11-25',
      server: { capabilities, name: 'listing', federation },
      meta: () => '',
      stateless: true,
      secluded: false,
      watching: () => this.watched,
      subscribe: () => Promise.resolve(false),
      unsubscribe: () => undefined,
      wantLogs: () => undefined,
      send: (frame, sink) => this.#send(frame, sink),
      close: () => Promise.resolve(),
    }
  }

  #send({ id, method, body }: OutFrame, sink: FrameSink): Sent {
    this.asked.push(method)
    this.bodies.push(body.toString())
    const answered = async (): Promise<void> => {
      await this.hold
      const text = JSON.stringify({ jsonrpc: '2.0', id, ...this.#answer(method) })
      sink.response(readUpstreamMessage(Buffer.from(text)))
    }
    void answered()
    return { cancel: () => undefined, resume: () => undefined }
  }

  #answer(method: string): JsonObject {
    if (this.missing.has(method)) return { error: { code: -32_601, message: 'Method not found' } }
    if (method === 'server/discover') return { result: { capabilities: this.capabilities } }
    const rule = Object.values(LIST_RULES).find((one) => one.method === method)
    if (rule === undefined) throw new Error(`nobody asks for ${method} here`)
    const items = (this.lists[rule.kind] ?? []).map((name) => {
      return { [rule.key]: name, ...(rule.kind === 'tool' && { inputSchema: { type: 'object' } }) }
    })
    const ttl = this.ttlMs === undefined ? {} : { ttlMs: this.ttlMs }
    const meta = this.view === undefined ? {} : { _meta: { [META.view]: this.view } }
    return { result: { [rule.items]: items, cacheScope: 'public', ...ttl, ...meta } }
  }
}
