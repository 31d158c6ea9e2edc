import type { Readable, Writable } from 'node:stream'
import { configWarnings } from '../core/config-checks.ts'
import { parseConfig } from '../core/config.ts'
import { ConfigError } from '../core/config-error.ts'
import type { NodeConfigInput } from '../core/config-input.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { createLogger, SILENT, type Logger, type LogLevel } from '../core/logger.ts'
import type { EndpointStatus, UpstreamStatus } from '../control/registry.ts'
import { StateError } from '../identity/node-state.ts'
import { listenNode, parseOptions } from './running-node.ts'
import { runStdioNode } from './stdio-node.ts'

export { ConfigError, StateError }
export type { EndpointStatus, Logger, LogLevel, NodeConfigInput, UpstreamStatus }

/** How a node stands. */
export interface NodeStatus {
  readonly id: string
  readonly name: string
  readonly organisation: string
  readonly url: string
  /** Where operators ask; undefined where they cannot. */
  readonly admin: string | undefined
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
  /** Where operators ask; undefined where they cannot. */
  readonly adminUrl: string | undefined
  endpointUrl(endpoint: string): string
  status(): NodeStatus
  /** Resolves when the first connection attempt and the first list of every upstream are over. */
  ready(): Promise<void>
  /**
   * Takes another configuration, of the shape of the file, without dropping calls.
   *
   * @throws ConfigError when it is bad, or changes what needs a restart; the running configuration stays. Error when the
   *   node is closed
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
  const { config, log } = prepare(input, options)
  const node = await listenNode(config, { log, baseDir: options.baseDir })
  return node.start()
}

/** How to serve a pipe, besides the configuration. */
export interface StdioOptions extends NodeOptions {
  /** The endpoint to serve. */
  readonly endpoint: string
  /** Where requests come from. Default: standard input. */
  readonly stdin?: Readable
  /** Where answers go, and nothing else may. Default: standard output. */
  readonly stdout?: Writable
  /** Ends it before the caller does; running calls are stopped. */
  readonly signal?: AbortSignal
}

/**
 * Serves one endpoint over a pipe, one JSON-RPC message a line, without HTTP. Resolves when the caller has closed its
 * end, has its answers, and child processes are stopped.
 *
 * @throws ConfigError for a bad configuration, StateError for a state folder that cannot be used, Error when there is no
 *   such endpoint
 */
export async function serveStdio(
  input: NodeConfigInput | object,
  { endpoint, stdin, stdout, signal, ...options }: StdioOptions,
): Promise<void> {
  const { config, log } = prepare(input, options)
  const pipe = { stdin: stdin ?? process.stdin, stdout: stdout ?? process.stdout }
  await runStdioNode(config, { endpoint, ...pipe, log, signal })
}

function prepare(input: object, options: NodeOptions): { config: NodeConfig; log: Logger } {
  const config = parseConfig(input, parseOptions(options.baseDir))
  const log = loggerOf(options, config)
  for (const { path, message } of configWarnings(config))
    log.warn({ path: path.join('.') }, message)
  return { config, log }
}

function loggerOf({ log = 'silent' }: NodeOptions, { node }: NodeConfig): Logger {
  if (typeof log === 'object') return log
  return log === 'silent' ? SILENT : createLogger(log, { node: node.name })
}
