import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import type { LabServer } from '../../../topology/lab/workload.ts'
import type { HousedPlace, Housing, NodeFiles } from './housing.ts'
import { AT_ONCE, type Weather } from './lane.ts'
import { LinkProxy } from './link-proxy.ts'
import { NatsProcess } from './nats-process.ts'
import { NodeProcess } from './node-process.ts'
import { ToolServer } from './tool-server.ts'

/** A lab in processes of this machine: all of it listens on the loopback, on ports the system gives. Keys are not kept. */
export class ProcessHousing implements Housing {
  readonly #folder: string
  readonly #links: LinkProxy[] = []
  #secrets = ''

  /** @param folder of the run */
  constructor(folder: string) {
    this.#folder = folder
  }

  get bytes(): number {
    return this.#links.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async open(): Promise<void> {
    this.#secrets = await mkdtemp(join(tmpdir(), 'banyan-lab-'))
  }

  async begin(): Promise<void> {}

  stateOf(node: string): string {
    return join(this.#secrets, node)
  }

  place(node: string): HousedPlace {
    return { listen: '127.0.0.1:0', admin: '127.0.0.1:0', state: this.stateOf(node) }
  }

  node(files: NodeFiles, onLine: (line: JsonObject) => void): NodeProcess {
    return new NodeProcess(files, onLine)
  }

  bus(name: string): NatsProcess {
    return new NatsProcess(join(this.#folder, 'buses', name))
  }

  async link(_from: string, _to: string, weather: Weather): Promise<LinkProxy> {
    const proxy = await LinkProxy.listen(weather)
    this.#links.push(proxy)
    return proxy
  }

  toBus(): Promise<LinkProxy> {
    return LinkProxy.listen(AT_ONCE)
  }

  tools(servers: readonly LabServer[]): Promise<ToolServer> {
    return ToolServer.listen(servers)
  }

  async close(): Promise<void> {
    if (this.#secrets !== '') await rm(this.#secrets, { recursive: true, force: true })
  }
}
