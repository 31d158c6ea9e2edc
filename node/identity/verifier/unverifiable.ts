import { Fault } from '../../../protocol/errors.ts'
import { retryAfterMsOf } from '../fetch-fault.ts'

/**
 * That an issuer cannot be asked is not the caller's fault, and logging in again would not help: 503, never 401, with a
 * hint when to come again where that is known. What went wrong names hosts, and stays here as the cause.
 */
export function unverifiable(cause?: unknown): Fault {
  const retryAfterMs = cause instanceof Fault ? retryAfterMsOf(cause) : undefined
  const data = retryAfterMs === undefined ? undefined : { retryAfterMs }
  return new Fault('overloaded', 'access tokens cannot be verified at the moment', { cause, data })
}
