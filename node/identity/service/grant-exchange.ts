import { OAuthFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import type { FormParameters } from '../../../protocol/token/form.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import type { Ask, NarrowRecord, Target } from '../../../protocol/token/narrow.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import { readSecureUrl } from '../../../protocol/token/urls.ts'
import type { GrantRule, NodeClient } from '../../core/config-identity-types.ts'
import { linkPolicy } from '../link-policy.ts'
import { PSEUDONYMS, readTelling, TELL_ALL, tellLess, type Telling } from '../telling.ts'
import {
  authenticated,
  missingProof,
  requestedScopes,
  required,
  type GrantContext,
  type GrantHandler,
  type GrantOutcome,
  type GrantRequest,
} from './grants.ts'
import { refusedToken } from './rescue.ts'
import type { IssuerPolicy } from './settings.ts'
import { readSubjectToken, type Subject } from './subject-token.ts'

/**
 * Token exchange (RFC 8693): a node of the organisation trades a token that was given to it for one for the next hop, or
 * for a grant of another issuer. Its client is the actor; nobody may name another.
 */
export const tokenExchange: GrantHandler = { kind: 'token_exchange', handle: exchange }

async function exchange(request: GrantRequest, context: GrantContext): Promise<GrantOutcome> {
  const { form, trail, cnf } = request
  const client = authenticated(request.client)
  const { node } = client
  if (node === undefined) {
    throw refusal('unauthorized_client', 'client', 'this client may not exchange tokens')
  }
  checkParameters(form, context.policy)
  const subject = await subjectOf(required(form, 'subject_token'), node, context)
  trail.noteInput(subject.claims)
  if (cnf === undefined) throw missingProof()
  const rule = ruleOf(form, node)
  const target = targetOf(form, { node, rule }, context)
  trail.note({ audience: target.resource })
  const { identifier, subjects } = context.policy
  const actor = { iss: identifier, sub: client.id }
  const aliases = subjects && [{ iss: subjects.issuer, sub: node.alias ?? client.id }]
  const scopes = requestedScopes(form)
  const ask = { resource: target.resource, actor, cnf, ...present({ aliases, scopes }) }
  const telling = tellLess(rule ?? PSEUDONYMS, readTelling(form))
  return issue(subject, { target, ask, telling, scopes: scopesOf(node, rule) }, context)
}

/** What is said here of grants for the issuer a node names. */
function ruleOf(form: FormParameters, { grants = [] }: NodeClient): GrantRule | undefined {
  if (form.get('requested_token_type') !== URN.jwt) return undefined
  return grants.find(({ issuer }) => issuer === form.get('audience'))
}

function scopesOf({ scopes }: NodeClient, rule: GrantRule | undefined): NarrowRecord['scopes'] {
  const { map = scopes?.map, max } = rule?.scopes ?? {}
  return present({ map, max })
}

/** What is refused before anything is verified. */
function checkParameters(form: FormParameters, { subjects }: IssuerPolicy): void {
  if (form.has('actor_token') || form.has('actor_token_type')) {
    throw refusal('invalid_request', 'client', 'the actor is the client: there is no actor_token')
  }
  if (required(form, 'subject_token_type') !== URN.accessToken) {
    throw new OAuthFault('invalid_request', 'the subject token must be an access token')
  }
  const asked = form.get('requested_token_type') ?? URN.accessToken
  // Access tokens are of one issuer, and where grants are all that is made here it is another.
  if (asked !== URN.jwt && (asked !== URN.accessToken || subjects !== undefined)) {
    throw new OAuthFault('invalid_request', 'tokens of the requested type are not issued')
  }
}

async function subjectOf(raw: string, node: NodeClient, context: GrantContext): Promise<Subject> {
  try {
    return await readSubjectToken(raw, node, context)
  } catch (error) {
    // RFC 8693 §2.2.2; it is not the grant that is wrong.
    throw refusedToken('invalid_request', error)
  }
}

/** Within what the node may reach: an endpoint of the organisation, or one of an issuer it may get grants for. */
function targetOf(
  form: FormParameters,
  { node, rule }: { readonly node: NodeClient; readonly rule: GrantRule | undefined },
  context: GrantContext,
): Target {
  const { policy, roster } = context
  const [resource, audience] = [form.get('resource'), form.get('audience')]
  if (form.get('requested_token_type') === URN.jwt) {
    // A grant is never for the issuer that makes it: what it makes for itself is a token, for an endpoint it knows.
    const isOther = audience !== policy.identifier
    const isReached = isOther && audience !== undefined && node.reaches.includes(audience)
    const isTarget = resource !== undefined && readSecureUrl(resource) !== undefined
    const isListed = rule?.resources?.includes(resource ?? '') ?? true
    if (!isReached || !isTarget || !isListed || roster.ownerOf(resource) !== undefined)
      throw unknownTarget()
    return { resource, issuer: audience }
  }
  const named = resource ?? audience
  const isReached = named !== undefined && node.reaches.includes(named)
  if (!isReached || (audience ?? named) !== named) throw unknownTarget()
  return {
    resource: named,
    issuer: policy.identifier,
    ...present({ owner: roster.ownerOf(named) }),
  }
}

function unknownTarget(): OAuthFault {
  return refusal('invalid_target', 'resource', 'no such target for this client')
}

function issue(
  { parent, claims }: Subject,
  asked: {
    readonly target: Target
    readonly ask: Omit<Ask, 'kind' | 'audience'>
    readonly telling: Telling
    readonly scopes: NarrowRecord['scopes']
  },
  context: GrantContext,
): GrantOutcome {
  const { target, ask, telling, scopes } = asked
  const { issuer, policy, parts } = context
  const { maxDepth, maxBudget, identifier } = policy
  const recordOf = (told: Telling, maxTtl: number): NarrowRecord => ({
    ...linkPolicy(told, { maxTtl, maxDepth, maxBudget, secret: parts.secrets.pairwise }),
    issuer: identifier,
    targets: [target],
    scopes,
  })
  if (target.issuer === identifier) {
    const record = recordOf(TELL_ALL, policy.tokenTtl)
    const wanted = { ...ask, kind: 'access', audience: target.resource } as const
    return {
      issued: issuer.issueLocally(parent, wanted, record, claims),
      issuedType: URN.accessToken,
    }
  }
  const record = recordOf(telling, policy.grantTtl)
  const wanted = { ...ask, kind: 'grant', audience: target.issuer } as const
  const issued = issuer.issueLocally(parent, wanted, record, claims)
  return { issued, issuedType: URN.jwt, tokenType: 'N_A' }
}
