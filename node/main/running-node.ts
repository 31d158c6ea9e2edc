import type { AddressInfo } from 'node:net'
import { parseConfig } from '../core/config.ts'
import { ConfigError } from '../core/config-error.ts'
import type { NodeConfig, TlsSettings } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import type { AdminNode } from '../control/admin-route.ts'
import type { Mesh } from '../control/mesh/mesh.ts'
import { openAdmin, type AdminListener } from './admin.ts'
import { compose, stopStreams, type Parts, type Replaced } from './compose.ts'
import type { BanyanNode, NodeStatus } from './index.ts'
import { endOutdated } from '../inbound/outdated.ts'
import { restartChanges } from './restart-changes.ts'
import { readTls } from './tls-files.ts'
import { whoStays } from './who-stays.ts'

/** What a node keeps of how it was started. */
interface Running {
  readonly config: NodeConfig
  readonly url: string
  /** Folder relative paths of later configurations start from. */
  readonly baseDir: string | undefined
}

/** How a node listens, besides its configuration. */
export interface ListenOptions extends Pick<Replaced, 'now' | 'timing'> {
  readonly log: Logger
  readonly baseDir?: string | undefined
}

/**
 * A node from a configuration that is already parsed. It listens; its upstreams are left alone until `start`.
 *
 * @throws StateError for a state folder that cannot be used, Error of the system when the address cannot be had
 */
export async function listenNode(
  config: NodeConfig,
  { log, baseDir, now, timing }: ListenOptions,
): Promise<RunningNode> {
  const parts = await compose(config, log, { now, timing })
  const { host, port } = config.node.listen
  const address = await parts.http.listen(host, port)
  const url = config.node.url ?? baseUrl(address, config.node.tls)
  parts.identity?.begin(url)
  parts.cards.begin(url)
  void parts.mesh.begin(url)
  log.info({ url, id: parts.federation.node }, 'listening')
  const node = new RunningNode(parts, { config, url, baseDir })
  try {
    await node.openAdmin(log)
  } catch (error) {
    await node.close()
    throw error
  }
  return node
}

function baseUrl({ address, family, port }: AddressInfo, tls: TlsSettings | undefined): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

/** Another configuration holds. */
interface Switched {
  /** Upstreams that came have been tried, and those that went have ended. */
  readonly settled: Promise<unknown>
}

/** A node over its parts. */
export class RunningNode implements BanyanNode {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly #parts: Parts
  readonly #baseDir: string | undefined
  readonly #ready = Promise.withResolvers<void>()
  #started = false
  #config: NodeConfig
  #closed: Promise<void> | undefined
  #switching: Promise<unknown> = Promise.resolve()
  #admin: AdminListener | undefined
  #leaves: boolean | undefined
  #reload: AdminNode['reload']

  constructor(parts: Parts, { config, url, baseDir }: Running) {
    this.#parts = parts
    this.#config = config
    this.#baseDir = baseDir
    this.id = parts.federation.node
    this.name = parts.federation.name
    this.url = url
  }

  /** Where operators ask; undefined where they cannot. */
  get adminUrl(): string | undefined {
    return this.#admin?.url
  }

  /** What it knows of the mesh. */
  get mesh(): Mesh {
    return this.#parts.mesh
  }

  /** Opens the listener for operators, once. @throws Error of the system when its address cannot be had */
  async openAdmin(log: Logger): Promise<void> {
    const { url } = this
    this.#admin = await openAdmin(this.#parts, { url, log, reload: () => this.#reload })
  }

  /** Says how the file of the node is taken again when an operator asks for it. */
  onReload(reload: AdminNode['reload']): void {
    this.#reload = reload
  }

  endpointUrl(endpoint: string): string {
    return `${this.url}/mcp/${endpoint}`
  }

  status(): NodeStatus {
    const { federation, registry, drain } = this.#parts
    return {
      id: this.id,
      name: this.name,
      organisation: federation.organisation,
      url: this.url,
      admin: this.adminUrl,
      ready: drain.ready,
      upstreams: registry.upstreamStatus(),
      endpoints: registry.endpointStatus(),
    }
  }

  /** Connects the upstreams, in the background. */
  start(): this {
    if (!this.#started) void this.#start()
    this.#started = true
    return this
  }

  /** Asks the upstreams of these labels for their lists again. Resolves when that is over; never rejects. */
  async refresh(labels: readonly string[]): Promise<void> {
    const { catalogue } = this.#parts.registry
    await Promise.all(labels.map((label) => catalogue.evict(label)))
  }

  ready(): Promise<void> {
    return this.#ready.promise
  }

  async reload(input: unknown): Promise<void> {
    await this.apply(parseConfig(input, parseOptions(this.#baseDir)))
  }

  /** Like `reload`, with a configuration that is already parsed. Of several the last holds, whichever is over first. */
  async apply(next: NodeConfig): Promise<void> {
    if (this.#closed !== undefined) throw new Error('the node is closed')
    const switched = this.#switchAfter(this.#switching, next)
    this.#switching = switched.catch(() => undefined)
    const { settled } = await switched
    await settled
  }

  async #switchAfter(earlier: Promise<unknown>, next: NodeConfig): Promise<Switched> {
    await earlier
    return this.#switch(next)
  }

  /** All of it at once: no request is served by a part of the one and a part of the other. */
  async #switch(next: NodeConfig): Promise<Switched> {
    const before = this.#config
    refuseRestart(before, next)
    await this.#renewTls(next)
    const { identity, links, mesh, registry, methods, streamable } = this.#parts
    this.#parts.configure(next)
    this.#config = next
    const settled = Promise.all([registry.apply(next), mesh.configure(next), identity?.refresh()])
    endOutdated({ ...methods, ...streamable, links }, whoStays(before, next))
    return { settled }
  }

  /** The files may have been renewed under their old names. Nothing is, unless all can be used. */
  async #renewTls({ node, admin }: NodeConfig): Promise<void> {
    const own = node.tls && (await readTls(node.tls))
    const operators = admin?.tls && (await readTls(admin.tls))
    if (own !== undefined) this.#parts.http.renew(own)
    if (operators !== undefined) this.#admin?.renew(operators)
  }

  /** When it is closed, the node is gone for good, and says so. */
  leave(): void {
    this.#leaves = true
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<void> {
    const { registry, drain } = this.#parts
    await registry.start()
    drain.loaded()
    this.#ready.resolve()
  }

  async #close(): Promise<void> {
    const { audit, drain, http, identity, links, mesh, methods, observing } = this.#parts
    const { registry, streamable } = this.#parts
    const { shutdownGrace } = this.#config.limits
    drain.begin()
    mesh.drain(true)
    stopStreams(this.#parts)
    // What a reload that was asked for before takes away has to be ended, too.
    await this.#switching
    await mesh.close(this.#leaves)
    await Promise.all([http.close(shutdownGrace), this.#admin?.close(shutdownGrace)])
    links.close()
    streamable.keepAlive.close()
    methods.serving.close()
    await registry.close()
    await identity?.close()
    await observing.tracing?.close()
    await audit?.close()
  }
}

/** How `parseConfig` is told a folder that may be missing. */
export function parseOptions(baseDir: string | undefined): { baseDir?: string } {
  return baseDir === undefined ? {} : { baseDir }
}

function refuseRestart(now: NodeConfig, next: NodeConfig): void {
  const problems = restartChanges(now, next)
  if (problems.length > 0) throw new ConfigError(problems)
}
