import { resolve } from 'node:path'
import { crossChecks } from './config-checks.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import type { UpstreamAuth } from './config-identity-types.ts'
import { withDefaults } from './config-defaults.ts'
import type { GossipSettings } from './config-gossip-types.ts'
import { explainIssues } from './config-issues.ts'
import { outlineOf } from './config-outline.ts'
import { configSchema } from './config-schema.ts'
import { substitute, type Environment } from './config-substitution.ts'
import { hostEnvironment } from './environment.ts'
import type { NodeConfig, TlsSettings, UpstreamConfig } from './config-types.ts'

/** How to read a configuration. */
export interface ParseOptions {
  /** Where `${NAME}` is looked up. Default: the environment of the process. */
  readonly env?: Environment
  /** Folder that relative paths start from. Default: the working folder of the process. */
  readonly baseDir?: string
}

/** The value of `node.state` that keeps nothing on disk. */
export const MEMORY_STATE = 'memory'

function absoluteUpstream(upstream: UpstreamConfig, baseDir: string): UpstreamConfig {
  if (upstream.kind === 'stdio') {
    return { ...upstream, stdio: { ...upstream.stdio, cwd: resolve(baseDir, upstream.stdio.cwd) } }
  }
  return { ...upstream, auth: absoluteAuth(upstream.auth, baseDir) }
}

function absoluteAuth(auth: UpstreamAuth, baseDir: string): UpstreamAuth {
  if (auth.mode === 'workload') return { ...auth, assertion: resolve(baseDir, auth.assertion) }
  if (auth.mode !== 'xaa') return auth
  const idToken = resolve(baseDir, auth.provider.idToken)
  return { ...auth, provider: { ...auth.provider, idToken } }
}

function absoluteTls({ cert, key, clientCa }: TlsSettings, baseDir: string): TlsSettings {
  const own = { cert: resolve(baseDir, cert), key: resolve(baseDir, key) }
  return clientCa === undefined ? own : { ...own, clientCa: resolve(baseDir, clientCa) }
}

function absoluteAudit({ audit }: NodeConfig, baseDir: string): Pick<NodeConfig, 'audit'> {
  if (audit === undefined || audit === 'off' || audit.file === undefined) return {}
  return { audit: { ...audit, file: resolve(baseDir, audit.file) } }
}

function absoluteAdmin({ admin }: NodeConfig, baseDir: string): Pick<NodeConfig, 'admin'> {
  if (admin?.tls === undefined) return {}
  return { admin: { ...admin, tls: absoluteTls(admin.tls, baseDir) } }
}

function absoluteGossip({ gossip }: NodeConfig, baseDir: string): Pick<NodeConfig, 'gossip'> {
  if (gossip === undefined) return {}
  const { credentials, membership, tls } = gossip
  const absolute: GossipSettings = {
    ...gossip,
    ...(credentials?.kind === 'creds' && {
      credentials: { ...credentials, file: resolve(baseDir, credentials.file) },
    }),
    ...(membership !== undefined && { membership: resolve(baseDir, membership) }),
    ...(tls !== undefined && {
      tls: Object.fromEntries(
        Object.entries(tls).map(([name, file]) => [name, resolve(baseDir, String(file))]),
      ),
    }),
  }
  return { gossip: absolute }
}

function withAbsolutePaths(config: NodeConfig, baseDir: string): NodeConfig {
  const { pins, state, tls } = config.node
  const upstreams = Object.create(null) as Record<string, UpstreamConfig>
  for (const [label, upstream] of Object.entries(config.upstreams)) {
    upstreams[label] = absoluteUpstream(upstream, baseDir)
  }
  const node = {
    ...config.node,
    state: state === MEMORY_STATE ? state : resolve(baseDir, state),
    pins: resolve(baseDir, pins),
    ...(tls === undefined ? {} : { tls: absoluteTls(tls, baseDir) }),
  }
  const apart = {
    ...absoluteAudit(config, baseDir),
    ...absoluteAdmin(config, baseDir),
    ...absoluteGossip(config, baseDir),
  }
  return { ...config, ...apart, node, upstreams }
}

/**
 * Words for issues that are explained elsewhere: zod would ask the value for the name of its constructor, and fail where a
 * table has such a key.
 */
export function unworded({ code }: { readonly code?: string }): string | undefined {
  return code === 'invalid_type' ? 'is of another type' : undefined
}

function samePath(left: ConfigProblem, right: ConfigProblem): boolean {
  return (
    left.path.length === right.path.length && left.path.every((key, i) => key === right.path[i])
  )
}

/**
 * Checks a configuration, as parsed from YAML or JSON or written in code, and fills in every default.
 *
 * The input is not changed, and nothing of it is kept.
 *
 * @throws {ConfigError} with every problem there is, in the order of the parts.
 */
export function parseConfig(input: unknown, options: ParseOptions = {}): NodeConfig {
  const { value, problems } = substitute(input, options.env ?? hostEnvironment())
  const parsed = configSchema.safeParse(value, { error: unworded })
  // What could not be substituted is wrong for the schema as well: say it once.
  const issues = parsed.success ? [] : explainIssues(parsed.error, value)
  const fresh = issues.filter((issue) => !problems.some((problem) => samePath(issue, problem)))
  const found = [...problems, ...fresh, ...crossChecks(outlineOf(value))]
  if (!parsed.success || found.length > 0) throw new ConfigError(found)
  return withAbsolutePaths(withDefaults(parsed.data), options.baseDir ?? process.cwd())
}
