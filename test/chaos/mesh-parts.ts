// Parts of a mesh that can be broken, each of which knows since when it is whole.
import { join } from 'node:path'
import { parseConfig } from '../../node/core/config.ts'
import { SILENT } from '../../node/core/logger.ts'
import { listenNode, type RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { QUICK } from '../mesh/gossiping.ts'
import { FlakyLink } from './flaky-link.ts'
import type { PlannedLink, PlannedNode } from './mesh-shape.ts'

/** Something that breaks. */
export class Part {
  #wholeSince: number | undefined

  /** Since when it is whole, by `performance.now()`; Infinity while it is not. */
  get wholeSince(): number {
    return this.#wholeSince ?? Number.POSITIVE_INFINITY
  }

  protected broke(): void {
    this.#wholeSince = undefined
  }

  protected mended(): void {
    this.#wholeSince = performance.now()
  }
}

/** A node that is closed and started again, with the folder and the port it had. */
export class Member extends Part {
  readonly plan: PlannedNode
  readonly #config: object
  #running: RunningNode | undefined

  constructor(plan: PlannedNode, config: object) {
    super()
    this.plan = plan
    this.#config = config
  }

  get running(): RunningNode | undefined {
    return this.#running
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return
    const config = parseConfig(this.#config, { env: {} })
    this.#running = await listenNode(config, { log: canary.log(SILENT), timing: QUICK })
    await this.#running.start().ready()
    this.mended()
  }

  async stop(): Promise<void> {
    this.broke()
    const running = this.#running
    this.#running = undefined
    await running?.close()
  }
}

/** How a link breaks: reset once, nobody listens, silence from the upstream, silence both ways. */
export const LINK_FAULTS = ['reset', 'refuse', 'mute', 'freeze'] as const
export type LinkFault = (typeof LINK_FAULTS)[number]

/** A link, and what lies between its ends. */
export class Strand extends Part {
  readonly plan: PlannedLink
  readonly #wire: FlakyLink
  #fault: LinkFault | undefined

  private constructor(plan: PlannedLink, wire: FlakyLink) {
    super()
    this.plan = plan
    this.#wire = wire
    this.mended()
  }

  static async lay(plan: PlannedLink, port: number): Promise<Strand> {
    return new Strand(plan, await FlakyLink.to(port))
  }

  get isBroken(): boolean {
    return this.#fault !== undefined
  }

  get url(): string {
    return `http://127.0.0.1:${this.#wire.port}/mcp/main`
  }

  async break(fault: LinkFault): Promise<void> {
    this.#fault = fault
    this.broke()
    if (fault === 'reset') this.#wire.sever()
    else if (fault === 'refuse') await this.#wire.refuse()
    else if (fault === 'mute') this.#wire.mute()
    else this.#wire.freeze()
  }

  async mend(): Promise<void> {
    if (this.#fault === 'refuse') await this.#wire.admit()
    this.#wire.heal()
    this.#fault = undefined
    this.mended()
  }

  close(): Promise<void> {
    return this.#wire.close()
  }
}

/** How impatient nodes are: they notice silence after two seconds. */
const LIMITS = {
  keepAlive: '1s',
  connectTimeout: '1s',
  listTimeout: '2s',
  shutdownGrace: '2s',
}

/** All is offered to everybody, and all is taken. */
const RULES = { exports: [{ transit: true }], imports: [{ behind: ['*'] }] }

/** Where a node is, and what it uses. */
export interface Surroundings {
  readonly folder: string
  readonly port: number
  readonly nats: string
  /** URLs of its servers, by namespace. */
  readonly servers: ReadonlyMap<string, string>
  readonly strands: readonly Strand[]
}

/** The configuration of a node of the mesh. */
export function configOf(
  { name, organisation, namespaces }: PlannedNode,
  { folder, port, nats, servers, strands }: Surroundings,
): object {
  const own = namespaces.map((space) => {
    return [`of-${space}`, { http: { url: servers.get(space) }, timeout: '4s' }] as const
  })
  const others = strands.map(({ plan: [, to], url }) => {
    return [to, { node: { url, as: '{namespace}' }, timeout: '10s' }] as const
  })
  const state = join(folder, name)
  return {
    node: { name, organisation, listen: `127.0.0.1:${port}`, state },
    limits: LIMITS,
    upstreams: Object.fromEntries([...own, ...others]),
    namespaces: Object.fromEntries(namespaces.map((space) => [space, { from: [`of-${space}`] }])),
    endpoints: { main: { namespaces: ['*'] } },
    gossip: { nats, members: 'first-use', disclose: 'full', ...RULES },
  }
}
