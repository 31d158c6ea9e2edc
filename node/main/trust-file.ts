import { baseUrlOf } from '../core/config-defaults.ts'
import { MEMORY_STATE } from '../core/config.ts'
import { loadConfigFile } from '../core/config-file.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { openKeys } from '../identity/minting.ts'
import { signerIdOf, signsGrants } from '../identity/own-issuer.ts'
import { clientIdOf } from '../identity/service/settings.ts'
import type { ChainUpstream } from '../identity/trust/probe.ts'
import { Networks, type Network } from '../identity/verifier/networks.ts'
import { UsageError } from './cli-command.ts'

/** A configuration file as one side of a federation. */
export interface Side {
  readonly file: string
  readonly config: NodeConfig
  /** Base URL of the node. */
  readonly base: string
  /** Identifier grants of the organisation are signed under: what the other side lists. */
  readonly issuer: string
  /** Client id of the node at other issuers. */
  readonly client: string
}

/**
 * @throws ConfigError; UsageError without a file; Error when the node has no issuer, or no URL that another organisation
 *   could know it by
 */
export async function readSide(file: string | undefined): Promise<Side> {
  if (file === undefined) throw new UsageError('a file is missing')
  const { config } = await loadConfigFile(file)
  const base = baseUrlOf(config.node)
  if (base === undefined) {
    throw new Error(`${file}: node.listen has no fixed port, and node.url is not set`)
  }
  if (config.issuer === undefined) {
    throw new Error(
      `${file}: the node has no issuer that could vouch for anybody: add "issuer: {}"`,
    )
  }
  return { file, config, base, issuer: signerIdOf(config.issuer, base), client: clientIdOf(base) }
}

/** Thumbprints of the keys our grants are signed with; undefined where they are not in a state folder of this machine. */
export async function ownThumbprints({ config }: Side): Promise<readonly string[] | undefined> {
  if (!signsGrants(config.issuer) || config.node.state === MEMORY_STATE) return undefined
  const keys = await openKeys(config, config.node.state)
  try {
    return keys
      .ring('sts')
      .states()
      .map(({ kid }) => kid)
  } finally {
    keys.close()
  }
}

/** Links to other organisations, by label. */
export function chainLinks({
  upstreams,
}: NodeConfig): readonly (readonly [string, ChainUpstream])[] {
  return Object.entries(upstreams).flatMap(([label, upstream]) => {
    if (upstream.kind === 'stdio' || upstream.auth.mode !== 'chain') return []
    return [[label, { ...upstream, auth: upstream.auth }] as const]
  })
}

/** The URL a link leads to: the resource of its tokens. */
export function urlOfLink(upstream: ChainUpstream): string {
  return upstream.kind === 'http' ? upstream.http.url : upstream.node.url
}

/** Works with the networks of a node, and frees them. */
export async function withNetworks<T>(
  { config }: Side,
  work: (network: (allowPrivate: boolean) => Network) => Promise<T>,
): Promise<T> {
  const { tokenResponseBytes: maxBytes, fetchTimeout: timeoutMs } = config.limits
  const networks = new Networks({ maxBytes, timeoutMs })
  try {
    return await work((allowPrivate) => networks.of({ allowPrivate }))
  } finally {
    await networks.close()
  }
}
