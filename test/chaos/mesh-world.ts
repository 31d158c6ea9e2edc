// A mesh of real nodes over real NATS servers, with something breakable between any two of them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, NatsServer } from '../nats/server.ts'
import { configOf, Member, Strand } from './mesh-parts.ts'
import { Ledger, Server } from './mesh-servers.ts'
import { LINKS, NODES, ORGANISATIONS, reached, type PlannedLink } from './mesh-shape.ts'

export class MeshWorld {
  readonly ledger: Ledger = new Ledger()
  readonly members: Map<string, Member> = new Map<string, Member>()
  readonly strands: Map<string, Strand> = new Map<string, Strand>()
  readonly buses: Map<string, NatsServer> = new Map<string, NatsServer>()
  readonly servers: Map<string, Server> = new Map<string, Server>()
  readonly #ports = new Map<string, number>()
  #folder = ''

  static async start(): Promise<MeshWorld> {
    const world = new MeshWorld()
    try {
      await world.#build()
    } catch (error) {
      await world.close()
      throw error
    }
    return world
  }

  member(name: string): Member {
    const found = this.members.get(name)
    if (found === undefined) throw new RangeError(`no node ${name}`)
    return found
  }

  /** The endpoint of a node, as callers of its own know it. */
  urlOf(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}/mcp/main`
  }

  /** Nodes a call from one may go to over what has been whole since then, by `performance.now()`. */
  routed(from: string, since: number): ReadonlyMap<string, number> {
    return reached(from, {
      node: (name) => this.member(name).wholeSince <= since,
      link: (link) => (this.strands.get(keyOf(link))?.wholeSince ?? Infinity) <= since,
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.stop()))
    const rest = [...this.strands.values(), ...this.servers.values()]
    await Promise.all(rest.map((one) => one.close()))
    await Promise.all([...this.buses.values()].map((bus) => bus.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #build(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'banyan-chaos-'))
    for (const name of ORGANISATIONS) this.buses.set(name, await NatsServer.start())
    for (const { name, namespaces } of NODES) {
      this.#ports.set(name, await freePort())
      for (const space of namespaces) {
        this.servers.set(space, await Server.start(space, this.ledger))
      }
    }
    for (const link of LINKS) {
      this.strands.set(keyOf(link), await Strand.lay(link, this.#ports.get(link[1]) ?? 0))
    }
    for (const plan of NODES) this.members.set(plan.name, this.#memberOf(plan.name))
    // What is used first, as far as there is a first.
    for (const place of ['home', 'right', 'left', 'top']) {
      const some = ORGANISATIONS.map((name) => this.member(`${name}-${place}`).start())
      await Promise.all(some)
    }
  }

  #memberOf(name: string): Member {
    const plan = NODES.find((one) => one.name === name)
    if (plan === undefined) throw new RangeError(`no node ${name}`)
    const around = {
      folder: this.#folder,
      port: this.#ports.get(name) ?? 0,
      nats: this.buses.get(plan.organisation)?.url ?? '',
      servers: new Map([...this.servers].map(([space, { url }]) => [space, url])),
      strands: [...this.strands.values()].filter(({ plan: [from] }) => from === name),
    }
    return new Member(plan, configOf(plan, around))
  }
}

export function keyOf([from, to]: PlannedLink): string {
  return `${from} ${to}`
}
