import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { Party } from '../../../protocol/token/act.ts'
import { writeAccessClaims } from '../../../protocol/token/access.ts'
import { TYP, type AccessClaims, type GrantClaims } from '../../../protocol/token/claims.ts'
import { present } from '../../../protocol/token/fields.ts'
import { writeGrantClaims } from '../../../protocol/token/grant.ts'
import {
  narrow,
  type Ask,
  type NarrowRecord,
  type Parent,
  type Stamp,
} from '../../../protocol/token/narrow.ts'
import type { Clock } from '../clock.ts'
import { signJwt } from '../jwt.ts'
import type { KeyRing } from '../key-ring.ts'

/** A token that was just signed. It is a credential: print `claims`, never `token`. */
export interface IssuedToken<Claims extends AccessClaims | GrantClaims> {
  readonly token: string
  readonly claims: Claims
}

/** The names of the token a delegation begins with. */
export interface Origin {
  readonly iss: string
  readonly jti: string
}

/** A token for a person or a script. */
export interface MintRequest {
  readonly subject: string
  /** Resource identifier of the endpoint. */
  readonly resource: string
  readonly scopes: readonly string[]
  /** Seconds. */
  readonly ttl: number
  /** Default: the subject. */
  readonly clientId?: string
  /** The node that may exchange it; absent: nobody. */
  readonly owner?: Party
  /** Exchanges it may go through. */
  readonly budget: number
  /** Thumbprint of the key it is bound to; absent: a bearer token. */
  readonly jkt?: string
}

/** What this process makes tokens of its own issuer with, without a request to anybody. */
export interface LocalIssuer {
  /** Issuer identifier. */
  readonly issuer: string
  /**
   * Narrows and signs: what a token request at this issuer would give.
   *
   * @param origin of a parent that has no `txn`: the delegation is named after it, so that to revoke it revokes all
   *   that descends from it
   * @throws OAuthFault of `narrow`
   */
  issueLocally(
    parent: Parent,
    ask: Ask & { readonly kind: 'access' },
    record: NarrowRecord,
    origin?: Origin,
  ): IssuedToken<AccessClaims>
  issueLocally(
    parent: Parent,
    ask: Ask & { readonly kind: 'grant' },
    record: NarrowRecord,
    origin?: Origin,
  ): IssuedToken<GrantClaims>
  /** Signs a token nobody had to ask for. */
  mint(request: MintRequest): IssuedToken<AccessClaims>
  sign(claims: AccessClaims): IssuedToken<AccessClaims>
  stamp(origin?: Origin): Stamp
}

export interface SigningIssuerOptions {
  /** Issuer identifier. */
  readonly issuer: string
  /** Of purpose `sts`. */
  readonly keys: Pick<KeyRing, 'signing'>
  /** Delegations are named with it; 32 bytes, the same after a restart. */
  readonly secret: Buffer
  readonly clock: Clock
}

/** Signs with the key of the token service. Needs no service: `banyan token` has only the state folder. */
export class SigningIssuer implements LocalIssuer {
  readonly issuer: string
  readonly #options: SigningIssuerOptions

  constructor(options: SigningIssuerOptions) {
    this.issuer = options.issuer
    this.#options = options
  }

  issueLocally(
    parent: Parent,
    ask: Ask & { readonly kind: 'access' },
    record: NarrowRecord,
    origin?: Origin,
  ): IssuedToken<AccessClaims>
  issueLocally(
    parent: Parent,
    ask: Ask & { readonly kind: 'grant' },
    record: NarrowRecord,
    origin?: Origin,
  ): IssuedToken<GrantClaims>
  issueLocally(
    parent: Parent,
    ask: Ask,
    record: NarrowRecord,
    origin?: Origin,
  ): IssuedToken<AccessClaims> | IssuedToken<GrantClaims> {
    const stamp = this.stamp(origin)
    // The overloads of narrow() tell the two kinds apart by a literal.
    if (ask.kind === 'access') {
      return this.sign(narrow(parent, { ...ask, kind: 'access' }, record, stamp))
    }
    const claims = narrow(parent, { ...ask, kind: 'grant' }, record, stamp)
    return { claims, token: this.#sign(TYP.grant, writeGrantClaims(claims)) }
  }

  mint(request: MintRequest): IssuedToken<AccessClaims> {
    const { subject, resource, scopes, clientId = subject, owner, jkt } = request
    const { now, jti, txn } = this.stamp()
    return this.sign({
      iss: this.issuer,
      sub: subject,
      aud: resource,
      clientId,
      jti,
      iat: now,
      exp: now + Math.floor(request.ttl),
      scope: scopes,
      mayAct: owner ?? {},
      txn,
      mesh: { v: 1, budget: request.budget },
      ...present({ cnf: jkt === undefined ? undefined : { jkt } }),
    })
  }

  sign(claims: AccessClaims): IssuedToken<AccessClaims> {
    return { claims, token: this.#sign(TYP.accessToken, writeAccessClaims(claims)) }
  }

  /** Time and names for a new token, in whole seconds. */
  stamp(origin?: Origin): Stamp {
    const now = Math.floor(this.#options.clock())
    const txn = origin === undefined ? randomTxn() : delegationName(this.#options.secret, origin)
    return { now, jti: randomUUID(), txn }
  }

  #sign(typ: string, claims: object): string {
    return signJwt(this.#options.keys.signing(), typ, claims)
  }
}

const TXN_BYTES = 16

function randomTxn(): string {
  return randomBytes(TXN_BYTES).toString('base64url')
}

/**
 * The `txn` of all that descends from a token without one: 128 bits that look random to whoever has not got the secret,
 * and can be made again when the token is revoked.
 */
export function delegationName(secret: Buffer, { iss, jti }: Origin): string {
  const text = `banyan-txn-1 ${iss.length} ${iss}${jti}`
  const hmac = createHmac('sha256', secret).update(text).digest()
  return hmac.subarray(0, TXN_BYTES).toString('base64url')
}
