import { acceptGrant, type Redemption } from '../../../protocol/token/accept.ts'
import {
  checkPlatformClaims,
  checkPlatformHeader,
  readPlatformClaims,
} from '../../../protocol/token/assertion.ts'
import type { GrantClaims } from '../../../protocol/token/claims.ts'
import {
  FORM_TOKEN_LIMITS,
  readCompact,
  type UnverifiedToken,
} from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import {
  checkGrantClaims,
  checkGrantHeader,
  grantProfile,
  readGrantClaims,
  type GrantProfile,
} from '../../../protocol/token/grant.ts'
import { verifyWith } from '../jwt.ts'
import {
  authenticated,
  checkBound,
  requestedScopes,
  required,
  type GrantContext,
  type GrantHandler,
  type GrantOutcome,
  type GrantRequest,
} from './grants.ts'
import { workloadToken } from './grant-workload.ts'
import { refusedToken } from './rescue.ts'
import type { Client, Peer } from './roster.ts'

/**
 * Assertions as grants (RFC 7523): of another organisation's issuer for its node (identity chaining), of an identity
 * provider (ID-JAG), and of the platform a workload runs on.
 */
export const jwtBearer: GrantHandler = { kind: 'jwt_bearer', handle: redeem }

async function redeem(request: GrantRequest, context: GrantContext): Promise<GrantOutcome> {
  const raw = required(request.form, 'assertion')
  try {
    const token = readCompact(raw, FORM_TOKEN_LIMITS)
    const profile = grantProfile(token.header)
    if (profile === undefined) return await redeemPlatform(token, request, context)
    const client = authenticated(request.client)
    return await redeemGrant({ token, profile, client }, request, context)
  } catch (error) {
    throw refusedToken('invalid_grant', error)
  }
}

interface Presented {
  readonly token: UnverifiedToken
  readonly profile: GrantProfile
  readonly client: Client
}

async function redeemGrant(
  { token, profile, client }: Presented,
  request: GrantRequest,
  context: GrantContext,
): Promise<GrantOutcome> {
  const { policy, roster, issuer, parts, rates } = context
  const claims = readGrantClaims(token.payload)
  const peer = roster.peers.get(claims.iss)
  if (peer === undefined) throw new TokenFault('issuer', 'grants of this issuer are not taken')
  await verifyGrant({ token, profile, claims, peer }, context)
  request.trail.noteInput(claims)
  // Only now is it known whose account it goes on.
  rates.take(`issuer ${claims.iss}`, peer.record.exchangesPerMinute)
  const [resource, scopes] = [request.form.get('resource'), requestedScopes(request.form)]
  const owner = roster.ownerOf(claims.resource)
  const redemption: Redemption = {
    profile,
    issuer: policy.identifier,
    clientId: client.id,
    ...present({ resource, scopes, owner, cnf: request.cnf }),
  }
  const accepted = acceptGrant(claims, peer.trust, redemption, issuer.stamp())
  checkBound(accepted.aud, accepted.cnf, context)
  // Names that were ended are ended here too, whoever brings them back.
  if (parts.revocations.isRevoked(claims)) throw new TokenFault('revoked', 'the grant is revoked')
  // Last: of any number who bring the same grant at once, one gets here first.
  const until = claims.exp + policy.leeway + 1
  await parts.replay.remember(`grant ${claims.iss}`, claims.jti, until)
  return { issued: issuer.sign(accepted) }
}

interface Verifying {
  readonly token: UnverifiedToken
  readonly profile: GrantProfile
  readonly claims: GrantClaims
  readonly peer: Peer
}

async function verifyGrant(
  { token, profile, claims, peer }: Verifying,
  { policy, parts }: GrantContext,
): Promise<void> {
  // Our own grants are written with one string; what else says the same was not written by a node.
  if (profile === 'mesh' && typeof token.payload['aud'] !== 'string') {
    throw new TokenFault('audience', 'the audience of the grant is no string')
  }
  const { leeway, identifier: audience, maxDepth } = policy
  const { issuer, algs } = peer.record
  const now = parts.clock()
  const expected = { profile, issuer, audience, algs, now, leeway, maxDepth }
  checkGrantHeader(token.header, claims, expected)
  await verifyWith(peer.keys, token)
  checkGrantClaims(claims, expected)
}

/**
 * A platform's token stands for one workload by issuer and exact subject (SEP-1933); it needs no client authentication,
 * and may come again, because platforms renew tokens when they like.
 */
async function redeemPlatform(
  token: UnverifiedToken,
  request: GrantRequest,
  context: GrantContext,
): Promise<GrantOutcome> {
  const { policy, roster, parts, rates } = context
  const claims = readPlatformClaims(token.payload)
  const found = roster.federated(claims.iss, claims.sub)
  if (found === undefined) {
    throw new TokenFault('issuer', 'tokens of this issuer and subject are not taken')
  }
  const { workload, keys } = found
  const { issuer, subject, algs } = workload.federated
  const listed = workload.federated.audiences
  const audiences = listed.length > 0 ? listed : [policy.identifier]
  const expected = { issuer, subject, algs, audiences, now: parts.clock(), leeway: policy.leeway }
  checkPlatformHeader(token.header, claims, expected)
  await verifyWith(keys, token)
  checkPlatformClaims(claims, expected)
  request.trail.note({ client: workload.client, issuer, ...present({ jtiIn: claims.jti }) })
  const named = request.client?.id ?? request.form.get('client_id') ?? workload.client
  if (named !== workload.client) {
    throw new TokenFault('client', 'the token stands for another client')
  }
  rates.take(`client ${workload.client}`, policy.requestsPerMinute)
  return workloadToken(workload, request, context, claims.exp)
}
