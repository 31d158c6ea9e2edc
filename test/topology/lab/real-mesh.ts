// The nodes of a lab file for real: a process's worth of them, a NATS server for each bus, a cable for each link.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../../../node/core/config.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { loadState } from '../../../node/identity/node-state.ts'
import { listenNode, type RunningNode } from '../../../node/main/running-node.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import { LAB_ENDPOINT, nodeConfigs } from '../../../topology/lab/node-configs.ts'
import { canary } from '../../canary/canary.ts'
import { FlakyLink } from '../../chaos/flaky-link.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { QUICK } from '../../mesh/gossiping.ts'
import { freePort, NatsServer } from '../../nats/server.ts'

export class RealMesh {
  readonly #lab: Lab
  readonly #nodes = new Map<string, RunningNode>()
  readonly #ids = new Map<string, string>()
  readonly #ports = new Map<string, number>()
  readonly #cables = new Map<string, FlakyLink>()
  readonly #servers = new Map<string, FixtureServer>()
  readonly #buses = new Map<string, NatsServer>()
  #configs: ReadonlyMap<string, object> = new Map()
  #folder = ''

  private constructor(lab: Lab) {
    this.#lab = lab
  }

  static async start(lab: Lab): Promise<RealMesh> {
    const mesh = new RealMesh(lab)
    try {
      await mesh.#build()
    } catch (error) {
      await mesh.close()
      throw error
    }
    return mesh
  }

  /** Ids of the nodes, by name. */
  get ids(): ReadonlyMap<string, string> {
    return this.#ids
  }

  get nodes(): ReadonlyMap<string, RunningNode> {
    return this.#nodes
  }

  async startNode(name: string): Promise<void> {
    const config = parseConfig(this.#configs.get(name), { env: {} })
    const node = await listenNode(config, { log: canary.log(SILENT), timing: QUICK })
    this.#nodes.set(name, node)
    await node.start().ready()
  }

  async stopNode(name: string): Promise<void> {
    const node = this.#nodes.get(name)
    this.#nodes.delete(name)
    await node?.close()
  }

  async cut(from: string, to: string): Promise<void> {
    await this.#cables.get(`${from} ${to}`)?.refuse()
  }

  async mend(from: string, to: string): Promise<void> {
    await this.#cables.get(`${from} ${to}`)?.admit()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => this.stopNode(name)))
    const rest = [...this.#cables.values(), ...this.#servers.values()]
    await Promise.all(rest.map((one) => one.close()))
    await Promise.all([...this.#buses.values()].map((bus) => bus.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #build(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'banyan-lab-'))
    for (const { gossip } of this.#lab.organisations.values()) {
      if (gossip !== undefined) this.#buses.set(gossip, await NatsServer.start())
    }
    for (const { id, namespaces } of this.#lab.nodes.values()) {
      this.#ports.set(id, await freePort())
      this.#ids.set(id, (await loadState(join(this.#folder, id))).id)
      for (const { name, count } of namespaces) {
        const tools = Array.from({ length: count }, (_, at) => plainTool(`tool${at}`))
        this.#servers.set(`${id} ${name}`, await FixtureServer.start({ tools }))
      }
    }
    for (const { from, to } of this.#lab.links) {
      this.#cables.set(`${from} ${to}`, await FlakyLink.to(this.#ports.get(to) ?? 0))
    }
    this.#configs = nodeConfigs(this.#lab, {
      place: (node) => ({
        listen: `127.0.0.1:${this.#ports.get(node)}`,
        state: join(this.#folder, node),
        id: this.#ids.get(node),
      }),
      server: (node, space) => ({ http: { url: this.#servers.get(`${node} ${space}`)?.url } }),
      linkUrl: (from, to) => {
        return `http://127.0.0.1:${this.#cables.get(`${from} ${to}`)?.port}/mcp/${LAB_ENDPOINT}`
      },
      nats: (bus) => this.#buses.get(bus)?.url ?? '',
    })
    await Promise.all([...this.#lab.nodes.keys()].map((name) => this.startNode(name)))
  }
}
