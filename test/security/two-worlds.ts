// Two worlds built the same but for what must stay hidden: one has it, the other never did. Whatever a caller who may not
// see it is told must be the same in both.
import type { RuleInput } from '../../node/core/config-input.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { startConformanceV1 } from '../fixtures/conformance-v1.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { BUILT_IN_PROMPTS, plainPrompt, plainResource } from '../fixtures/fixture-offers.ts'
import { BUILT_IN_TOOLS, plainTool, type FixtureTool } from '../fixtures/fixture-tools.ts'
import type { FixturePrompt } from '../fixtures/fixture-offers.ts'
import { Keyholders } from '../mesh/keyholders.ts'
import { configOf, Mesh } from '../mesh/mesh.ts'
import type { JsonObject } from '../fixtures/wire.ts'

/** Holders of the same keys in both worlds. `guest` sees one thing of each kind, `blind` nothing, `admin` everything. */
export const PEOPLE: Keyholders = new Keyholders('guest', 'blind', 'admin', 'outer')

/** Where a world keeps what is hidden: in one node, or behind a node whose lists another imports. */
export type Hops = 1 | 2

export const SECRET = 'test://secret/1'

/** How long the slowest hidden server takes for everything, milliseconds. */
export const SLOW_MS = 150

/** What those see who do not see everything. */
export const RULES: readonly RuleInput[] = [
  { for: 'admin' },
  {
    for: 'guest',
    endpoints: ['main', 'search'],
    namespaces: ['fx'],
    tools: ['fx__echo', 'fx__link_secret', 'fx__open_*'],
    prompts: ['fx__with_secret'],
    resources: ['test://static/1', 'test://open/*'],
  },
  { for: 'blind', endpoints: ['main', 'search'], tools: ['fx__none'] },
]

const PARTS: readonly JsonObject[] = [
  { type: 'text', text: 'before' },
  { type: 'resource_link', uri: SECRET, name: 'secret', description: 'of the vault', size: 7 },
  { type: 'resource', resource: { uri: 'test://secret/2', text: 'the secret itself' } },
  { type: 'resource_link', uri: 'test://static/1', name: 'static 1' },
  { type: 'resource', resource: { uri: 'test://open/1', text: 'for all' } },
  { type: 'resource_link', uri: 'test://secret/3', name: 'the last' },
]

const LINKING_TOOL: FixtureTool = {
  definition: { name: 'link_secret', inputSchema: { type: 'object' } },
  run: () => ({ content: PARTS }),
}

const LINKING_PROMPT: FixturePrompt = {
  definition: { name: 'with_secret' },
  get: () => ({ messages: PARTS.map((content) => ({ role: 'user', content })) }),
}

/** Calls that are captured under way are not waited for. */
const LIMITS = { shutdownGrace: '100ms' }

/** One of the two. */
export class World {
  readonly hasSecrets: boolean
  readonly hops: Hops
  /** The server that both have. */
  readonly open: FixtureServer
  readonly #mesh = new Mesh()
  readonly #closing: (() => Promise<unknown>)[] = []
  readonly #urls: Record<string, string> = {}
  #nodes: RunningNode[] = []

  private constructor(hops: Hops, hasSecrets: boolean, open: FixtureServer) {
    this.hops = hops
    this.hasSecrets = hasSecrets
    this.open = open
  }

  static async start(hops: Hops, hasSecrets: boolean): Promise<World> {
    const world = new World(
      hops,
      hasSecrets,
      await FixtureServer.start({
        ttlMs: 3_600_000,
        cacheScope: 'public',
        tools: [...BUILT_IN_TOOLS, LINKING_TOOL, ...(hasSecrets ? [plainTool('secret')] : [])],
        prompts: [
          ...BUILT_IN_PROMPTS,
          LINKING_PROMPT,
          ...(hasSecrets ? [plainPrompt('secret')] : []),
        ],
      }),
    )
    if (hasSecrets) {
      world.open.resources.add(plainResource(SECRET))
      await world.#addVaults()
    }
    await world.#startNodes()
    return world
  }

  /** The node that callers reach. */
  get edge(): RunningNode {
    return this.#nodes[0] as RunningNode
  }

  url(endpoint = 'main'): string {
    return this.edge.endpointUrl(endpoint)
  }

  /** Gives the node that callers reach other rules. */
  reload(visibility: readonly RuleInput[]): Promise<void> {
    return this.edge.reload(this.#edgeConfig(visibility))
  }

  async close(): Promise<void> {
    await this.#mesh.close()
    for (const close of this.#closing.splice(0)) await close()
    await this.open.close()
  }

  /** Servers that have what the other has not: extensions, tasks of both eras, and lists that are never fresh. */
  async #addVaults(): Promise<void> {
    const modern = await startConformanceV2({ era: '2026' })
    const core = await startConformanceV1()
    const slow = await FixtureServer.start({ listChanged: false, ttlMs: 0 })
    for (const method of ['tools/list', 'tools/call', 'prompts/list', 'resources/list']) {
      slow.on(method, async (_exchange, proceed) => {
        await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
        await proceed()
      })
    }
    for (const [label, server] of Object.entries({ vault: modern, core, slow })) {
      this.#urls[label] = server.url
      this.#closing.push(() => server.close())
    }
  }

  async #startNodes(): Promise<void> {
    if (this.hops === 2) {
      const inner = await this.#mesh.startConfig(this.#innerConfig())
      this.#nodes = [inner]
      await inner.ready()
    }
    const edge = await this.#mesh.startConfig(this.#edgeConfig(RULES))
    this.#nodes.unshift(edge)
    await edge.ready()
  }

  #servers(): { readonly upstreams: JsonObject; readonly namespaces: JsonObject } {
    const all = Object.entries({ fixture: this.open.url, ...this.#urls })
    return {
      upstreams: Object.fromEntries(all.map(([label, url]) => [label, { http: { url } }])),
      namespaces: Object.fromEntries(
        all.map(([label]) => [label === 'fixture' ? 'fx' : label, { from: [label] }]),
      ),
    }
  }

  #innerConfig(): object {
    const { upstreams, namespaces } = this.#servers()
    const endpoints = { main: { namespaces: ['*'] } }
    return configOf('inner', { upstreams, namespaces, endpoints, limits: LIMITS } as never)
  }

  #edgeConfig(visibility: readonly RuleInput[]): object {
    const [, inner] = this.hops === 2 ? [undefined, this.#nodes.at(-1)] : []
    const { upstreams, namespaces } =
      inner === undefined
        ? this.#servers()
        : {
            upstreams: { next: { node: { url: inner.endpointUrl('main'), as: '{namespace}' } } },
            namespaces: {},
          }
    const shown = { namespaces: ['*'], auth: PEOPLE.auth(), pageSize: 5 }
    const closed = this.hasSecrets ? { closed: shown } : {}
    const endpoints = { main: shown, search: { ...shown, tools: 'search' }, ...closed }
    const plan = { upstreams, namespaces, endpoints, limits: LIMITS } as never
    return { ...configOf('edge', plan), issuer: {}, clients: PEOPLE.clients(), visibility }
  }
}

const AUTHORITY = /\.[a-z2-7]{16}\.banyan/g
/** Keys of nodes, and what is computed from them. */
const THUMBPRINT = /"[A-Za-z0-9_-]{43}"/g
const ADDRESS = /127\.0\.0\.1:\d+/g
const EVENT_ID = /^id: .*$/gm
const CURSOR = /"nextCursor":"[^"]*"/g
const TTL = /"ttlMs":(\d+)/g

/** A text without what differs between any two nodes, and any two answers of one. */
export function bareText(text: string): string {
  return text
    .replace(AUTHORITY, '.<home>.banyan')
    .replace(THUMBPRINT, '"<node>"')
    .replace(ADDRESS, '<address>')
    .replace(EVENT_ID, 'id: <event>')
    .replace(CURSOR, '"nextCursor":"<cursor>"')
    .replace(TTL, (_, ms: string) => `"ttlMs":~${Math.round(Number(ms) / 100_000)}e5`)
}
