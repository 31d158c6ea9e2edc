import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import {
  HOLDER,
  planContainers,
  serviceOf,
  type ContainerPlan,
  type NodePlan,
} from '../../../topology/lab/container-plan.ts'
import {
  COMPOSE_FILE,
  KEYS,
  writeContainerFolder,
  type ContainerParts,
} from './container-folder.ts'
import { ContainerBus, ContainerNode } from './container-node.ts'
import { Compose, docker } from './docker.ts'
import { HeldTools, HeldWay, HolderClient } from './holder-client.ts'
import type { HousedPlace, Housing, NodeFiles, NodePorts } from './housing.ts'

/** State folder of a node, as it sees it. */
const STATE = '/var/lib/banyan'

/** What `docker inspect` says of ports. */
type Published = Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>

interface HousingParts extends ContainerParts {
  /** Of the run. */
  readonly folder: string
}

/** A lab in containers that share one network; it goes on when it is closed, where it is to stay. */
export class ContainerHousing implements Housing {
  readonly #parts: HousingParts
  readonly #plan: ContainerPlan
  readonly #holder = new HolderClient()
  #compose: Compose | undefined
  #containers: ReadonlyMap<string, string> = new Map()
  #published: Published = {}
  /** Whether the containers outlive it. */
  stays = false

  constructor(parts: HousingParts) {
    this.#parts = parts
    this.#plan = planContainers(parts.lab)
  }

  get bytes(): number {
    return this.#holder.bytes
  }

  async open(): Promise<void> {
    await writeContainerFolder(this.#parts.folder, this.#plan, this.#parts)
  }

  async begin(): Promise<void> {
    const { folder, project } = this.#parts
    this.#compose = await Compose.find(project)
    await this.#compose.create(join(folder, COMPOSE_FILE), HOLDER)
    this.#containers = await this.#compose.containers()
    const holder = this.#container(HOLDER)
    const ports = await docker('inspect', '--format', '{{json .NetworkSettings.Ports}}', holder)
    this.#published = JSON.parse(ports) as Published
    await this.#holder.connect(this.#outside(this.#plan.control))
  }

  stateOf(node: string): string {
    return join(this.#parts.folder, KEYS, node)
  }

  place(node: string): HousedPlace {
    const { admin, listen } = this.#planOf(node)
    return { listen: `127.0.0.1:${listen}`, admin: `127.0.0.1:${admin}`, state: STATE }
  }

  node(files: NodeFiles, onLine: (line: JsonObject) => void): ContainerNode {
    const id = (): string => this.#container(serviceOf('node', files.name))
    const ports = (): NodePorts => this.portsOf(files.name)
    return new ContainerNode(files, { id, ports }, onLine)
  }

  bus(name: string): ContainerBus {
    const id = (): string => this.#container(serviceOf('bus', name))
    return new ContainerBus(name, id, this.#plan.buses.get(name) ?? 0)
  }

  async link(from: string, to: string): Promise<HeldWay> {
    const name = `${from} ${to}`
    return new HeldWay(`link ${name}`, this.#plan.links.get(name) ?? 0, this.#holder)
  }

  async toBus(node: string): Promise<HeldWay> {
    return new HeldWay(`bus ${node}`, this.#planOf(node).toBus ?? 0, this.#holder)
  }

  async tools(): Promise<HeldTools> {
    return new HeldTools(this.#plan.tools, this.#holder)
  }

  /** Where a node is reached, once it has begun. */
  portsOf(node: string): NodePorts {
    const { adminDoor, door, listen } = this.#planOf(node)
    const url = (port: number): string => `http://127.0.0.1:${this.#outside(port)}`
    return { port: listen, url: url(door), admin: url(adminDoor) }
  }

  async close(): Promise<void> {
    this.#holder.close()
    const { folder } = this.#parts
    if (this.stays || this.#compose === undefined) return
    await this.#compose.down(join(folder, COMPOSE_FILE))
    await rm(join(folder, KEYS), { recursive: true, force: true })
  }

  #planOf(node: string): NodePlan {
    const found = this.#plan.nodes.get(node)
    if (found === undefined) throw new RangeError(`there is no node ${node}`)
    return found
  }

  #container(service: string): string {
    const id = this.#containers.get(service)
    if (id === undefined) throw new Error(`there is no container of ${service}`)
    return id
  }

  /** The port of this machine that leads to one of the network of the lab. */
  #outside(port: number): number {
    const bound = this.#published[`${port}/tcp`]?.[0]
    if (bound === undefined) throw new Error(`port ${port} of the container "lab" is not published`)
    return Number(bound.HostPort)
  }
}
