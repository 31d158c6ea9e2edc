import type { ConfigProblem } from '../core/config-error.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { hasIdentity } from '../identity/identity.ts'
import { adminFixed } from '../control/admin.ts'
import { fingerprint } from '../control/links.ts'

/** Parts that are fixed, or what of them is. */
const PARTS: readonly {
  readonly path: readonly string[]
  readonly of: (config: NodeConfig) => unknown
}[] = [
  // Its address, its certificate, its keys.
  { path: ['node'], of: ({ node }) => node },
  // What its parts were built with.
  { path: ['limits'], of: ({ limits }) => limits },
  // Where operators ask; not who they are, and what they may.
  { path: ['admin'], of: adminFixed },
  // What its lines go to.
  { path: ['audit'], of: ({ audit }) => audit },
  // What its traces go to.
  { path: ['telemetry'], of: ({ telemetry }) => telemetry },
  // Whether anything of identity is there, also where no issuer is named.
  { path: ['issuer'], of: (config) => [config.issuer === undefined, hasIdentity(config)] },
]

/** Fields that are fixed for an issuer that stays. */
const ISSUER_FIELDS = [
  // Who it is to everybody who holds a token of it, and whether that is this process.
  'mode',
  'url',
  'grants',
  // How long keys are used, published and kept, which follows from how long what they sign lives.
  'keyLifetime',
  'tokenTtl',
  'grantTtl',
  // What the token service fetches keys through.
  'egress',
] as const

function differs(now: unknown, next: unknown): boolean {
  return fingerprint([now]) !== fingerprint([next])
}

function issuerChanges(now: NodeConfig, next: NodeConfig): readonly (readonly string[])[] {
  const [before, after] = [now.issuer, next.issuer]
  if (before === undefined || after === undefined) return []
  return ISSUER_FIELDS.filter((field) => differs(before[field], after[field])).map((field) => [
    'issuer',
    field,
  ])
}

/**
 * What of a new configuration cannot be taken while the node runs. All else can: upstreams, namespaces, endpoints and
 * who may call them, nodes, workloads, trust, and as whom the node comes to an external issuer.
 */
export function restartChanges(now: NodeConfig, next: NodeConfig): readonly ConfigProblem[] {
  const parts = PARTS.filter(({ of }) => differs(of(now), of(next))).map(({ path }) => path)
  return [...parts, ...issuerChanges(now, next)].map((path) => ({
    path,
    message: 'changed; that takes a restart of the node',
  }))
}
