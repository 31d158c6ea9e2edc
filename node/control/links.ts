import { createHash } from 'node:crypto'
import type { FederationSettings } from '../../protocol/federation.ts'
import type { NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import type { Delegator } from '../core/delegation.ts'
import type { LinkIdentity } from '../core/link-handshake.ts'
import type { LinkTraffics } from '../core/link-traffic.ts'
import type { Logger } from '../core/logger.ts'
import type { MeshEnds } from '../core/mesh-ends.ts'
import { Secret } from '../core/secret.ts'
import type { Connector, Self } from '../outbound/connection.ts'
import { HttpConnector } from '../outbound/http-connector.ts'
import { NodeConnector } from '../outbound/node-connector.ts'
import { StdioConnector } from '../outbound/stdio-connector.ts'

/** What connectors are made with besides their configuration. */
export interface ConnectorParts {
  readonly self: Self & { readonly federation: FederationSettings }
  /** The key of the node, which it proves itself with on links. */
  readonly key: LinkIdentity['key']
  /** What child processes get of this process's environment. */
  readonly inherited: Readonly<Record<string, string>>
  readonly log: Logger
  /** What nodes tell each other besides calls; absent: nothing. */
  readonly mesh?: Pick<MeshEnds, 'up'> | undefined
  /** Counts what goes over links; absent: nobody does. */
  readonly traffic?: LinkTraffics | undefined
}

/** The connector for one upstream. */
export function makeConnector(
  label: string,
  upstream: UpstreamConfig,
  { limits, delegator }: Pick<NodeConfig, 'limits'> & { readonly delegator: Delegator | undefined },
  { self, key, inherited, log, mesh, traffic }: ConnectorParts,
): Connector {
  const { era } = upstream
  const shared = {
    era,
    self,
    answerTimeoutMs: limits.listTimeout,
    bodyBytes: limits.upstreamBodyBytes,
  }
  if (upstream.kind === 'stdio') {
    const { command, args, env, cwd, restart, startTimeout, stopGrace } = upstream.stdio
    return new StdioConnector({
      ...shared,
      answerTimeoutMs: startTimeout,
      label,
      command,
      args,
      cwd,
      baseEnv: inherited,
      env: revealed(env),
      backoff: restart,
      stopGraceMs: stopGrace,
      log,
    })
  }
  const url = upstream.kind === 'http' ? upstream.http.url : upstream.node.url
  const headers =
    upstream.kind === 'http' ? Object.entries(revealed(upstream.http.headers)).flat() : []
  const { connectTimeout: connectTimeoutMs } = limits
  const authorization = delegator?.own
  const remote = { ...shared, url, headers, authorization, connectTimeoutMs, log }
  if (upstream.kind === 'http') return new HttpConnector(remote)
  return new NodeConnector({
    ...remote,
    label,
    link: upstream.node.link,
    identity: { federation: self.federation, key },
    pingMs: limits.keepAlive,
    mesh,
    traffic: traffic?.of('up', label),
  })
}

function revealed(secrets: Readonly<Record<string, Secret>>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, value.reveal()]))
}

/** Tells two parts of configurations apart, secrets included, without keeping any. */
export function fingerprint(config: object): string {
  // `toJSON` of a Secret comes before the replacer, so what it stands for is taken from the holder.
  const text = JSON.stringify(config, function (this: unknown, key: string, value: unknown) {
    const original = (this as Record<string, unknown>)[key]
    return original instanceof Secret ? original.reveal() : value
  })
  return createHash('sha256').update(text).digest('base64url')
}
