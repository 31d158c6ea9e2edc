import { claimNames } from '../../protocol/policy/classes.ts'
import type { EndpointAuth } from '../core/config-identity-types.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Principal } from '../core/principal.ts'
import type { Watcher } from '../core/stages.ts'
import { fingerprint } from '../control/links.ts'

function same(before: unknown, after: unknown): boolean {
  return fingerprint([before]) === fingerprint([after])
}

/** What decides at an endpoint which tokens are taken, and what is made of them. */
function tokenRules({ auth, config }: Admitting): unknown {
  const { keys: _, ...rules } = auth
  const { mode, url, algs, types, jwksUri } = config.issuer ?? {}
  return [rules, mode, url, algs, types, jwksUri]
}

/** An endpoint that asks who callers are. */
interface Admitting {
  readonly auth: EndpointAuth
  readonly config: NodeConfig
}

function keyNamed({ auth }: Admitting, name: string): unknown {
  return auth.keys.find((key) => key.name === name)
}

/** Whether all claims that classes ask for now were looked at before. */
function knowsClaims(before: NodeConfig, after: NodeConfig): boolean {
  const known = claimNames(before.clients)
  return [...claimNames(after.clients)].every((name) => known.has(name))
}

/**
 * Says whether somebody whom one configuration took at an endpoint would be taken as the same by another. Whoever would
 * not be has to come again: what it holds open ends.
 */
export function whoStays(before: NodeConfig, after: NodeConfig): (who: Watcher) => boolean {
  const isInformed = knowsClaims(before, after)
  // Once for all who came by the same way: there may be thousands.
  const decided = new Map<string, boolean>()
  return ({ endpoint, principal }) => {
    const key = isKeyHolder(principal) ? principal.subject : undefined
    const way = JSON.stringify([endpoint, key])
    const known = decided.get(way) ?? isKept({ before, after, endpoint, key }, isInformed)
    decided.set(way, known)
    return known
  }
}

interface Way {
  readonly before: NodeConfig
  readonly after: NodeConfig
  readonly endpoint: string
  /** Name of the static key; undefined for tokens. */
  readonly key: string | undefined
}

function isKept({ before, after, endpoint, key }: Way, isInformed: boolean): boolean {
  const [then, now] = [before.endpoints[endpoint]?.auth, after.endpoints[endpoint]?.auth]
  if (then === undefined || now === undefined) return false
  if (then === 'none' || now === 'none') return then === now
  const [old, next] = [
    { auth: then, config: before },
    { auth: now, config: after },
  ]
  if (key === undefined) return isInformed && same(tokenRules(old), tokenRules(next))
  const [held, holds] = [keyNamed(old, key), keyNamed(next, key)]
  return holds !== undefined && same(held, holds)
}

function isKeyHolder({ claims }: Principal): boolean {
  return claims === undefined
}
