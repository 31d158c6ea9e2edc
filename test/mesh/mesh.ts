// A mesh in a box: real nodes in this process, on loopback ports of their own, closed together.
import { listenNode, type RunningNode } from '../../node/main/running-node.ts'
import { SILENT, type Logger } from '../../node/core/logger.ts'
import { parseConfig } from '../../node/core/config.ts'
import { createNode, type BanyanNode, type NodeOptions } from '../../node/main/index.ts'
import { canary } from '../canary/canary.ts'

/** The part of a configuration that differs from test to test. */
export interface NodePlan {
  readonly upstreams?: Readonly<Record<string, object>>
  readonly namespaces?: Readonly<Record<string, object>>
  /** Default: one endpoint `main` that offers everything. */
  readonly endpoints?: Readonly<Record<string, object>>
  readonly limits?: Readonly<Record<string, unknown>>
  /** More of `node:`, such as a state folder. Default: port 0, nothing kept. */
  readonly node?: Readonly<Record<string, unknown>>
}

/** The whole configuration of a planned node. */
export function configOf(name: string, plan: NodePlan): object {
  const { upstreams = {}, namespaces = {}, limits = {}, node = {} } = plan
  const { endpoints = { main: { namespaces: ['*'] } } } = plan
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory', ...node },
    limits,
    upstreams,
    namespaces,
    endpoints,
  }
}

/** The log of every node is searched for credentials, also that of one that is silent. */
function watched(options: NodeOptions): NodeOptions {
  const { log = SILENT } = options
  return typeof log === 'object' ? { ...options, log: canary.log(log) } : options
}

/** Nodes that live as long as one test. */
export class Mesh {
  readonly #nodes: BanyanNode[] = []

  /** Starts a node; its upstreams connect in the background. */
  async start(name: string, plan: NodePlan, options: NodeOptions = {}): Promise<BanyanNode> {
    const started = await createNode(configOf(name, plan), watched(options))
    this.#nodes.push(started)
    return started
  }

  /** Starts a node with a whole configuration. */
  async startConfig(config: object, options: NodeOptions = {}): Promise<RunningNode> {
    const started = (await createNode(config, watched(options))) as RunningNode
    this.#nodes.push(started)
    return started
  }

  /** Starts a node whose limits are counted by another clock, in milliseconds, and waits until it is ready. */
  async startTimed(config: object, now: () => number, log: Logger = SILENT): Promise<RunningNode> {
    const listening = await listenNode(parseConfig(config), { log: canary.log(log), now })
    const started = listening.start()
    this.#nodes.push(started)
    await started.ready()
    return started
  }

  /** Gives a running node another plan; resolves when its new upstreams have been tried and listed. */
  replan(node: BanyanNode, plan: NodePlan): Promise<void> {
    return node.reload(configOf(node.name, plan))
  }

  /** Starts a node and waits until each upstream has been tried and listed. */
  async ready(name: string, plan: NodePlan, options: NodeOptions = {}): Promise<BanyanNode> {
    const node = await this.start(name, plan, options)
    await node.ready()
    return node
  }

  /** A node in front of one MCP server over HTTP, in the namespace `fx`. */
  front(
    name: string,
    url: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<BanyanNode> {
    return this.ready(name, {
      upstreams: { fixture: { http: { url }, ...more } },
      namespaces: { fx: { from: ['fixture'] } },
    })
  }

  /**
   * A chain of `hops` nodes in front of one MCP server; the first is the outermost. Tools keep the names of the
   * innermost node (`fx__echo`) at each hop. `eras[i]` pins the era of the link that node i has to what lies behind it, and
   * `link` the transport between nodes.
   */
  async chain(
    url: string,
    hops: number,
    eras: readonly string[] = [],
    link = 'auto',
  ): Promise<BanyanNode[]> {
    const nodes: BanyanNode[] = []
    for (let index = hops - 1; index >= 0; index -= 1) {
      const [behind] = nodes
      const era = eras[index] ?? 'auto'
      const node =
        behind === undefined
          ? await this.front(`n${index}`, url, { era })
          : await this.ready(`n${index}`, {
              upstreams: {
                next: { node: { url: behind.endpointUrl('main'), as: '{namespace}', link }, era },
              },
            })
      nodes.unshift(node)
    }
    return nodes
  }

  async close(): Promise<void> {
    // The outermost first, so that no node sees its upstream vanish.
    for (const node of this.#nodes.splice(0).toReversed()) await node.close()
  }
}
