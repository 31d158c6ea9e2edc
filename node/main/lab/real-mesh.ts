import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { busesOf, busOf } from '../../../topology/lab/container-plan.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import { LAB_ENDPOINT, nodeConfigs } from '../../../topology/lab/node-configs.ts'
import { loadState } from '../../identity/node-state.ts'
import { serversOf } from '../../../topology/lab/workload.ts'
import type {
  HousedBus,
  HousedNode,
  HousedTools,
  HousedWay,
  Housing,
  NodeFiles,
  NodePorts,
} from './housing.ts'
import { weathersOf } from './weathers.ts'

/** Nodes that are started at a time. */
const STARTS = 3

type Data = Readonly<Record<string, unknown>>

/** What is heard of processes: lines of logs. */
export type OnLine = (node: string, line: Readonly<Record<string, unknown>>) => void

/** A node and its files. */
interface Housed {
  readonly files: NodeFiles
  readonly host: HousedNode
}

/** Where a run takes place. */
export interface RunPlace {
  /** Of the run: configurations and logs are kept there. */
  readonly folder: string
  readonly housing: Housing
}

/**
 * The processes of a lab, and what lies between them: a `banyan up` for each node, a `nats-server` for each bus, a proxy for
 * each link and for each way of a node to its bus. Where they run is for the housing to say.
 */
export class RealMesh {
  readonly #lab: Lab
  readonly #folder: string
  readonly #onLine: OnLine
  readonly #housing: Housing
  /** Names of nodes, by id. */
  readonly names: Map<string, string> = new Map<string, string>()
  readonly #ids = new Map<string, string>()
  readonly #nodes = new Map<string, Housed>()
  readonly #ports = new Map<string, NodePorts>()
  readonly #links = new Map<string, HousedWay>()
  readonly #toBus = new Map<string, HousedWay>()
  readonly #buses = new Map<string, { readonly server: HousedBus; port: number | undefined }>()
  readonly #apart = new Set<string>()
  #configs: ReadonlyMap<string, Data> = new Map()
  #tools: HousedTools | undefined

  constructor(lab: Lab, { folder, housing }: RunPlace, onLine: OnLine) {
    this.#lab = lab
    this.#folder = folder
    this.#housing = housing
    this.#onLine = onLine
  }

  /** Where an endpoint of a running node is; undefined while it does not run. */
  endpointOf(node: string): string | undefined {
    const ports = this.#ports.get(node)
    return ports && `${ports.url}/mcp/${LAB_ENDPOINT}`
  }

  /** Resolves with what is wrong when something ends by itself. */
  get failure(): Promise<Error> {
    return Promise.race([...this.#nodes.values()].map(({ host }) => host.failure))
  }

  /** Bytes that links have carried. */
  get bytes(): number {
    return this.#housing.bytes
  }

  /** Makes everything there is, and the configurations. Nothing is started yet. */
  async prepare(): Promise<void> {
    const housing = this.#housing
    await housing.open()
    for (const bus of busesOf(this.#lab)) {
      this.#buses.set(bus, { server: housing.bus(bus), port: undefined })
    }
    for (const { id } of this.#lab.nodes.values()) await this.#buildNode(id)
    for (const [{ from, to }, weather] of weathersOf(this.#lab.links, this.#lab.seed)) {
      this.#links.set(`${from} ${to}`, await housing.link(from, to, weather))
    }
    this.#tools = await housing.tools([...this.#lab.nodes.values()].flatMap(serversOf))
    this.#configs = this.#makeConfigs(this.#tools)
    for (const id of this.#lab.nodes.keys()) await this.configure(id, false)
  }

  /**
   * Prepares, and starts the buses. Nodes are started one by one, by {@link startAll}.
   *
   * @throws Error when something cannot be had; `close` is due then, too
   */
  async build(): Promise<void> {
    await this.prepare()
    await this.#housing.begin()
    await Promise.all([...this.#buses.keys()].map((bus) => this.startBus(bus)))
  }

  /** Starts all nodes, some at a time. @param started hears of each */
  async startAll(started: (node: string, ports: NodePorts) => void): Promise<void> {
    const waiting = [...this.#lab.nodes.keys()]
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        started(id, await this.startNode(id))
      }
    }
    await Promise.all(Array.from({ length: STARTS }, worker))
  }

  async startNode(id: string): Promise<NodePorts> {
    const ports = await this.#node(id).host.start()
    this.#ports.set(id, ports)
    for (const proxy of this.#linksTo(id)) proxy.lead(ports.port)
    return ports
  }

  /** Ends a node without a word. @param loseDisk it remembers nothing but its key */
  async killNode(id: string, loseDisk: boolean): Promise<void> {
    this.#ports.delete(id)
    for (const proxy of this.#linksTo(id)) proxy.lead(undefined)
    const { host } = this.#node(id)
    await host.kill()
    if (loseDisk) await host.forget()
  }

  link(from: string, to: string): HousedWay | undefined {
    return this.#links.get(`${from} ${to}`)
  }

  async startBus(bus: string): Promise<void> {
    const known = this.#buses.get(bus)
    if (known === undefined || known.port !== undefined) return
    known.port = await known.server.start()
    this.#leadToBuses()
  }

  async killBus(bus: string): Promise<void> {
    const known = this.#buses.get(bus)
    if (known === undefined) return
    known.port = undefined
    this.#leadToBuses()
    await known.server.kill()
  }

  /** Takes the bus from a node, or gives it back. */
  setApart(id: string, is: boolean): void {
    if (is) this.#apart.add(id)
    else this.#apart.delete(id)
    this.#leadToBuses()
    if (is) this.#toBus.get(id)?.reset()
  }

  /** The servers of a node list something else. */
  changeTools(id: string): void {
    this.#tools?.change(id)
  }

  /** Writes the configuration of a node. @param bare without its namespaces */
  async configure(id: string, bare: boolean): Promise<void> {
    const { namespaces, tags, ...rest } = this.#configs.get(id) ?? {}
    const own = bare ? { namespaces: {} } : { namespaces, tags }
    const text = `${JSON.stringify({ ...rest, ...own }, null, 2)}\n`
    await writeFile(this.#node(id).files.config, text)
  }

  /** Ends everything. Resolves when all of it has ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ host }) => host.close()))
    await Promise.all([...this.#buses.values()].map(({ server }) => server.close()))
    const rest = [...this.#links.values(), ...this.#toBus.values()]
    await Promise.all([...rest.map((proxy) => proxy.close()), this.#tools?.close()])
    await this.#housing.close()
  }

  /** Ends all processes at once, where nothing can be waited for any more. */
  readonly abandon = (): void => {
    for (const { host } of this.#nodes.values()) host.abandon()
    for (const { server } of this.#buses.values()) server.abandon()
  }

  async #buildNode(id: string): Promise<void> {
    const folder = join(this.#folder, 'nodes', id)
    await mkdir(folder, { recursive: true })
    const state = this.#housing.stateOf(id)
    const key = (await loadState(state)).id
    this.names.set(key, id)
    this.#ids.set(id, key)
    const files = {
      name: id,
      state,
      config: join(folder, 'banyan.yaml'),
      log: join(folder, 'log.ndjson'),
    }
    const host = this.#housing.node(files, (line) => this.#onLine(id, line))
    this.#nodes.set(id, { files, host })
    if (busOf(this.#lab, id) !== undefined) this.#toBus.set(id, await this.#housing.toBus(id))
    this.#leadToBuses()
  }

  #makeConfigs(tools: HousedTools): ReadonlyMap<string, Data> {
    const configs = nodeConfigs(this.#lab, {
      place: (node) => ({ ...this.#housing.place(node), id: this.#ids.get(node) }),
      server: (node, namespace) => ({ http: { url: tools.url(node, namespace) } }),
      linkUrl: (from, to) => `http://127.0.0.1:${this.link(from, to)?.port}/mcp/${LAB_ENDPOINT}`,
      nats: (_, node) => `nats://127.0.0.1:${this.#toBus.get(node)?.port}`,
    })
    const adminOf = (id: string): Data => {
      return { listen: this.#housing.place(id).admin, auth: 'none', write: true }
    }
    return new Map([...configs].map(([id, config]) => [id, { ...config, admin: adminOf(id) }]))
  }

  #leadToBuses(): void {
    for (const [id, proxy] of this.#toBus) {
      const port = this.#buses.get(busOf(this.#lab, id) ?? '')?.port
      proxy.lead(this.#apart.has(id) ? undefined : port)
    }
  }

  #linksTo(id: string): HousedWay[] {
    return this.#lab.links.flatMap(({ from, to }) => (to === id ? (this.link(from, to) ?? []) : []))
  }

  #node(id: string): Housed {
    const found = this.#nodes.get(id)
    if (found === undefined) throw new RangeError(`there is no node ${id}`)
    return found
  }
}
