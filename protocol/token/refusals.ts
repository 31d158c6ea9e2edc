import { asFault, type Fault } from '../errors.ts'
import { OAuthFault, TokenFault, type OAuthError, type TokenProblem } from './faults.ts'

/** A refusal of the token endpoint that keeps, for audit and metrics, the problem behind its error code. */
export function refusal(error: OAuthError, problem: TokenProblem, message: string): OAuthFault {
  return new OAuthFault(error, message, { cause: new TokenFault(problem, message) })
}

/** The problem behind a fault, for audit and metrics; undefined when the fault is about no token. */
export function problemOf(fault: unknown): TokenProblem | undefined {
  if (fault instanceof TokenFault) return fault.problem
  return fault instanceof OAuthFault && fault.cause instanceof TokenFault
    ? fault.cause.problem
    : undefined
}

/**
 * What `act` throws, with the faults of JSON text turned into those of tokens: `too_deep` is `depth`, whatever else is
 * wrong with the text is `malformed`.
 */
export function asTokenFault(thrown: unknown): Fault {
  const fault = asFault(thrown)
  if (fault.code === 'too_deep') return new TokenFault('depth', 'the token nests too deep')
  if (fault.code === 'parse_error') return new TokenFault('malformed', 'the token is not JSON')
  return fault
}
