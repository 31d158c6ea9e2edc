import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import { present } from '../../../protocol/token/fields.ts'
import type { Ask, NarrowRecord, Parent, Stamp } from '../../../protocol/token/narrow.ts'
import type { Audit } from '../../core/audit.ts'
import type { IssuedToken, LocalIssuer, MintRequest, Origin } from './local-issuer.ts'
import { Trail } from './trail.ts'

type Issued = IssuedToken<AccessClaims> | IssuedToken<GrantClaims>

/** A local issuer whose every decision stands in the audit, as if the request had come by HTTP. */
export class AuditedIssuer implements LocalIssuer {
  readonly issuer: string
  readonly #inner: LocalIssuer
  readonly #audit: Audit
  readonly #secret: Buffer

  /** @param secret subjects are hashed with it */
  constructor(inner: LocalIssuer, audit: Audit, secret: Buffer) {
    this.issuer = inner.issuer
    this.#inner = inner
    this.#audit = audit
    this.#secret = secret
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
  issueLocally(parent: Parent, ask: Ask, record: NarrowRecord, origin?: Origin): Issued {
    const trail = new Trail(this.#audit, this.#secret)
    trail.noteSubject(parent.issuer, parent.subject)
    trail.note({ kind: 'local', client: ask.actor.sub, audience: ask.resource })
    trail.note({ issuer: parent.issuer, scopesIn: parent.scopes, ...present({ txn: parent.txn }) })
    if (origin !== undefined) trail.note({ jtiIn: origin.jti })
    return this.#audited(trail, () =>
      ask.kind === 'access'
        ? this.#inner.issueLocally(parent, { ...ask, kind: 'access' }, record, origin)
        : this.#inner.issueLocally(parent, { ...ask, kind: 'grant' }, record, origin),
    )
  }

  mint(request: MintRequest): IssuedToken<AccessClaims> {
    const trail = new Trail(this.#audit, this.#secret)
    trail.note({ kind: 'mint', audience: request.resource })
    return this.#audited(trail, () => this.#inner.mint(request))
  }

  sign(claims: AccessClaims): IssuedToken<AccessClaims> {
    return this.#inner.sign(claims)
  }

  stamp(origin?: Origin): Stamp {
    return this.#inner.stamp(origin)
  }

  #audited<T extends Issued>(trail: Trail, issue: () => T): T {
    try {
      const issued = issue()
      trail.issued(issued.claims)
      return issued
    } catch (error) {
      trail.refused(error)
      throw error
    }
  }
}
