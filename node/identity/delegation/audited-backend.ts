import { actorsOf, prependActor, type Party } from '../../../protocol/token/act.ts'
import { present } from '../../../protocol/token/fields.ts'
import type { Audit } from '../../core/audit.ts'
import { Trail } from '../service/trail.ts'
import type { Backend, Delegation } from './backend.ts'
import type { DelegatedToken } from './delegated-token.ts'

export interface AuditedBackendOptions {
  readonly resource: string
  readonly self: () => Party
  readonly audit: Audit
  /** Subjects are hashed with it. */
  readonly secret: Buffer
}

/** A way to tokens that asks another issuer, of which each attempt is in the audit once. */
export class AuditedBackend implements Backend {
  readonly #inner: Backend
  readonly #options: AuditedBackendOptions

  constructor(inner: Backend, options: AuditedBackendOptions) {
    this.#inner = inner
    this.#options = options
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const trail = this.#begin(delegation)
    try {
      const token = await this.#inner.obtain(delegation)
      const { scopes, expiresAt, jti, txn, issuer } = token.facts
      trail.note({ scopesOut: scopes, expiresAt })
      trail.note(present({ jtiOut: jti, issuerOut: issuer, txn }))
      trail.end('issued')
      return token
    } catch (error) {
      trail.refused(error)
      throw error
    }
  }

  #begin({ parent, origin }: Delegation): Trail {
    const { resource, self, audit, secret } = this.#options
    const trail = new Trail(audit, secret)
    trail.noteSubject(parent.issuer, parent.subject)
    const actors = actorsOf(prependActor(parent.act, self())).map((entry) =>
      'hid' in entry ? entry.hid : `${entry.iss} ${entry.sub}`,
    )
    trail.note({
      kind: 'obtained',
      client: self().sub,
      audience: resource,
      issuer: parent.issuer,
      actors,
    })
    trail.note({ scopesIn: parent.scopes, ...present({ txn: parent.txn, jtiIn: origin?.jti }) })
    return trail
  }
}
