// Why somebody sees something: what is explained is what is decided, and the rule that is named did it.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sights, type Decided, type Onlooker, type Reason } from '../../../node/hop/sight.ts'
import { isFor, type Policy, type Rule } from '../../../protocol/policy/policy.ts'
import * as any from '../../protocol/policy/arbitrary.ts'

const SCOPES = ['*', 'ns:docs', 'ns:mail', 'ns:docs:read', 'tool:docs/read', 'resource:mail']

const onlooker: fc.Arbitrary<Onlooker> = fc.record({
  classes: fc.uniqueArray(fc.constantFrom(...any.CLASSES)).map((names) => names.toSorted()),
  scopes: fc.option(fc.uniqueArray(fc.constantFrom(...SCOPES)), { nil: undefined, freq: 2 }),
})

const UPSTREAMS = ['told', 'untold', 'apart']

const entry: fc.Arbitrary<Decided> = fc
  .tuple(any.subject, fc.uniqueArray(fc.constantFrom(...UPSTREAMS), { minLength: 1 }))
  .map(([{ name, ...rest }, labels]) => ({
    ...rest,
    id: { name },
    candidates: labels.map((upstream) => ({ upstream })),
  }))

/** What it takes to use upstreams that are not told who calls. */
const REQUIRED = new Map([
  ['untold', ['ns:docs']],
  ['apart', ['ns:mail', 'tool:docs/read']],
])

function sightsOf(endpoint: string, policy: Policy | undefined): Sights {
  return new Sights(endpoint, policy && { ...policy, classes: {} }, REQUIRED)
}

function why(sights: Sights, who: Onlooker, one: Decided): Reason {
  return sights.reasonsFor(who)(one)
}

/** Everything, to everybody: what is hidden next to it is hidden by something else. */
const ALL: Rule = {
  for: ['*'],
  endpoints: { allow: ['*'], deny: [], within: 'all' },
  namespaces: { allow: ['*'], deny: [], within: 'all' },
  kinds: Object.fromEntries(
    ['tools', 'prompts', 'resources'].map((kind) => [
      kind,
      { allow: [{ name: '*' }], deny: [], within: 'all' },
    ]),
  ),
}

test('law: explain says of every capability what the decision says', () => {
  const policy = fc.option(any.policy, { nil: undefined, freq: 5 })
  fc.assert(
    fc.property(policy, any.endpoint, onlooker, entry, (rules, endpoint, who, one) => {
      const sights = sightsOf(endpoint, rules)
      expect(why(sights, who, one).visible).toBe(sights.from(who).sees(one))
    }),
    { numRuns: 2_000 },
  )
})

test('law: a rule that is named is there, is for the caller, and by itself decides so', () => {
  fc.assert(
    fc.property(any.policy, any.endpoint, onlooker, entry, (policy, endpoint, who, one) => {
      const { rule: index, visible, level } = why(sightsOf(endpoint, policy), who, one)
      fc.pre(index !== undefined)
      const rule = policy.rules[index]
      expect(rule !== undefined && isFor(rule, new Set(who.classes))).toBe(true)
      const alone = { ...policy, rules: visible ? [rule as Rule] : [ALL, rule as Rule] }
      const again = why(sightsOf(endpoint, alone), { ...who, scopes: undefined }, one)
      expect(again).toEqual({ visible, level, rule: visible ? 0 : 1 })
    }),
    { numRuns: 2_000 },
  )
})

test('law: where no rule is named, none allows, or scopes do not cover it', () => {
  fc.assert(
    fc.property(any.policy, any.endpoint, onlooker, entry, (policy, endpoint, who, one) => {
      const sights = sightsOf(endpoint, policy)
      const { rule, visible, level } = why(sights, who, one)
      fc.pre(rule === undefined)
      expect(visible).toBe(false)
      const unbound = why(sights, { ...who, scopes: undefined }, one)
      expect(unbound.visible).toBe(level === 'scopes')
    }),
    { numRuns: 2_000 },
  )
})

test('law: the scopes that are named would do', () => {
  const sights = sightsOf('main', { rules: [ALL], tags: {} })
  fc.assert(
    fc.property(onlooker, entry, (who, one) => {
      const { needs } = why(sights, who, one)
      expect(why(sights, { ...who, scopes: needs ?? who.scopes }, one).visible).toBe(
        needs !== undefined || sights.from(who).sees(one),
      )
    }),
  )
})

test('where visibility is open only scopes decide, and without any nothing does', () => {
  const sights = sightsOf('main', undefined)
  const tool = { ...any.toolOf('docs', 'write'), id: { name: 'write' } }
  const one: Decided = { ...tool, candidates: [{ upstream: 'told' }] }
  const as = (scopes: readonly string[] | undefined, entry_ = one): Reason =>
    why(sights, { classes: [], scopes }, entry_)
  expect(as(undefined)).toEqual({ visible: true, level: 'open', rule: undefined })
  expect(as(['ns:docs'])).toMatchObject({ visible: true, level: 'scopes' })
  const hidden = { visible: false, level: 'scopes' }
  expect(as(['ns:mail'])).toMatchObject({ ...hidden, needs: ['tool:docs/write'] })
  const apart: Decided = { ...one, candidates: [{ upstream: 'apart' }] }
  expect(as(['tool:docs/write'], apart)).toMatchObject({
    ...hidden,
    needs: ['ns:mail', 'tool:docs/read', 'tool:docs/write'],
  })
})
