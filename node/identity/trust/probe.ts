import {
  OAuthFault,
  TokenFault,
  type OAuthError,
  type TokenProblem,
} from '../../../protocol/token/faults.ts'
import type { ExchangeLine } from '../../core/audit.ts'
import type { UpstreamAuth } from '../../core/config-identity-types.ts'
import type { NodeConfig, UpstreamConfig } from '../../core/config-types.ts'
import { SILENT } from '../../core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../core/principal.ts'
import { asFault } from '../../../protocol/errors.ts'
import { systemClock } from '../clock.ts'
import { FetchFault } from '../fetch-fault.ts'
import { Identity } from '../identity.ts'
import { signerIdOf } from '../own-issuer.ts'
import { clientIdOf } from '../service/settings.ts'

/** A link to another organisation. */
export type ChainUpstream = Extract<UpstreamConfig, { kind: 'http' | 'node' }> & {
  readonly auth: Extract<UpstreamAuth, { mode: 'chain' }>
}

/** How an attempt to get a token for a link ended. */
export type ProbeResult =
  | {
      readonly outcome: 'issued'
      /** What the other side gives for everything this link may pass on. */
      readonly scopes: readonly string[]
      /** Of the token, s. */
      readonly lifetime: number
    }
  | { readonly outcome: 'refused'; readonly error: string; readonly advice: string }
  | { readonly outcome: 'unreachable'; readonly advice: string }

/** Whom the attempt is made for: nobody there knows the pseudonym, and the token is thrown away. */
const SUBJECT = 'banyan trust check'
const LIFE_MS = 60_000

/** For whom an attempt is made: somebody who calls, or the node itself, which lists what is there. */
export type ProbeFor = 'caller' | 'node'

/**
 * Does what a call over the link would begin with, by the keys of the node: makes a grant, and redeems it at the other
 * issuer for everything that may go over. Nothing is sent to the upstream itself.
 *
 * @param base base URL of the node
 * @throws StateError when the keys cannot be opened
 */
export async function probeLink(
  { config, base }: { readonly config: NodeConfig; readonly base: string },
  [label, upstream]: readonly [string, ChainUpstream],
  who: ProbeFor,
): Promise<ProbeResult> {
  const lines: ExchangeLine[] = []
  const identity = await Identity.open(config, {
    folder: config.node.state,
    scopesOf: () => [],
    audit: { exchange: (line) => void lines.push(line) },
    log: SILENT,
  })
  try {
    identity.begin(base)
    const delegator = identity.delegator(label, upstream)
    if (delegator === undefined) throw new TypeError('the upstream is not told who calls')
    const scopes = Object.keys(upstream.auth.scopes.map)
    const caller = who === 'node' ? LOCAL_CALLER : probeCaller(base, scopes)
    await delegator.delegate(caller, { budget: config.limits.hopBudget })
    const { scopesOut = [], expiresAt = 0 } = lines.findLast(isObtained) ?? {}
    return { outcome: 'issued', scopes: scopesOut, lifetime: Math.floor(expiresAt - systemClock()) }
  } catch (error) {
    return explained(error, { config, base, auth: upstream.auth, who })
  } finally {
    await identity.close()
  }
}

function isObtained({ kind, decision }: ExchangeLine): boolean {
  return kind === 'obtained' && decision === 'issued'
}

function probeCaller(base: string, scopes: readonly string[]): Principal {
  return {
    issuer: base,
    subject: SUBJECT,
    clientId: SUBJECT,
    key: SUBJECT,
    scopes,
    claims: undefined,
    credential: undefined,
    expiresAt: Date.now() + LIFE_MS,
  }
}

interface ProbeFacts {
  readonly config: NodeConfig
  readonly base: string
  readonly auth: ChainUpstream['auth']
  readonly who: ProbeFor
}

function explained(error: unknown, facts: ProbeFacts): ProbeResult {
  const { cause } = asFault(error)
  if (cause instanceof FetchFault) return { outcome: 'unreachable', advice: cause.message }
  if (cause instanceof OAuthFault) {
    return {
      outcome: 'refused',
      error: cause.error,
      advice: ADVICE[cause.error]?.(facts) ?? 'their audit log has a line that says why',
    }
  }
  if (cause instanceof TokenFault) {
    const hint = HINTS[cause.problem]
    const advice = hint === undefined ? cause.message : `${cause.message}: ${hint}`
    return { outcome: 'refused', error: `answer:${cause.problem}`, advice }
  }
  throw error
}

/** What may be done about a token that is not what was asked for. */
const HINTS: Readonly<Partial<Record<TokenProblem, string>>> = {
  scope: 'if their trust record renames scopes, list those names under auth.scopes.accept',
  depth:
    'if their issuer is no node it knows of no chains, and auth.requireChain: false takes that',
}

/** An error code says little by design; what it can mean for a record over there is another matter. */
const ADVICE: Readonly<Partial<Record<OAuthError, (facts: ProbeFacts) => string>>> = {
  invalid_client: unlisted,
  unauthorized_client: unlisted,
  invalid_grant: (facts) =>
    facts.who === 'node'
      ? `their trust record for ${ownIssuer(facts)} does not take the node itself (subjects.anonymous), without which nothing is listed`
      : `they have no trust record for ${ownIssuer(facts)}, other keys or pins in it, another resource, a subject rule that does not take pseudonyms, or it has ended`,
  invalid_scope: ({ auth }) =>
    `their scopes.map and scopes.max give nothing for ${Object.values(auth.scopes.map).flat().join(', ')}`,
  invalid_target: () =>
    'they have no such endpoint for us, or the chain is too long for their maxDepth',
  invalid_dpop_proof: () =>
    'they refuse the proof of our key: compare the clocks, and the URL of their token endpoint',
}

function ownIssuer({ config, base }: ProbeFacts): string {
  return signerIdOf(config.issuer, base)
}

function unlisted(facts: ProbeFacts): string {
  return `their trust record for ${ownIssuer(facts)} does not list the client ${clientIdOf(facts.base)}, or its keys cannot be fetched from there`
}
