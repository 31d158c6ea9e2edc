import type { Difference } from './statements.ts'

/**
 * What a node makes of a result or a description that its origin should have signed:
 *
 *  - `verified`: signed by a node the operator trusts with that organisation's tools, and nothing was changed
 *  - `unsigned`: there is no signature
 *  - `untrusted`: it is signed, but not by a node that is trusted with it
 *  - `altered`: it is signed by such a node, and is not what that node signed
 *  - `unreadable`: two readers could take the text for two things, so that a signature says nothing of it
 *  - `unavailable`: the keys of the signer cannot be had
 */
export interface Verdict {
  readonly verdict: 'verified' | 'unsigned' | 'untrusted' | 'altered' | 'unreadable' | 'unavailable'
  /** Base URL of the node that signed, once it is known that it did. */
  readonly signer?: string
  /** What was altered: a part of the statement, or the signature itself. */
  readonly of?: Difference | 'signature'
}

/** There is nothing to check. */
export const UNSIGNED: Verdict = { verdict: 'unsigned' }

/** The text has no canonical form. */
export const UNREADABLE: Verdict = { verdict: 'unreadable' }

/** Text for a person. */
export function explainVerdict({ verdict, of }: Verdict): string {
  switch (verdict) {
    case 'verified':
      return 'it is what its origin signed'
    case 'unsigned':
      return 'its origin did not sign it, or somebody took the signature away'
    case 'untrusted':
      return 'nobody who is trusted with it signed it'
    case 'altered':
      return `it is not what its origin signed (${of ?? 'signature'})`
    case 'unreadable':
      return 'it can be read in two ways, so that no signature is good for it'
    case 'unavailable':
      return 'the keys of its signer cannot be had'
    default:
      return verdict satisfies never
  }
}
