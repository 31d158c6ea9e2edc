import { TokenFault } from '../../../protocol/token/faults.ts'
import type { Standing } from '../../core/authentication.ts'
import { LOCAL_CALLER, type Principal } from '../../core/principal.ts'
import type { Clock } from '../clock.ts'
import type { EndpointAuthenticatorOptions, Verified } from './endpoint-authenticator.ts'

/** What a standing rests on. */
export interface StandingParts extends Pick<EndpointAuthenticatorOptions, 'isRevoked'> {
  /** What was verified when the credential was presented; undefined where that is forgotten already. */
  readonly verified: Verified | undefined
  /** Whether the endpoint goes by the same policy as then. */
  readonly isCurrent: () => boolean
  /** Verifies the credential again, by the keys of now: dates, signature, or the word of its issuer. */
  readonly renew: () => Verified | Promise<Verified>
  readonly clock: Clock
}

/**
 * A credential whose sender was checked when it was presented, on a connection that only that sender has. All that may have
 * changed since is looked at for each request, as often as over HTTP.
 */
export class TokenStanding implements Standing {
  readonly #parts: StandingParts
  #verified: Verified | undefined
  #underWay: Promise<Principal> | undefined

  constructor(parts: StandingParts) {
    this.#parts = parts
    this.#verified = parts.verified
  }

  principal(): Principal | Promise<Principal> {
    const { isCurrent, renew, clock } = this.#parts
    if (!isCurrent()) throw changed()
    const known = this.#verified
    if (known !== undefined && known.until > clock()) return this.#admit(known)
    const renewed = renew()
    if (!(renewed instanceof Promise)) return this.#take(renewed)
    this.#underWay ??= renewed
      .then((verified) => this.#take(verified))
      .finally(() => {
        this.#underWay = undefined
      })
    return this.#underWay
  }

  #take(verified: Verified): Principal {
    this.#verified = verified
    return this.#admit(verified)
  }

  #admit({ principal, token }: Verified): Principal {
    if (token !== undefined && this.#parts.isRevoked(token.claims)) {
      throw new TokenFault('revoked', 'the access token has been revoked')
    }
    return principal
  }
}

/** Of whoever comes to an endpoint that asks nobody, for as long as it does not. */
export class OpenStanding implements Standing {
  readonly #isOpen: () => boolean

  /** @param isOpen whether the endpoint asks nobody still */
  constructor(isOpen: () => boolean) {
    this.#isOpen = isOpen
  }

  principal(): Principal {
    if (this.#isOpen()) return LOCAL_CALLER
    throw changed()
  }
}

function changed(): TokenFault {
  return new TokenFault('missing', 'the credential has to be presented anew')
}
