import type { ConfigProblem } from '../core/config-error.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { hasIdentity } from '../identity/identity.ts'
import { fingerprint } from '../control/links.ts'

/** What is fixed, with where it stands in the file. */
const FIXED: readonly {
  readonly path: readonly string[]
  readonly of: (config: NodeConfig) => unknown
}[] = [
  // Its address, its certificate, its keys.
  { path: ['node'], of: ({ node }) => node },
  // What its parts were built with.
  { path: ['limits'], of: ({ limits }) => limits },
  // Whether there is a token service at all, and who it is to everybody who holds a token of it.
  { path: ['issuer', 'mode'], of: ({ issuer }) => issuer?.mode },
  { path: ['issuer', 'url'], of: ({ issuer }) => issuer?.url },
  // Whether anything of identity is there, also where no issuer is named.
  { path: ['issuer'], of: (config) => config.issuer === undefined && hasIdentity(config) },
]

/**
 * What of a new configuration cannot be taken while the node runs. All else can: upstreams, namespaces, endpoints and
 * who may call them, nodes, workloads, trust, and how long tokens live.
 */
export function restartChanges(now: NodeConfig, next: NodeConfig): readonly ConfigProblem[] {
  return FIXED.filter(({ of }) => fingerprint([of(now)]) !== fingerprint([of(next)])).map(
    ({ path }) => ({ path, message: 'changed; that takes a restart of the node' }),
  )
}
