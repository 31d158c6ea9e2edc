// The processes behind the routes, each started when a cell first needs it.
import type { Build } from './build.ts'
import { LIST_SIZES, type Group, type Route } from './plan.ts'
import { startNode, type RunningNode } from './nodes.ts'
import { startRole, type Running } from './processes.ts'
import { facePath } from './upstream.ts'
import type { Era, Operation } from './wire.ts'

/** The way of one cell. */
export interface Path {
  readonly url: string
  /** Nearest to the client first. */
  readonly relays: readonly Running[]
  readonly upstream: Running
}

const FEW_TOOLS = 10

/** Namespace of the upstream's face, the same on every node. */
export function namespaceOf(era: Era, tools: number): string {
  return `era${era}-${tools}`
}

function toolsOf(operation: Operation): number {
  return operation.kind === 'list' ? operation.tools : FEW_TOOLS
}

function servers(upstream: Running, sizes: readonly number[]): Record<string, string> {
  const eras: readonly Era[] = ['2026', '2025']
  return Object.fromEntries(
    eras.flatMap((era) =>
      sizes.map((tools) => [namespaceOf(era, tools), upstream.url + facePath(era, tools)]),
    ),
  )
}

/** All processes of a run. */
export class Lab {
  readonly #started = new Map<string, Promise<Running>>()
  readonly #nodes = new Map<string, Promise<RunningNode>>()

  /** What the processes run. */
  readonly build: Build

  constructor(build: Build) {
    this.build = build
  }

  /** The upstream that all routes but `sdk-server` end at. */
  upstream(): Promise<Running> {
    return this.#role('upstream', () => this.#start('upstream'))
  }

  /** The pass-through proxy in front of the upstream, or in front of so many less one. */
  floor(length = 1): Promise<Running> {
    return this.#role(length === 1 ? 'floor' : `floor${length}`, async () => {
      const { url } = await (length === 1 ? this.upstream() : this.floor(length - 1))
      return this.#start('floor', url)
    })
  }

  /** The load generator. */
  load(): Promise<Running> {
    return this.#role('load', () => this.#start('load'))
  }

  /** Everything a cell passes. */
  async path({ era, operation }: Pick<Group, 'era' | 'operation'>, route: Route): Promise<Path> {
    const upstream = await this.upstream()
    const face = facePath(era, toolsOf(operation))
    if (route === 'direct') return { url: upstream.url + face, relays: [], upstream }
    if (route === 'floor') {
      const floor = await this.floor()
      return { url: floor.url + face, relays: [floor], upstream }
    }
    if (route === 'floor3') {
      const relays = await Promise.all([3, 2, 1].map((length) => this.floor(length)))
      return { url: (relays[0]?.url ?? '') + face, relays, upstream }
    }
    if (route === 'sdk-server') {
      const server = await this.#role(route, () => this.#start(route))
      return { url: server.url + face, relays: [], upstream: server }
    }
    if (route === 'sdk-relay') {
      const relay = await this.#role(route, () => this.#start(route, upstream.url))
      return { url: relay.url + face, relays: [relay], upstream }
    }
    const relays = operation.kind === 'list' ? [await this.#lists()] : await this.#chain(route)
    const url = relays[0]?.endpoints[namespaceOf(era, toolsOf(operation))]
    if (url === undefined) throw new Error(`no endpoint for ${era} on ${route}`)
    return { url, relays, upstream }
  }

  /** Stops everything, the nodes first. */
  async stop(): Promise<void> {
    for (const group of [this.#nodes, this.#started]) {
      const settled = await Promise.allSettled(group.values())
      const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      await Promise.all(running.map((one) => one.stop()))
    }
  }

  /** What the processes said on stderr, for the report of a failure. */
  async complaints(): Promise<string> {
    const all = await Promise.allSettled([...this.#nodes.values(), ...this.#started.values()])
    return all
      .flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      .filter((running) => running.stderr() !== '')
      .map((running) => `--- ${running.name}\n${running.stderr()}`)
      .join('\n')
  }

  /** The nodes of a chain, the outermost first; a longer chain is a shorter one with a node in front. */
  async #chain(route: 'hop1' | 'hop2' | 'hop3'): Promise<RunningNode[]> {
    if (route === 'hop1') return [await this.#innermost()]
    const behind = await this.#chain(route === 'hop3' ? 'hop2' : 'hop1')
    const next = behind[0]
    if (next === undefined) throw new Error('an empty chain')
    const namespaces = [namespaceOf('2026', FEW_TOOLS), namespaceOf('2025', FEW_TOOLS)]
    const parent = { url: next.url, namespaces }
    return [
      await this.#node(route, () => startNode(this.build.cli, { name: route, parent })),
      ...behind,
    ]
  }

  #innermost(): Promise<RunningNode> {
    return this.#node('hop1', async () => {
      const upstream = await this.upstream()
      return startNode(this.build.cli, { name: 'hop1', servers: servers(upstream, [FEW_TOOLS]) })
    })
  }

  /** A node of its own for the long lists, so that they do not weigh on the calls. */
  #lists(): Promise<RunningNode> {
    return this.#node('lists', async () => {
      const upstream = await this.upstream()
      return startNode(this.build.cli, { name: 'lists', servers: servers(upstream, LIST_SIZES) })
    })
  }

  #start(...args: readonly string[]): Promise<Running> {
    return startRole(this.build.role, ...args)
  }

  #role(name: string, begin: () => Promise<Running>): Promise<Running> {
    const running = this.#started.get(name) ?? begin()
    this.#started.set(name, running)
    return running
  }

  #node(name: string, begin: () => Promise<RunningNode>): Promise<RunningNode> {
    const running = this.#nodes.get(name) ?? begin()
    this.#nodes.set(name, running)
    return running
  }
}
