import { present } from '../../../protocol/token/fields.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import { intersect } from '../../../protocol/token/scopes.ts'
import type { WorkloadClient } from '../../core/config-identity-types.ts'
import {
  authenticated,
  checkBound,
  requestedScopes,
  type GrantContext,
  type GrantHandler,
  type GrantOutcome,
  type GrantRequest,
} from './grants.ts'

/** Client credentials (RFC 6749 §4.4): a program with an identity of its own. */
export const clientCredentials: GrantHandler = {
  kind: 'client_credentials',
  handle: async (request, context) => {
    const { workload } = authenticated(request.client)
    if (workload === undefined || workload.federated !== undefined) {
      throw refusal('unauthorized_client', 'client', 'this client has no access of its own')
    }
    return workloadToken(workload, request, context)
  },
}

/**
 * The token of a workload: for one of its resources, with what it asks for of its scopes.
 *
 * @param end nothing that is issued lives longer, seconds since 1970
 * @throws OAuthFault `invalid_target`, `invalid_scope`, `invalid_dpop_proof`, `invalid_grant` past the end
 */
export function workloadToken(
  workload: WorkloadClient,
  { form, cnf, trail }: Pick<GrantRequest, 'form' | 'cnf' | 'trail'>,
  context: GrantContext,
  end: number = Number.POSITIVE_INFINITY,
): GrantOutcome {
  const { issuer, policy, roster } = context
  const resource = resourceOf(workload, form.get('resource'))
  trail.note({ audience: resource })
  const scope = intersect(workload.scopes, requestedScopes(form) ?? workload.scopes)
  if (scope.length === 0) {
    throw refusal('invalid_scope', 'scope', 'none of the scopes is granted for this resource')
  }
  checkBound(resource, cnf, context)
  const { now, jti, txn } = issuer.stamp()
  const exp = Math.floor(Math.min(now + policy.tokenTtl, end))
  if (exp <= now) throw refusal('invalid_grant', 'expired', 'the assertion has ended')
  const issued = issuer.sign({
    iss: policy.identifier,
    // RFC 9068 §2.2: without a resource owner the client is the subject.
    sub: workload.client,
    aud: resource,
    clientId: workload.client,
    jti,
    iat: now,
    exp,
    scope,
    mayAct: roster.ownerOf(resource) ?? {},
    txn,
    mesh: { v: 1, budget: policy.maxBudget },
    ...present({ cnf }),
  })
  return { issued }
}

function resourceOf({ resources }: WorkloadClient, asked: string | undefined): string {
  const [first, ...others] = resources
  const resource = asked ?? (others.length === 0 ? first : undefined)
  if (resource !== undefined && resources.includes(resource)) return resource
  throw refusal('invalid_target', 'resource', 'no such target for this client')
}
