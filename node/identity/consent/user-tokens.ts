import { OAuthFault } from '../../../protocol/token/faults.ts'
import type { Clock } from '../clock.ts'
import type { DelegatedToken } from '../delegation/delegated-token.ts'
import { DelegationEntry } from '../delegation/delegation-entry.ts'
import type { TokenSource } from '../delegation/token-authorization.ts'
import type { KeptGrant } from './kept-grant.ts'

/** Before it ends, s, a token is renewed rather than used. */
const EARLY_SECONDS = 30

/** What was granted is used up, withdrawn or not taken any more: only its user can grant it anew. */
export class SignInOver extends Error {
  override readonly name: string = 'SignInOver'
}

export interface UserTokensOptions {
  readonly clock: Clock
  /** What was kept from before; undefined when nothing was. */
  readonly load: () => Promise<KeptGrant | undefined>
  /** Keeps what there is now, or forgets it. */
  readonly save: (grant: KeptGrant | undefined) => Promise<void>
  /** Redeems the refresh token (RFC 6749 §6). */
  readonly renew: (grant: KeptGrant) => Promise<KeptGrant>
}

/** The tokens of one caller at one upstream: read once from where they are kept, renewed while they are used. */
export class UserTokens implements TokenSource {
  readonly #options: UserTokensOptions
  readonly #entry: DelegationEntry
  #grant: KeptGrant | undefined
  #loading: Promise<void> | undefined
  /** Whether the access token was handed out: asked again, another is wanted. */
  #used = false

  constructor(options: UserTokensOptions) {
    this.#options = options
    this.#entry = new DelegationEntry({ clock: options.clock, obtain: () => this.#obtain() })
  }

  /** What the caller granted; undefined where it did not, or not any more. */
  get grant(): KeptGrant | undefined {
    return this.#grant
  }

  /** Reads what is kept; at once when that was done before. */
  load(): Promise<void> | undefined {
    if (this.#grant !== undefined) return undefined
    this.#loading ??= this.#load()
    return this.#loading
  }

  /** The caller signed in. @throws Fault `overloaded`, StateError, when it cannot be kept */
  async take(grant: KeptGrant): Promise<void> {
    await this.#options.save(grant)
    this.#set(grant)
    this.#entry.forget()
  }

  /** @throws SignInOver, and what `renew` throws; the promise rejects with it too */
  token(): DelegatedToken | Promise<DelegatedToken> {
    return this.#entry.token()
  }

  unwanted(token: DelegatedToken): boolean {
    const isWorthAnother = this.#entry.unwanted(token)
    if (isWorthAnother && this.#grant?.renewable === true) return true
    void this.#end()
    return false
  }

  async #load(): Promise<void> {
    try {
      const grant = await this.#options.load()
      if (grant !== undefined && this.#grant === undefined) this.#set(grant)
    } finally {
      this.#loading = undefined
    }
  }

  #set(grant: KeptGrant): void {
    this.#grant = grant
    this.#used = false
  }

  #obtain(): DelegatedToken | Promise<DelegatedToken> {
    const grant = this.#grant
    if (grant === undefined) throw new SignInOver('there is no sign-in')
    const left = grant.facts.expiresAt - this.#options.clock()
    const isGood = left > (grant.renewable ? EARLY_SECONDS : 0)
    if (isGood && !(this.#used && grant.renewable)) {
      this.#used = true
      return grant.token
    }
    if (grant.renewable) return this.#renew(grant)
    void this.#end()
    throw new SignInOver('the sign-in has ended')
  }

  async #renew(grant: KeptGrant): Promise<DelegatedToken> {
    try {
      const renewed = await this.#options.renew(grant)
      if (this.#grant === grant) {
        this.#set(renewed)
        this.#used = true
        await this.#options.save(renewed)
      }
      return renewed.token
    } catch (error) {
      // Refused, it is over; a server that could not be asked may answer the next time.
      if (!(error instanceof OAuthFault)) throw error
      if (this.#grant === grant) await this.#end()
      throw new SignInOver('the sign-in has ended', { cause: error })
    }
  }

  async #end(): Promise<void> {
    this.#grant = undefined
    this.#entry.forget()
    await this.#options.save(undefined).catch(() => undefined)
  }
}
