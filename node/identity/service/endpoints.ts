import type { Confirmation } from '../../../protocol/token/claims.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import { isFormType, readForm, type FormParameters } from '../../../protocol/token/form.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import type { OAuthRequest, OAuthResponse } from '../../core/authentication.ts'
import type { ExchangeKind } from '../../core/audit.ts'
import { authenticateClient } from './client-auth.ts'
import type { SecretChecker } from './client-secret.ts'
import { tokenExchange } from './grant-exchange.ts'
import { jwtBearer } from './grant-jwt-bearer.ts'
import { clientCredentials } from './grant-workload.ts'
import { required, type GrantContext, type GrantHandler, type GrantRequest } from './grants.ts'
import { introspect } from './introspection.ts'
import { oauthFault, refuse, respondEmpty } from './rescue.ts'
import { revoke } from './revocation.ts'
import { listRevocations } from './revocation-list.ts'
import { PATHS } from './settings.ts'
import { tokenAnswer } from './token-answer.ts'
import { Trail } from './trail.ts'

const GRANTS: ReadonlyMap<string, GrantHandler> = new Map([
  [URN.tokenExchange, tokenExchange],
  [URN.jwtBearer, jwtBearer],
  ['client_credentials', clientCredentials],
])

/** What a path does with a request whose client is known, or that named none. */
type Work = (request: GrantRequest, context: GrantContext) => Promise<OAuthResponse>

interface Door {
  readonly kind: ExchangeKind
  /** Whether a proof that comes along is about the token that is asked for. */
  readonly proves: boolean
  readonly work: Work
}

/** The endpoints that take forms. */
const DOORS: ReadonlyMap<string, Door> = new Map([
  [PATHS.token, { kind: 'unknown', proves: true, work: grant }],
  [PATHS.revoke, { kind: 'revocation', proves: false, work: revoke }],
  [PATHS.revocations, { kind: 'revocation', proves: false, work: listRevocations }],
  [PATHS.introspect, { kind: 'introspection', proves: false, work: introspect }],
])

/** Context of the endpoints: that of the grants, and what recognises clients by their secrets. */
export interface EndpointContext extends GrantContext {
  readonly secrets: Pick<SecretChecker, 'isRight'>
}

/** Whether a path is one of these endpoints. About tokens that are made elsewhere one asks there. */
export function isEndpoint(path: string, { subjects }: EndpointContext['policy']): boolean {
  return DOORS.has(path) && (subjects === undefined || path !== PATHS.introspect)
}

/** Answers a request to an endpoint that takes forms; whatever happens is answered, and stands in the audit. */
export async function serveEndpoint(
  request: OAuthRequest,
  context: EndpointContext,
): Promise<OAuthResponse> {
  const door = DOORS.get(request.path)
  const { parts } = context
  const trail = new Trail(parts.audit, parts.secrets.audit)
  if (request.method !== 'POST' || door === undefined) {
    trail.refused(new OAuthFault('invalid_request', 'only POST is served here'))
    return respondEmpty(405, ['allow', 'POST'])
  }
  trail.note({ kind: door.kind })
  try {
    return await open(door, request, { context, trail })
  } catch (error) {
    const fault = oauthFault(error)
    trail.refused(fault)
    return refuse(fault, headersOf(fault, request, context))
  }
}

interface Serving {
  readonly context: EndpointContext
  readonly trail: Trail
}

async function open(
  { work, proves }: Door,
  request: OAuthRequest,
  { context, trail }: Serving,
): Promise<OAuthResponse> {
  const form = readRequest(request)
  const { roster, policy, secrets, rates, parts } = context
  const { replay, clock } = parts
  const client = await authenticateClient(
    { authorization: request.header('authorization'), form },
    { roster, policy, replay, clock, secrets },
  )
  if (client !== undefined) {
    trail.note({ client: client.id })
    rates.take(`client ${client.id}`, policy.requestsPerMinute)
  }
  const cnf = proves ? await provedKey(request, context) : undefined
  return work({ client, form, cnf, trail }, context)
}

/** @throws OAuthFault `invalid_request` */
function readRequest(request: OAuthRequest): FormParameters {
  if (request.hasQuery) throw new OAuthFault('invalid_request', 'parameters go into the body')
  const types = request.header('content-type')
  if (types.length !== 1 || !isFormType(types[0])) {
    throw new OAuthFault('invalid_request', 'the body must be application/x-www-form-urlencoded')
  }
  return readForm(request.body)
}

/**
 * What the token will be bound to (RFC 9449 §5, RFC 8705 §3).
 *
 * @throws OAuthFault `invalid_dpop_proof`, `use_dpop_nonce`
 */
async function provedKey(
  request: OAuthRequest,
  { parts, policy }: GrantContext,
): Promise<Confirmation | undefined> {
  const lines = request.header('dpop')
  const { certificate } = request
  if (lines.length === 0) {
    return certificate === undefined ? undefined : { 'x5t#S256': certificate }
  }
  try {
    const url = `${policy.base}${PATHS.token}`
    return {
      jkt: await parts.proofs[policy.dpopNonces].check({ lines, method: request.method, url }),
    }
  } catch (error) {
    if (!(error instanceof TokenFault)) throw error
    const code = error.problem === 'nonce' ? 'use_dpop_nonce' : 'invalid_dpop_proof'
    throw new OAuthFault(code, error.message, { cause: error })
  }
}

async function grant(request: GrantRequest, context: GrantContext): Promise<OAuthResponse> {
  const { form, trail } = request
  const handler = GRANTS.get(required(form, 'grant_type'))
  const isServed = handler === tokenExchange || context.policy.subjects === undefined
  if (handler === undefined || !isServed) {
    throw new OAuthFault('unsupported_grant_type', 'this grant type is not served')
  }
  trail.note({ kind: handler.kind })
  const outcome = await handler.handle(request, context)
  trail.issued(outcome.issued.claims)
  return tokenAnswer(outcome, context.parts.clock(), nextNonce(context))
}

/** With each token, so that who comes regularly is never refused for an old one (RFC 9449 §8.2). */
function nextNonce({ parts, policy }: GrantContext): readonly string[] {
  const { dpopNonces } = policy
  return dpopNonces === 'required' ? ['dpop-nonce', parts.proofs[dpopNonces].nonce()] : []
}

function headersOf(
  { error }: OAuthFault,
  request: OAuthRequest,
  { parts, policy }: GrantContext,
): readonly string[] {
  if (error === 'use_dpop_nonce') return ['dpop-nonce', parts.proofs[policy.dpopNonces].nonce()]
  // RFC 6749 §5.2: who tried a scheme is told of it.
  const tried = error === 'invalid_client' && request.header('authorization').length > 0
  return tried ? ['www-authenticate', `Basic realm="${policy.identifier}"`] : []
}
