import type { Party } from '../../../protocol/token/act.ts'
import type { Ask, NarrowRecord, Target } from '../../../protocol/token/narrow.ts'
import type { ScopeMapping } from '../../../protocol/token/scopes.ts'
import type { Clock } from '../clock.ts'
import type { LinkPolicy } from '../link-policy.ts'
import type { LocalIssuer } from '../service/local-issuer.ts'

/** What every grant for one upstream has in common. */
export interface GrantPlan {
  /** Asked for each time: who owns an endpoint may change with the configuration. */
  readonly target: () => Target
  readonly map: ScopeMapping
  /** The node: its organisation's issuer and its client id. */
  readonly actor: () => Party
  /** What else it is called, where grants and tokens of the organisation are of two issuers. */
  readonly aliases: () => readonly Party[]
  /** Thumbprint of the key that tokens are bound to. */
  readonly jkt: string
  readonly clock: Clock
}

/** A link whose tokens and grants are made in this process. */
export interface LocalLink {
  readonly issuer: () => LocalIssuer
  readonly plan: GrantPlan
  readonly policy: () => LinkPolicy
}

/** What a link asks for, but for the kind. */
export type LinkAsk = Omit<Ask, 'kind' | 'audience'>

export function linkAsk({ actor, aliases, jkt }: GrantPlan, { resource }: Target): LinkAsk {
  return { resource, actor: actor(), aliases: aliases(), cnf: { jkt } }
}

/** What a link asks of the issuer in this process, and by which policy. */
export function localRequest({ issuer: issuerOf, plan, policy }: LocalLink): {
  readonly issuer: LocalIssuer
  readonly target: Target
  readonly ask: LinkAsk
  readonly record: NarrowRecord
} {
  const [issuer, target] = [issuerOf(), plan.target()]
  const { map } = plan
  return {
    issuer,
    target,
    ask: linkAsk(plan, target),
    record: { ...policy(), issuer: issuer.issuer, targets: [target], scopes: { map } },
  }
}
