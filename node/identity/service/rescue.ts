import { asFault, Fault, type FaultCode } from '../../../protocol/errors.ts'
import { OAuthFault, TokenFault, type OAuthError } from '../../../protocol/token/faults.ts'
import type { OAuthResponse } from '../../core/authentication.ts'
import { retryAfterMsOf } from '../fetch-fault.ts'

/** A client asks too often. */
export class TooManyRequests extends OAuthFault {
  /** When to come again, s. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('temporarily_unavailable', 'too many requests of this client')
    this.retryAfter = retryAfter
  }
}

/** HTTP status of each error (RFC 6749 §5.2; RFC 9449 §5 and §8). */
const STATUS: Readonly<Record<OAuthError, number>> = {
  invalid_client: 401,
  invalid_dpop_proof: 400,
  invalid_grant: 400,
  invalid_request: 400,
  invalid_scope: 400,
  invalid_target: 400,
  server_error: 500,
  temporarily_unavailable: 503,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  use_dpop_nonce: 400,
}

/** Faults of others and of ourselves that are over some time: nothing that is wrong with the request. */
const PASSING: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'overloaded',
  'upstream_protocol',
  'upstream_timeout',
  'upstream_unavailable',
])

/** When to come again where nobody knows, s. */
const RETRY_SECONDS = 5

/** An answer of the service. Nothing of it may be kept by anybody in between (RFC 6749 §5.1). */
export function respond(
  status: number,
  body: object | string,
  headers: readonly string[] = [],
): OAuthResponse {
  const type = ['content-type', 'application/json', 'cache-control', 'no-store']
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: [...type, ...headers], body: text }
}

/** An answer without a body. */
export function respondEmpty(status: number, headers: readonly string[] = []): OAuthResponse {
  return { status, headers: ['cache-control', 'no-store', ...headers], body: '' }
}

/**
 * What somebody's token threw, as an error of the request it came with. A key that cannot be fetched is nobody's fault
 * for long.
 */
export function refusedToken(error: OAuthError, thrown: unknown, message?: string): Fault {
  if (thrown instanceof TokenFault) {
    return new OAuthFault(error, message ?? thrown.message, { cause: thrown })
  }
  return asFault(thrown)
}

/** The error a request is answered with, whatever was thrown. */
export function oauthFault(thrown: unknown): OAuthFault {
  if (thrown instanceof OAuthFault) return thrown
  const fault = asFault(thrown)
  if (PASSING.has(fault.code)) {
    return new OAuthFault('temporarily_unavailable', 'try again later', { cause: fault })
  }
  if (fault instanceof TokenFault) {
    return new OAuthFault('invalid_request', fault.message, { cause: fault })
  }
  // Its words are about us, not about the request.
  return new OAuthFault('server_error', 'the request could not be served', { cause: fault })
}

/** Outside of what `error_description` may hold (RFC 6749 §5.2). */
const UNSAFE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/gu

/** A refusal by RFC 6749 §5.2. */
export function refuse(fault: OAuthFault, headers: readonly string[] = []): OAuthResponse {
  const status = fault instanceof TooManyRequests ? 429 : STATUS[fault.error]
  const description = fault.message.replace(UNSAFE, "'")
  const retry = retryHeaders(fault, status)
  return respond(status, { error: fault.error, error_description: description }, [
    ...headers,
    ...retry,
  ])
}

function retryHeaders(fault: OAuthFault, status: number): readonly string[] {
  if (fault instanceof TooManyRequests) return ['retry-after', String(fault.retryAfter)]
  if (status !== 503) return []
  const wait = fault.cause instanceof Fault ? retryAfterMsOf(fault.cause) : undefined
  return ['retry-after', String(wait === undefined ? RETRY_SECONDS : Math.ceil(wait / 1_000))]
}
