import { compileScopes, type Capability } from '../../protocol/token/scopes.ts'
import type { Principal } from '../core/principal.ts'
import type { Entry } from '../core/stages.ts'

/** What of an endpoint one kind of principals sees. Lists and calls ask the same one. */
export interface Sight {
  /** Equal for all who see the same. */
  readonly key: string
  sees(entry: Entry): boolean
}

/** A principal is kept for as long as its token is used, and its scopes with it. */
const made = new WeakMap<readonly string[], Sight>()

/** What a principal sees: what its scopes cover. Undefined where there is no authentication: everything. */
export function sightOf({ scopes }: Principal): Sight | undefined {
  if (scopes === undefined) return undefined
  const known = made.get(scopes)
  if (known !== undefined) return known
  const decide = compileScopes(scopes)
  const sight: Sight = { key: scopes.join(' '), sees: (entry) => decide(capabilityOf(entry)) }
  made.set(scopes, sight)
  return sight
}

/** A capability in the words of scopes: namespaces as the endpoint has them, names as the namespace has them. */
export function capabilityOf({ kind, namespace, id, readOnly = false }: Entry): Capability {
  return { kind, namespace, name: id.name, readOnly }
}
