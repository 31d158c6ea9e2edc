import type { AddressInfo } from 'node:net'
import { configWarnings } from '../core/config-checks.ts'
import { parseConfig } from '../core/config.ts'
import { ConfigError } from '../core/config-error.ts'
import type { NodeConfigInput } from '../core/config-input.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { createLogger, SILENT, type Logger, type LogLevel } from '../core/logger.ts'
import type { EndpointStatus, UpstreamStatus } from '../control/registry.ts'
import { StateError } from '../identity/node-state.ts'
import { compose, stopStreams, type Parts } from './compose.ts'

export { ConfigError, StateError }
export type { EndpointStatus, Logger, LogLevel, NodeConfigInput, UpstreamStatus }

/** How a node stands. */
export interface NodeStatus {
  readonly id: string
  readonly name: string
  readonly organisation: string
  readonly url: string
  readonly ready: boolean
  readonly upstreams: readonly UpstreamStatus[]
  readonly endpoints: readonly EndpointStatus[]
}

/** A running node. */
export interface BanyanNode {
  /** RFC 7638 thumbprint of its key. */
  readonly id: string
  readonly name: string
  /** Base URL, with the real port. */
  readonly url: string
  endpointUrl(endpoint: string): string
  status(): NodeStatus
  /** Resolves when the first connection attempt and the first list of every upstream are over. */
  ready(): Promise<void>
  /**
   * Takes another configuration, of the shape of the file, without dropping calls.
   *
   * @throws ConfigError when it is bad, or changes what needs a restart; the running configuration stays
   */
  reload(input: unknown): Promise<void>
  /** Takes no more work, ends listens and calls, stops child processes. Resolves when all is done. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How to run a node, besides its configuration. */
export interface NodeOptions {
  /** Folder relative paths start from. Default: the working folder. */
  readonly baseDir?: string
  /** Where the log goes; a level writes JSON lines to standard error. Default: `silent`. */
  readonly log?: Logger | LogLevel
}

/**
 * Starts a node. It listens when the promise resolves; its upstreams connect in the background, see `ready`.
 *
 * @throws ConfigError for a bad configuration, StateError for a state folder that cannot be used, Error of the system
 *   when the address cannot be had
 * @example
 * ```ts
 * import { createNode } from 'banyan-mcp'
 *
 * const node = await createNode({
 *   node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
 *   upstreams: { search: { http: { url: 'http://127.0.0.1:3000/mcp' } } },
 *   namespaces: { search: { from: ['search'] } },
 *   endpoints: { main: { namespaces: ['search'] } },
 * })
 * await node.ready()
 * console.log(node.endpointUrl('main'))
 * await node.close()
 * ```
 */
export async function createNode(
  input: NodeConfigInput | object,
  options: NodeOptions = {},
): Promise<BanyanNode> {
  const config = parseConfig(input, parseOptions(options))
  const log = loggerOf(options, config)
  for (const { path, message } of configWarnings(config))
    log.warn({ path: path.join('.') }, message)
  const parts = await compose(config, log)
  const { host, port } = config.node.listen
  const address = await parts.http.listen(host, port)
  const url = config.node.url ?? baseUrl(address)
  log.info({ url, node: parts.federation.node }, 'listening')
  return new RunningNode(parts, { config, url, options })
}

function parseOptions({ baseDir }: NodeOptions): { baseDir?: string } {
  return baseDir === undefined ? {} : { baseDir }
}

function loggerOf({ log = 'silent' }: NodeOptions, { node }: NodeConfig): Logger {
  if (typeof log === 'object') return log
  return log === 'silent' ? SILENT : createLogger(log, { node: node.name })
}

function baseUrl({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`
}

class RunningNode implements BanyanNode {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly #parts: Parts
  readonly #options: NodeOptions
  readonly #ready: Promise<void>
  #config: NodeConfig
  #closed: Promise<void> | undefined

  constructor(
    parts: Parts,
    { config, url, options }: { config: NodeConfig; url: string; options: NodeOptions },
  ) {
    this.#parts = parts
    this.#config = config
    this.#options = options
    this.id = parts.federation.node
    this.name = parts.federation.name
    this.url = url
    this.#ready = this.#start()
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

  ready(): Promise<void> {
    return this.#ready
  }

  async reload(input: unknown): Promise<void> {
    const next = parseConfig(input, parseOptions(this.#options))
    refuseRestart(this.#config, next)
    this.#config = next
    this.#parts.configure(next)
    await this.#parts.registry.apply(next)
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
  }

  async #close(): Promise<void> {
    const { drain, http, registry, streamable } = this.#parts
    drain.begin()
    stopStreams(this.#parts)
    await http.close(this.#config.limits.shutdownGrace)
    streamable.keepAlive.close()
    await registry.close()
  }
}

/** What cannot change while the node runs: its address, its keys, and the limits its parts were built with. */
function refuseRestart(now: NodeConfig, next: NodeConfig): void {
  const problems = (['node', 'limits'] as const)
    .filter((key) => plain(now[key]) !== plain(next[key]))
    .map((key) => ({ path: [key], message: 'changed; that takes a restart of the node' }))
  if (problems.length > 0) throw new ConfigError(problems)
}

function plain(value: unknown): string {
  return JSON.stringify(value)
}
