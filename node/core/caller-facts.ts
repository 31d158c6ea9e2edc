import type { CallerFacts } from '../../protocol/policy/classes.ts'
import type { Principal } from './principal.ts'

/** What is known of a caller, for classes. */
export function factsOf({ claims, credential, issuer, subject, clientId }: Principal): CallerFacts {
  if (claims !== undefined) {
    return { kind: 'token', issuer, subject, clientId, claims: claims.others ?? {} }
  }
  // A static key has nothing to exchange, and no other caller a name that nobody vouches for.
  const isKey = credential === undefined && issuer === '' && clientId !== 'local'
  return isKey ? { kind: 'key', name: subject } : { kind: 'anonymous' }
}
