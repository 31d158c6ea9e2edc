import { asFault, Fault } from '../../../protocol/errors.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import { problemOf } from '../../../protocol/token/refusals.ts'
import { FetchFault } from '../fetch-fault.ts'

/** When it is worth to try again where an issuer could not be asked, ms. */
const RETRY_MS = 5_000

/**
 * What a caller is told when there is no token for an upstream. Words of this node alone: neither an issuer's nor an
 * upstream's, and no scope, issuer or name of theirs. Why it is so goes to the log, as the cause.
 */
export function delegationFault(error: unknown): Fault {
  if (error instanceof OAuthFault) return refused(error)
  if (error instanceof FetchFault) {
    // Not 401: the caller would log in again and again, and to no avail.
    return new Fault(
      'upstream_unavailable',
      'the issuer of a token for the upstream does not answer',
      {
        data: { retryAfterMs: RETRY_MS },
        cause: error,
      },
    )
  }
  if (error instanceof TokenFault) {
    const text = 'the issuer of a token for the upstream gave another than was asked for'
    return new Fault('delegation_refused', text, { cause: error })
  }
  return asFault(error)
}

function refused(error: OAuthFault): Fault {
  const problem = problemOf(error)
  if (problem === 'cycle')
    return new Fault('loop', 'this node has acted in the call already', { cause: error })
  if (problem === 'depth' || problem === 'budget') {
    return new Fault('hop_budget', 'the token may go through no further exchange', { cause: error })
  }
  const text =
    error.error === 'invalid_scope'
      ? 'nothing of what the token allows goes over to the upstream'
      : 'the token could not be exchanged for one for the upstream'
  return new Fault('delegation_refused', text, { cause: error })
}
