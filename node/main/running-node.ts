import type { AddressInfo } from 'node:net'
import { parseConfig } from '../core/config.ts'
import { ConfigError } from '../core/config-error.ts'
import type { NodeConfig, TlsSettings } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { compose, stopStreams, type Parts } from './compose.ts'
import type { BanyanNode, NodeStatus } from './index.ts'
import { endOutdated, outdatedBy } from '../inbound/outdated.ts'
import { restartChanges } from './restart-changes.ts'
import { readTls } from './tls-files.ts'

/** What a node keeps of how it was started. */
interface Running {
  readonly config: NodeConfig
  readonly url: string
  /** Folder relative paths of later configurations start from. */
  readonly baseDir: string | undefined
}

/**
 * A node from a configuration that is already parsed. It listens; its upstreams are left alone until `start`.
 *
 * @throws StateError for a state folder that cannot be used, Error of the system when the address cannot be had
 */
export async function listenNode(
  config: NodeConfig,
  { log, baseDir }: { readonly log: Logger; readonly baseDir?: string | undefined },
): Promise<RunningNode> {
  const parts = await compose(config, log)
  const { host, port } = config.node.listen
  const address = await parts.http.listen(host, port)
  const url = config.node.url ?? baseUrl(address, config.node.tls)
  parts.identity?.begin(url)
  log.info({ url, id: parts.federation.node }, 'listening')
  return new RunningNode(parts, { config, url, baseDir })
}

function baseUrl({ address, family, port }: AddressInfo, tls: TlsSettings | undefined): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
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

  constructor(parts: Parts, { config, url, baseDir }: Running) {
    this.#parts = parts
    this.#config = config
    this.#baseDir = baseDir
    this.id = parts.federation.node
    this.name = parts.federation.name
    this.url = url
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

  /** Like `reload`, with a configuration that is already parsed. */
  async apply(next: NodeConfig): Promise<void> {
    if (this.#closed !== undefined) throw new Error('the node is closed')
    refuseRestart(this.#config, next)
    // The files may have been renewed under their old names.
    if (next.node.tls !== undefined) this.#parts.http.renew(await readTls(next.node.tls))
    const outdated = outdatedBy(this.#config.clients, next.clients)
    await this.#parts.configure(next)
    this.#config = next
    const applied = this.#parts.registry.apply(next)
    const { methods, streamable } = this.#parts
    endOutdated({ ...methods, ...streamable }, outdated)
    await applied
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
    drain.ready = drain.open
    this.#ready.resolve()
  }

  async #close(): Promise<void> {
    const { audit, drain, http, identity, methods, registry, streamable } = this.#parts
    drain.begin()
    stopStreams(this.#parts)
    await http.close(this.#config.limits.shutdownGrace)
    streamable.keepAlive.close()
    methods.serving.close()
    await registry.close()
    await identity?.close()
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
