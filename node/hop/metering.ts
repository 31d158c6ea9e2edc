import { labelOf, RULE_KINDS } from '../../protocol/policy/policy.ts'
import type { MeteredSubject } from '../../protocol/quota/quota.ts'
import { meterCall, type CurrentMeter } from '../core/meter.ts'
import type { Authenticated } from '../core/stages.ts'
import type { Catalogue } from './catalogue.ts'
import type { Parked, ParkingLot } from './parked-calls.ts'
import type { RequestStates } from './request-state.ts'
import { shown } from './resolve.ts'
import { subjectOf } from './sight.ts'
import type { Target } from './target.ts'

/** What it takes to see what a request is about. */
export interface MeteringParts {
  readonly meter: CurrentMeter
  readonly catalogue: Catalogue
  readonly states: RequestStates
  readonly parked: Pick<ParkingLot<Parked>, 'has'>
}

/** A call, and what it says it is about. */
export interface MeteredCall {
  readonly call: Authenticated
  readonly target: Target
}

/**
 * Counts a call before anything is started for it. Where nobody can say yet what it is about, because that stands on a list
 * that is still to come, it is only made sure that its caller has anything left, and the call is counted by what is
 * returned: so whoever has nothing left starts nothing, not even a list. Undefined when nothing is left to do.
 *
 * @throws Limited; so does what is returned
 */
export function counting(
  parts: MeteringParts,
  { call, target }: MeteredCall,
): (() => void) | undefined {
  const meter = parts.meter()
  if (meter === undefined) return undefined
  const { received, principal } = call
  const { endpoint, request } = received
  const goesOn = resumes(parts, { call, target })
  const subject = subjectIn(parts, { call, target })
  if (subject !== undefined || target.kind === 'task') {
    meterCall(meter, call, { subject, resumes: goesOn })
    return undefined
  }
  meter.check({ principal, endpoint, method: request.method, resumes: goesOn })
  return () => {
    meterCall(meter, call, { subject: subjectIn(parts, { call, target }), resumes: goesOn })
  }
}

/** What is hidden and what never was are about nothing: a limit must not tell the one from the other. */
function subjectIn(
  parts: MeteringParts,
  { call, target }: MeteredCall,
): MeteredSubject | undefined {
  const entry = target.kind === 'task' ? undefined : shown(parts, call, target)
  if (entry === undefined) return undefined
  const subject = subjectOf(entry)
  return { kind: RULE_KINDS[subject.kind], label: labelOf(subject), hints: subject.hints }
}

/**
 * Whether it takes up a call that waits here: that was counted when it began. A state that leads to no such call is
 * counted as any request, or it would be a way around.
 */
function resumes({ states, parked }: MeteringParts, { call, target }: MeteredCall): boolean {
  const { received, principal } = call
  if (received.caller.era !== '2026') return false
  const waiting = states.peek(call, target.name)
  return waiting?.kind === 'parked' && parked.has(waiting.id, principal.key, waiting.round)
}
