import { actorsOf } from '../../../protocol/token/act.ts'
import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import { OAuthFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import { problemOf } from '../../../protocol/token/refusals.ts'
import type { Audit, ExchangeLine } from '../../core/audit.ts'
import { auditSubject } from '../secrets.ts'

/** What is known so far of one request; becomes one line of the audit, whatever the decision. */
export class Trail {
  readonly #audit: Audit
  readonly #secret: Buffer
  readonly #begunAt = performance.now()
  #line: Omit<ExchangeLine, 'decision'> = { kind: 'unknown' }

  /** @param secret subjects are hashed with it */
  constructor(audit: Audit, secret: Buffer) {
    this.#audit = audit
    this.#secret = secret
  }

  /** Adds what has become known. */
  note(facts: Partial<Omit<ExchangeLine, 'decision' | 'subject'>>): void {
    this.#line = { ...this.#line, ...facts }
  }

  /** Adds what came in. */
  noteInput({ iss, sub, jti, scope, txn }: AccessClaims | GrantClaims): void {
    this.note({ issuer: iss, jtiIn: jti, scopesIn: scope, ...present({ txn }) })
    this.noteSubject(iss, sub)
  }

  /** Adds who a request is about, as a hash. */
  noteSubject(issuer: string, subject: string): void {
    this.#line = { ...this.#line, subject: auditSubject(this.#secret, issuer, subject) }
  }

  /** Writes the line of a token that goes out. */
  issued(claims: AccessClaims | GrantClaims): void {
    const { iss, sub, aud, act, scope, txn, jti, exp, clientId } = claims
    if (this.#line.subject === undefined) this.noteSubject(iss, sub)
    const actors = actorsOf(act).map((entry) =>
      'hid' in entry ? entry.hid : `${entry.iss} ${entry.sub}`,
    )
    this.note({ client: this.#line.client ?? clientId, actors, audience: aud })
    this.note({
      scopesOut: scope,
      jtiOut: jti,
      issuerOut: iss,
      expiresAt: exp,
      ...present({ txn }),
    })
    this.end('issued')
  }

  /** Writes the line of a refusal. */
  refused(fault: unknown): void {
    const error = fault instanceof OAuthFault ? fault.error : 'server_error'
    this.note({ reason: problemOf(fault) ?? error })
    this.end('refused')
  }

  end(decision: ExchangeLine['decision']): void {
    const seconds = (performance.now() - this.#begunAt) / 1_000
    this.#audit.exchange({ ...this.#line, decision }, seconds)
  }
}
