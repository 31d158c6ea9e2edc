import type { Confirmation } from '../../../protocol/token/claims.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import type { CredentialFacts } from '../../core/authentication.ts'
import type { ProofChecker } from '../proof-checker.ts'
import type { Presented } from './authorization-header.ts'

export interface BindingRules {
  /** Resource identifier of the endpoint, which is its URL. */
  readonly resource: string
  readonly dpop: 'required' | 'accepted'
  readonly proofs: Pick<ProofChecker, 'check'>
}

/**
 * Checks that a token comes from whom it is bound to (RFC 9449 §7.1, RFC 8705 §3); each time it is used.
 *
 * @returns undefined, or a promise where the replay memory is elsewhere
 * @throws TokenFault `binding`, `proof`, `nonce`, `replayed`; Fault `overloaded`. A promise rejects with them.
 */
export function checkSender(
  cnf: Confirmation | undefined,
  { scheme, token }: Presented,
  facts: CredentialFacts,
  rules: BindingRules,
): void | Promise<void> {
  const { jkt, 'x5t#S256': certificate } = cnf ?? {}
  if (cnf === undefined && rules.dpop === 'required') {
    throw new TokenFault('binding', 'the access token must be bound to a key')
  }
  // Bound in a way that is not known here, and so to somebody who cannot be told.
  if (cnf !== undefined && jkt === undefined && certificate === undefined) {
    throw new TokenFault('binding', 'the access token is bound in an unknown way')
  }
  if ((jkt !== undefined) !== (scheme === 'dpop')) {
    throw new TokenFault('binding', 'the access token does not go with this scheme')
  }
  if (certificate !== undefined && certificate !== facts.certificate) {
    throw new TokenFault('binding', 'the access token is bound to another certificate')
  }
  return jkt === undefined ? undefined : checkProof(jkt, token, facts, rules)
}

function checkProof(
  jkt: string,
  accessToken: string,
  { header, method }: CredentialFacts,
  { resource: url, proofs }: BindingRules,
): void | Promise<void> {
  try {
    const lines = header('dpop')
    const checked = proofs.check({ lines, method, url, accessToken, jkt })
    return checked instanceof Promise ? checked.then(ignore, refuseProof) : undefined
  } catch (error) {
    return refuseProof(error)
  }
}

function ignore(): void {}

/** That there is none, or two, is a fault of the proof and not of the token. */
function refuseProof(error: unknown): never {
  const problem = error instanceof TokenFault ? error.problem : undefined
  if (problem !== 'missing' && problem !== 'ambiguous') throw error
  throw new TokenFault('proof', 'there must be one DPoP proof', { cause: error })
}
