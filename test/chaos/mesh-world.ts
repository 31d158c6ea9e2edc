// A mesh of real nodes over real NATS servers, with something breakable between any two of them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile, type Build } from '../bench/build.ts'
import { freePort, NatsServer } from '../nats/server.ts'
import { configOf, type Patience } from './mesh-config.ts'
import { NearMember, type Member } from './mesh-member.ts'
import { Strand } from './mesh-parts.ts'
import { ProcessMember } from './mesh-process.ts'
import { Ledger, Server } from './mesh-servers.ts'
import {
  LINKS,
  NODES,
  ORGANISATIONS,
  organisationOf,
  reached,
  type PlannedLink,
} from './mesh-shape.ts'

/** Deadlines of nodes in this process, whose probes notice silence within two seconds. */
const SHORT: Patience = { keepAlive: '1s', server: '4s', node: '10s' }
/** Those of processes, which probe as any node does. */
const LONG: Patience = { keepAlive: '5s', server: '20s', node: '60s' }

/** What is whole for so long is settled, ms: links are up again, lists are read, ways are known. */
const SETTLED_NEAR = { inside: 6_000, border: 6_000 }
const SETTLED_APART = { inside: 10_000, border: 45_000 }

export class MeshWorld {
  /** Whether nodes are processes. */
  readonly #apart: boolean
  readonly ledger: Ledger = new Ledger()
  readonly members: Map<string, Member> = new Map<string, Member>()
  readonly strands: Map<string, Strand> = new Map<string, Strand>()
  readonly buses: Map<string, NatsServer> = new Map<string, NatsServer>()
  readonly servers: Map<string, Server> = new Map<string, Server>()
  readonly #ports = new Map<string, number>()
  #folder = ''
  #compiled: Build | undefined

  private constructor(apart: boolean) {
    this.#apart = apart
  }

  /** @param apart whether each node is a process of its own: the command line, with its defaults */
  static async start(apart: boolean): Promise<MeshWorld> {
    const world = new MeshWorld(apart)
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

  /**
   * Nodes a call from one may go to over what is settled at a time, by `performance.now()`. Where tokens are asked for, what
   * could not be fetched is remembered for half a minute.
   */
  routed(from: string, at: number): ReadonlyMap<string, number> {
    const { inside, border } = this.#apart ? SETTLED_APART : SETTLED_NEAR
    const isWhole = (name: string, ms: number): boolean => this.member(name).wholeSince <= at - ms
    return reached(from, {
      node: (name) => isWhole(name, inside),
      link: (link) => {
        const crosses = organisationOf(link[0]) !== organisationOf(link[1])
        const ms = crosses ? border : inside
        const since = this.strands.get(keyOf(link))?.wholeSince ?? Infinity
        return since <= at - ms && link.every((end) => isWhole(end, ms))
      },
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.end()))
    const rest = [...this.strands.values(), ...this.servers.values()]
    await Promise.all(rest.map((one) => one.close()))
    await Promise.all([...this.buses.values()].map((bus) => bus.stop()))
    await rm(this.#folder, { recursive: true, force: true })
    await this.#compiled?.discard()
  }

  async #build(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'banyan-chaos-'))
    if (this.#apart) this.#compiled = await compile()
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
    for (const { name } of NODES) this.members.set(name, await this.#memberOf(name))
    await Promise.all([...this.members.values()].map((member) => member.start()))
  }

  async #memberOf(name: string): Promise<Member> {
    const plan = NODES.find((one) => one.name === name)
    if (plan === undefined) throw new RangeError(`no node ${name}`)
    const around = {
      folder: this.#folder,
      ports: this.#ports,
      patience: this.#apart ? LONG : SHORT,
      admin: this.#apart ? await freePort() : undefined,
      guarded: this.#apart,
      nats: this.buses.get(plan.organisation)?.url ?? '',
      servers: new Map([...this.servers].map(([space, { url }]) => [space, url])),
      strands: [...this.strands.values()],
    }
    const config = configOf(plan, around)
    if (around.admin === undefined) return new NearMember(plan, config)
    const operators = `http://127.0.0.1:${around.admin}`
    const cli = this.#compiled?.cli ?? ''
    return ProcessMember.make(plan, { config, cli, folder: this.#folder, operators })
  }
}

export function keyOf([from, to]: PlannedLink): string {
  return `${from} ${to}`
}
