import type { NonceDemand } from '../core/config-identity-types.ts'
import { ProofChecker, type ProofCheckerOptions } from './proof-checker.ts'

/** What checks proofs where nonces are demanded, and where they are not. */
export type ProofCheckers = Readonly<Record<NonceDemand, Pick<ProofChecker, 'check' | 'nonce'>>>

/** Makes them over one memory of what was used before. A nonce of one is a nonce of the other. */
export function proofCheckers(options: Omit<ProofCheckerOptions, 'nonces'>): ProofCheckers {
  return {
    required: new ProofChecker({ ...options, nonces: 'required' }),
    off: new ProofChecker({ ...options, nonces: 'off' }),
  }
}
