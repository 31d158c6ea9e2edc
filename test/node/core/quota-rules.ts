// Limits for tests, and callers they hold.
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { Quotas } from '../../../node/core/quotas.ts'
import type { Meter, MeteredRequest } from '../../../node/core/meter.ts'
import { READING_HINTS } from '../../../protocol/policy/policy.ts'
import type { Quota } from '../../../protocol/quota/quota.ts'
import type { Rate } from '../../../protocol/quota/rate.ts'

export function quota(name: string, more: Partial<Quota>): Quota {
  const plain = { for: ['*'], endpoints: ['*'], methods: undefined, kinds: {} } as const
  return { name, ...plain, per: 'caller', ...more }
}

export const PER_SECOND: Rate = { count: 1, periodMs: 1_000, burst: 2 }

export const KEYS: readonly ['ann', 'bob'] = ['ann', 'bob'] as const
const people: Readonly<Record<string, Principal>> = Object.fromEntries(
  KEYS.map((name) => [name, { ...LOCAL_CALLER, subject: name, clientId: 'x', key: name }]),
)

export class Clock {
  ms: number = 5_000
  readonly now: () => number = (): number => this.ms
}

export function quotasOf(quotas: readonly Quota[], clock: Clock = new Clock()): Quotas {
  const classes = { people: [{ keys: ['ann'] }] }
  const parts = { now: clock.now, callers: 100, node: 'id', name: 'acme/edge' }
  return new Quotas({ quotas, classes, tags: {} }, parts)
}

export function call(who: string, tool?: string): MeteredRequest {
  const principal = people[who] ?? LOCAL_CALLER
  const subject =
    tool === undefined ? undefined : { kind: 'tools' as const, label: tool, hints: READING_HINTS }
  return { principal, endpoint: 'main', method: 'tools/call', subject }
}

export function meterOf(quotas: Quotas): Meter {
  const { meter } = quotas
  if (meter === undefined) throw new Error('nothing is limited')
  return meter
}
