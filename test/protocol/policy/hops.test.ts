// Policies one behind the other: what comes out at the end is what each of them lets through, and nothing else changes it.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePolicy, explainPolicy } from '../../../protocol/policy/decide.ts'
import type { Policy, Subject } from '../../../protocol/policy/policy.ts'
import { classes, endpoint, policy, subject } from './arbitrary.ts'

/** One node: whom it takes the caller for, and how it names what it imports. */
interface Hop {
  readonly policy: Policy
  readonly classes: ReadonlySet<string>
  readonly endpoint: string
  readonly prefix: string
}

const hop: fc.Arbitrary<Hop> = fc.record({
  policy,
  classes,
  endpoint,
  prefix: fc.constantFrom('', 'docs-', 'far-'),
})

const chain = fc.array(hop, { minLength: 2, maxLength: 3 })
const subjects = fc.array(subject, { maxLength: 12 })

function renamed({ prefix }: Hop, { namespace, ...rest }: Subject): Subject {
  return { ...rest, namespace: `${prefix}${namespace}` }
}

/** What a node lists of what the one behind it lists, as it names it. */
function listed(from: readonly Subject[], one: Hop): readonly Subject[] {
  const compiled = compilePolicy(one.policy, one.classes, one.endpoint)
  return from.map((each) => renamed(one, each)).filter((each) => compiled.sees(each))
}

function through(hops: readonly Hop[], from: readonly Subject[]): readonly Subject[] {
  return hops.reduce((left, one) => listed(left, one), from)
}

/** Whether every node shows it under the name it has there. */
function isShownByAll(hops: readonly Hop[], about: Subject): boolean {
  let here = about
  return hops.every((one) => {
    here = renamed(one, here)
    const question = { endpoint: one.endpoint, subject: here }
    return explainPolicy(one.policy, one.classes, question).visible
  })
}

function named(hops: readonly Hop[], about: Subject): Subject {
  return hops.reduce((here, one) => renamed(one, here), about)
}

describe('nodes one behind the other', () => {
  const RUNS = { numRuns: 1_000 }

  it('show the intersection of what each shows, in its order', () => {
    const law = fc.property(chain, subjects, (hops, all) => {
      const expected = all.filter((one) => isShownByAll(hops, one)).map((one) => named(hops, one))
      expect(through(hops, all)).toEqual(expected)
    })
    fc.assert(law, RUNS)
  })

  it('show the same of some whatever others there are', () => {
    const law = fc.property(chain, subjects, subjects, (hops, some, others) => {
      const both = through(hops, [...some, ...others])
      expect(both).toEqual([...through(hops, some), ...through(hops, others)])
    })
    fc.assert(law, RUNS)
  })
})

describe('room a policy leaves', () => {
  it('is there for whatever is seen, by its namespace and by each glob over that', () => {
    const law = fc.property(hop, subject, fc.nat(), (one, about, cut) => {
      const compiled = compilePolicy(one.policy, one.classes, one.endpoint)
      fc.pre(compiled.sees(about))
      const { kind, namespace } = about
      for (const glob of [namespace, '*', `${namespace.slice(0, cut % 5)}*`]) {
        expect(compiled.maySee(kind, glob)).toBe(true)
      }
    })
    fc.assert(law, { numRuns: 300 })
  })

  it('is none where no rule allows anything that can be there', () => {
    const within = { allow: ['*'], deny: [], within: 'all' as const }
    const tools = { allow: [{ name: 'docs__*' }], deny: [], within: 'all' as const }
    const rules = [{ for: ['*'], endpoints: within, namespaces: within, kinds: { tools } }]
    const compiled = compilePolicy({ rules, tags: {} }, new Set(), 'main')
    expect(compiled.maySee('tool', 'docs')).toBe(true)
    expect(compiled.maySee('tool', 'far-*')).toBe(false)
    expect(compiled.maySee('tool', 'mail')).toBe(false)
    expect(compiled.maySee('resource', 'docs')).toBe(false)
  })
})
