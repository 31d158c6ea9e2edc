import type { Fault } from '../../../protocol/errors.ts'
import { writeChallenge, type ResourceError } from '../../../protocol/token/challenge.ts'
import { PROOF_ALGS } from '../../../protocol/token/dpop.ts'
import { TokenFault, type TokenProblem } from '../../../protocol/token/faults.ts'
import { isScopeToken } from '../../../protocol/token/scopes.ts'

/** What challenges of one endpoint have in them. */
export interface ChallengeRules {
  readonly dpop: 'required' | 'accepted'
  /** URL of its metadata (RFC 9728). */
  readonly resourceMetadata: string
  /** What a caller may ask for who has no token yet. */
  readonly scopes: () => readonly string[]
  /** A nonce for the next proof. */
  readonly nonce: () => string
}

/** Problems of the proof alone; all others are problems of the token (RFC 9449 §7.1). */
const PROOF_PROBLEMS: ReadonlySet<TokenProblem> = new Set(['proof', 'nonce', 'replayed'])

/** Scopes in one challenge: a header has to hold them. */
const MAX_SCOPES = 64

/**
 * The headers of a refusal, names and values in turn: `WWW-Authenticate` for each scheme that would do (RFC 6750 §3, RFC
 * 9449 §7.1), Bearer first, because clients that know one scheme look no further. Nothing in them comes from a token,
 * a request or another server.
 */
export function challengeHeaders(fault: Fault, rules: ChallengeRules): readonly string[] {
  if (fault.code === 'insufficient_scope') {
    return schemes(rules, { error: 'insufficient_scope', scopes: scopesOf(fault) })
  }
  if (fault.code !== 'unauthenticated') return []
  const problem = fault instanceof TokenFault ? fault.problem : undefined
  const scopes = rules.scopes()
  if (problem === 'missing') return schemes(rules, { scopes })
  if (problem === undefined || !PROOF_PROBLEMS.has(problem)) {
    return schemes(rules, { error: 'invalid_token', scopes })
  }
  if (problem !== 'nonce') return dpopOnly(rules, 'invalid_dpop_proof')
  return [...dpopOnly(rules, 'use_dpop_nonce'), 'dpop-nonce', rules.nonce()]
}

interface Said {
  readonly error?: ResourceError
  readonly scopes: readonly string[]
}

function schemes(
  { dpop, resourceMetadata }: ChallengeRules,
  { error, scopes }: Said,
): readonly string[] {
  const said = {
    resourceMetadata,
    scopes: scopes.slice(0, MAX_SCOPES),
    ...(error !== undefined && { error }),
  }
  const bearer = ['www-authenticate', writeChallenge({ scheme: 'Bearer', ...said })]
  const proved = ['www-authenticate', writeChallenge({ scheme: 'DPoP', algs: PROOF_ALGS, ...said })]
  return dpop === 'required' ? proved : [...bearer, ...proved]
}

function dpopOnly({ resourceMetadata }: ChallengeRules, error: ResourceError): readonly string[] {
  const said = { scheme: 'DPoP', resourceMetadata, error, algs: PROOF_ALGS } as const
  return ['www-authenticate', writeChallenge(said)]
}

/** All scopes the call needs, as the stage that refused it says. */
function scopesOf({ data }: Fault): readonly string[] {
  const scopes: unknown = data?.['scopes']
  if (!Array.isArray(scopes)) return []
  return scopes.filter((scope): scope is string => typeof scope === 'string' && isScopeToken(scope))
}
