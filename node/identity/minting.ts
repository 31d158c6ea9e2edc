import { baseUrlOf } from '../core/config-defaults.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { systemClock, type Clock } from './clock.ts'
import { Keys } from './keys.ts'
import { loadSecrets } from './secrets.ts'
import { SigningIssuer } from './service/local-issuer.ts'
import { clientIdOf } from './service/settings.ts'

/** How long a key is used where no issuer says, s. */
const KEY_LIFETIME = 30 * 86_400

/**
 * The keys of a node, as its token service has them; from its state folder also while the node runs.
 *
 * @param folder undefined: keys live as long as the process
 * @throws StateError
 */
export function openKeys(
  { issuer, limits }: NodeConfig,
  folder: string | undefined,
  clock: Clock = systemClock,
): Promise<Keys> {
  const longest = Math.max(issuer?.tokenTtl ?? 0, issuer?.grantTtl ?? 0) + limits.clockSkew
  const lifetime = issuer === undefined ? KEY_LIFETIME : issuer.keyLifetime / 1_000
  return Keys.open({ folder, clock, lifetime, overlap: longest / 1_000 })
}

/** What a person or script is to have. */
export interface MintOrder {
  readonly endpoint: string
  readonly subject: string
  readonly scopes: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

/**
 * Signs an access token of the embedded issuer for one endpoint of the node, not bound to a key.
 *
 * @throws StateError; TypeError when the base URL is not known without starting the node
 */
export async function mintToken(config: NodeConfig, order: MintOrder): Promise<string> {
  const base = baseUrlOf(config.node)
  if (base === undefined)
    throw new TypeError('node.listen has no fixed port, and node.url is not set')
  const keys = await openKeys(config, config.node.state)
  try {
    const { sealing: secret } = await loadSecrets(config.node.state)
    const issuer = config.issuer?.url ?? base
    const signing = { issuer, keys: keys.ring('sts'), secret, clock: systemClock }
    const { token } = new SigningIssuer(signing).mint({
      subject: order.subject,
      resource: `${base}/mcp/${order.endpoint}`,
      scopes: order.scopes,
      ttl: order.ttl,
      owner: { iss: issuer, sub: clientIdOf(base) },
      budget: config.limits.hopBudget,
    })
    return token
  } finally {
    keys.close()
  }
}
