import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import {
  narrow,
  type NarrowRecord,
  type Parent,
  type Stamp,
} from '../../../protocol/token/narrow.ts'
import type { Delegation } from './backend.ts'
import type { LinkPolicy } from '../link-policy.ts'
import { linkAsk, type GrantPlan, type LinkAsk } from './grant-plan.ts'

/** The largest budget a token can have. */
const ANY_BUDGET = 255

/** Names nothing: what is expected is never sent. */
const UNNAMED = ''

/**
 * What an issuer elsewhere may make of a delegation at most, by the law it must keep itself: whatever that law refuses is
 * refused here, before anything is sent. Subject and names are the issuer's to choose.
 *
 * @throws OAuthFault of `narrow`
 */
export function expectedAccess(
  delegation: Delegation,
  plan: GrantPlan,
  policy: LinkPolicy,
): AccessClaims {
  const { parent, ask, record, stamp } = lawOf(delegation, plan, policy)
  return narrow(parent, { ...ask, kind: 'access', audience: ask.resource }, record, stamp)
}

/** The same for a grant. @throws OAuthFault of `narrow` */
export function expectedGrant(
  delegation: Delegation,
  plan: GrantPlan,
  policy: LinkPolicy,
): GrantClaims {
  const { parent, ask, record, stamp } = lawOf(delegation, plan, policy)
  const audience = plan.target().issuer
  return narrow(parent, { ...ask, kind: 'grant', audience }, record, stamp)
}

/** The arguments of the law, but for the kind. */
interface Law {
  readonly parent: Parent
  readonly ask: LinkAsk
  readonly record: NarrowRecord
  readonly stamp: Stamp
}

function lawOf({ parent, tokenBudget }: Delegation, plan: GrantPlan, policy: LinkPolicy): Law {
  const { map, clock } = plan
  const target = plan.target()
  const ask = linkAsk(plan, target)
  // That the call itself may go no further is refused here; an issuer knows of no call, and goes by the token.
  const budget = parent.budget === 0 ? 0 : (tokenBudget ?? ANY_BUDGET)
  return {
    parent: { ...parent, budget },
    ask,
    record: {
      ...policy,
      subject: { rule: 'same' },
      maxBudget: ANY_BUDGET,
      issuer: ask.actor.iss,
      targets: [target],
      scopes: { map },
    },
    stamp: { now: Math.floor(clock()), jti: UNNAMED, txn: UNNAMED },
  }
}
