import type { Fault } from '../../../protocol/errors.ts'
import type { Authorization, HttpMethod, Refusal, ShownToken } from '../../core/delegation.ts'
import type { ProofMaker } from '../proof-maker.ts'
import { revealToken, type DelegatedToken } from './delegated-token.ts'
import { isNonce } from './token-requests.ts'

/** Gives the token that is good now, and is told when one was not taken. */
export interface TokenSource {
  token(): DelegatedToken | Promise<DelegatedToken>
  /** @returns whether to try again */
  unwanted(token: DelegatedToken): boolean
}

/** What a token is shown with. */
export interface AuthorizationParts {
  readonly url: string
  readonly proofs: Pick<ProofMaker, 'proof'>
  readonly nonce: () => string | undefined
  readonly learn: (nonce: string) => void
  readonly failed: (error: unknown) => Fault
}

/** Shows a token, and for a bound one a proof. */
export class TokenAuthorization implements Authorization {
  readonly #entry: TokenSource
  readonly #parts: AuthorizationParts
  #shown: DelegatedToken | undefined

  constructor(entry: TokenSource, parts: AuthorizationParts) {
    this.#entry = entry
    this.#parts = parts
  }

  get shown(): ShownToken | undefined {
    return this.#shown === undefined
      ? undefined
      : { ...this.#shown.facts, audience: this.#parts.url }
  }

  /** Undefined when there is a token already. */
  ready(): Promise<unknown> | undefined {
    try {
      const token = this.#entry.token()
      return token instanceof Promise
        ? token.catch((error: unknown) => this.#fail(error))
        : undefined
    } catch (error) {
      throw this.#parts.failed(error)
    }
  }

  lines(method: HttpMethod): readonly string[] | Promise<readonly string[]> {
    try {
      const token = this.#entry.token()
      return token instanceof Promise
        ? token.then(
            (later) => this.#show(later, method),
            (error: unknown) => this.#fail(error),
          )
        : this.#show(token, method)
    } catch (error) {
      throw this.#parts.failed(error)
    }
  }

  stamp(): object | undefined {
    try {
      const token = this.#entry.token()
      if (token instanceof Promise) {
        // Whoever asks for the lines next waits for the same.
        token.catch(() => undefined)
        return undefined
      }
      this.#shown = token
      return token
    } catch {
      // `lines` says why.
      return undefined
    }
  }

  refused({ status, nonce }: Refusal): boolean {
    if (status === 403) return false
    const shown = this.#shown
    if (isNonce(nonce) && nonce !== this.#parts.nonce() && shown?.facts.scheme === 'DPoP') {
      this.#parts.learn(nonce)
      return true
    }
    return shown === undefined || this.#entry.unwanted(shown)
  }

  #show(token: DelegatedToken, method: HttpMethod): readonly string[] {
    const { url, proofs, nonce } = this.#parts
    const accessToken = revealToken(token)
    const { scheme } = token.facts
    this.#shown = token
    if (scheme === 'Bearer') return ['authorization', `Bearer ${accessToken}`]
    const wanted = nonce()
    const proof = proofs.proof({
      method,
      url,
      accessToken,
      ...(wanted !== undefined && { nonce: wanted }),
    })
    return ['authorization', `DPoP ${accessToken}`, 'dpop', proof]
  }

  #fail(error: unknown): never {
    throw this.#parts.failed(error)
  }
}
