import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lab, LabNode } from '../../../topology/lab/lab.ts'
import { LAB_ENDPOINT, nodeConfigs } from '../../../topology/lab/node-configs.ts'
import { SeededRandom } from '../../../topology/sim/random.ts'
import { loadState } from '../../identity/node-state.ts'
import type { LabServer } from '../../../topology/lab/workload.ts'
import { LinkProxy } from './link-proxy.ts'
import { NatsProcess } from './nats-process.ts'
import { NodeProcess, type NodePorts } from './node-process.ts'
import { ToolServer } from './tool-server.ts'

/** Nodes that are started at a time. */
const STARTS = 3
const PROXY_SEED = 0x6a09e667

/** A way over which nothing takes any time. */
const AT_ONCE = { latency: 0, jitter: 0, dist: 'uniform', loss: 0, random: () => 0 } as const

type Data = Readonly<Record<string, unknown>>

/** What is heard of processes: lines of logs. */
export type OnLine = (node: string, line: Readonly<Record<string, unknown>>) => void

/**
 * The processes of a lab, and what lies between them: a `banyan up` for each node, a `nats-server` for each bus, a proxy for
 * each link and for each way of a node to its bus. Everything listens on the loopback, on ports the system gives.
 */
export class RealMesh {
  readonly #lab: Lab
  readonly #folder: string
  readonly #onLine: OnLine
  #secrets = ''
  /** Names of nodes, by id. */
  readonly names: Map<string, string> = new Map<string, string>()
  readonly #ids = new Map<string, string>()
  readonly #nodes = new Map<string, NodeProcess>()
  readonly #ports = new Map<string, NodePorts>()
  readonly #links = new Map<string, LinkProxy>()
  readonly #toBus = new Map<string, LinkProxy>()
  readonly #buses = new Map<string, { readonly server: NatsProcess; port: number | undefined }>()
  readonly #apart = new Set<string>()
  #configs: ReadonlyMap<string, Data> = new Map()
  #tools: ToolServer | undefined

  /** @param folder of the run: configurations and logs are kept there, keys are not */
  constructor(lab: Lab, folder: string, onLine: OnLine) {
    this.#lab = lab
    this.#folder = folder
    this.#onLine = onLine
  }

  /** Where an endpoint of a running node is; undefined while it does not run. */
  endpointOf(node: string): string | undefined {
    const ports = this.#ports.get(node)
    return ports && `http://127.0.0.1:${ports.port}/mcp/${LAB_ENDPOINT}`
  }

  /** Resolves with what is wrong when something ends by itself. */
  get failure(): Promise<Error> {
    return Promise.race([...this.#nodes.values()].map((one) => one.failure))
  }

  /** Bytes that links have carried. */
  get bytes(): number {
    let sum = 0
    for (const { bytes } of this.#links.values()) sum += bytes
    return sum
  }

  /**
   * Starts buses and what lies between, and makes the configurations. Nodes are started one by one, by {@link startAll}.
   *
   * @throws Error when something cannot be had; `close` is due then, too
   */
  async build(): Promise<void> {
    this.#secrets = await mkdtemp(join(tmpdir(), 'banyan-lab-'))
    await Promise.all([...busesOf(this.#lab)].map((bus) => this.#buildBus(bus)))
    for (const { id } of this.#lab.nodes.values()) await this.#buildNode(id)
    const random = new SeededRandom(this.#lab.seed ^ PROXY_SEED)
    for (const { from, to, latency, jitter, dist, loss } of this.#lab.links) {
      const own = random.fork()
      const weather = { latency, jitter, dist, loss, random: () => own.next() }
      this.#links.set(`${from} ${to}`, await LinkProxy.listen(weather))
    }
    const servers = [...this.#lab.nodes.values()].flatMap(serversOf)
    this.#tools = await ToolServer.listen(servers)
    this.#configs = this.#makeConfigs(this.#tools)
    for (const id of this.#lab.nodes.keys()) await this.configure(id, false)
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
    const ports = await this.#node(id).start()
    this.#ports.set(id, ports)
    for (const proxy of this.#linksTo(id)) proxy.lead(ports.port)
    return ports
  }

  /** Ends a node without a word. @param loseDisk it remembers nothing but its key */
  async killNode(id: string, loseDisk: boolean): Promise<void> {
    this.#ports.delete(id)
    for (const proxy of this.#linksTo(id)) proxy.lead(undefined)
    const node = this.#node(id)
    await node.kill()
    if (loseDisk) await node.forget()
  }

  link(from: string, to: string): LinkProxy | undefined {
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
    await Promise.all([...this.#nodes.values()].map((node) => node.close()))
    await Promise.all([...this.#buses.values()].map(({ server }) => server.kill()))
    const rest = [...this.#links.values(), ...this.#toBus.values()]
    await Promise.all([...rest.map((proxy) => proxy.close()), this.#tools?.close()])
    if (this.#secrets !== '') await rm(this.#secrets, { recursive: true, force: true })
  }

  /** Ends all processes at once, where nothing can be waited for any more. */
  readonly abandon = (): void => {
    for (const node of this.#nodes.values()) node.abandon()
    for (const { server } of this.#buses.values()) server.abandon()
  }

  async #buildBus(bus: string): Promise<void> {
    const server = new NatsProcess(join(this.#folder, 'buses', bus))
    const entry = { server, port: undefined as number | undefined }
    this.#buses.set(bus, entry)
    entry.port = await server.start()
  }

  async #buildNode(id: string): Promise<void> {
    const folder = join(this.#folder, 'nodes', id)
    await mkdir(folder, { recursive: true })
    const state = join(this.#secrets, id)
    const key = (await loadState(state)).id
    this.names.set(key, id)
    this.#ids.set(id, key)
    const files = {
      name: id,
      state,
      config: join(folder, 'banyan.yaml'),
      log: join(folder, 'log.ndjson'),
    }
    this.#nodes.set(id, new NodeProcess(files, (line) => this.#onLine(id, line)))
    if (this.#busOf(id) !== undefined) this.#toBus.set(id, await LinkProxy.listen(AT_ONCE))
    this.#leadToBuses()
  }

  #makeConfigs(tools: ToolServer): ReadonlyMap<string, Data> {
    const configs = nodeConfigs(this.#lab, {
      place: (node) => ({
        listen: '127.0.0.1:0',
        state: this.#node(node).files.state,
        id: this.#ids.get(node),
      }),
      server: (node, namespace) => ({ http: { url: tools.url(node, namespace) } }),
      linkUrl: (from, to) => `http://127.0.0.1:${this.link(from, to)?.port}/mcp/${LAB_ENDPOINT}`,
      nats: (_, node) => `nats://127.0.0.1:${this.#toBus.get(node)?.port}`,
    })
    const admin = { listen: '127.0.0.1:0', auth: 'none', write: true }
    return new Map([...configs].map(([id, config]) => [id, { ...config, admin }]))
  }

  #leadToBuses(): void {
    for (const [id, proxy] of this.#toBus) {
      const port = this.#buses.get(this.#busOf(id) ?? '')?.port
      proxy.lead(this.#apart.has(id) ? undefined : port)
    }
  }

  #busOf(id: string): string | undefined {
    const { organisation = '' } = this.#lab.nodes.get(id) ?? {}
    return this.#lab.organisations.get(organisation)?.gossip
  }

  #linksTo(id: string): LinkProxy[] {
    return this.#lab.links.flatMap(({ from, to }) => (to === id ? (this.link(from, to) ?? []) : []))
  }

  #node(id: string): NodeProcess {
    const found = this.#nodes.get(id)
    if (found === undefined) throw new RangeError(`there is no node ${id}`)
    return found
  }
}

function busesOf({ nodes, organisations }: Lab): Set<string> {
  const used = new Set([...nodes.values()].map(({ organisation }) => organisation))
  const buses = [...organisations].flatMap(([name, { gossip }]) =>
    gossip === undefined || !used.has(name) ? [] : [gossip],
  )
  return new Set(buses)
}

function serversOf({ id, namespaces }: LabNode): LabServer[] {
  return namespaces.map(({ name, count, serves }) => ({
    node: id,
    namespace: name,
    kind: serves,
    count,
  }))
}
