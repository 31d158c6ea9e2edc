import { Fault } from '../../protocol/errors.ts'
import type { Backend, Delegation } from './delegation/backend.ts'
import type { DelegatedToken } from './delegation/delegated-token.ts'
import { FetchFault } from './fetch-fault.ts'

/**
 * What a caller hears when there is no token because somebody could not be asked, where it is known when that will be
 * possible; anything else as it is. Neither the words nor a name of whom it was: they are the cause.
 */
export function withRetryHint(error: unknown): unknown {
  if (!(error instanceof FetchFault) || error.retryAfterMs === undefined) return error
  const text = 'the issuer of a token for the upstream does not answer'
  const data = { retryAfterMs: error.retryAfterMs }
  return new Fault('upstream_unavailable', text, { data, cause: error })
}

/** A way to tokens whose failures say when to come again, where that is known. */
export class HintingBackend implements Backend {
  readonly #inner: Backend

  constructor(inner: Backend) {
    this.#inner = inner
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    try {
      return await this.#inner.obtain(delegation)
    } catch (error) {
      throw withRetryHint(error)
    }
  }
}
