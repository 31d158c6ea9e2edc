import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePolicy, explainPolicy, type Verdict } from '../../../protocol/policy/decide.ts'
import {
  isFor,
  READING_HINTS,
  type Level,
  type Policy,
  type Rule,
  type Subject,
} from '../../../protocol/policy/policy.ts'
import { classes, endpoint, level, policy, rule, subject, toolOf } from './arbitrary.ts'
import { oracle, type Asked } from './oracle.ts'

const ANY: Level<string> = { allow: ['*'], deny: [], within: 'all' }

function ruleOf(parts: Partial<Rule>): Rule {
  return { for: ['*'], endpoints: ANY, namespaces: ANY, kinds: {}, ...parts }
}

const names = (...globs: string[]): { name: string }[] => globs.map((name) => ({ name }))

function tools(allow: string[], deny: string[] = []): Rule['kinds'] {
  const within = allow.length === 0 ? 'all' : names(...allow)
  return { tools: { allow: names(...allow), deny: names(...deny), within } }
}

const resources = (allow: string[], deny: string[] = []): Rule['kinds'] => {
  const { tools: of } = tools(allow, deny)
  return of === undefined ? {} : { resources: of }
}

function sees(rules: readonly Rule[], about: Subject, at = 'main', of: string[] = []): boolean {
  return explainPolicy({ rules, tags: {} }, new Set(of), { endpoint: at, subject: about }).visible
}

const file = (name: string): Subject => {
  return { kind: 'resource', namespace: 'docs', name, hints: READING_HINTS }
}

describe('a decision', () => {
  const analyst = ruleOf({ for: ['analyst'], kinds: tools(['docs__*'], ['docs__write_*']) })

  it('is to hide what no rule allows', () => {
    expect(sees([], toolOf('docs', 'read'))).toBe(false)
    expect(sees([analyst], toolOf('docs', 'read'))).toBe(false)
    expect(sees([analyst], toolOf('mail', 'read'), 'main', ['analyst'])).toBe(false)
  })

  it('is to show what a rule for a class of the caller allows', () => {
    expect(sees([analyst], toolOf('docs', 'read'), 'main', ['analyst', 'other'])).toBe(true)
  })

  it('is to hide what any rule denies', () => {
    const everything = ruleOf({ for: ['admin'], kinds: tools(['*']) })
    const write = toolOf('docs', 'write_file')
    expect(sees([everything, analyst], write, 'main', ['admin'])).toBe(true)
    expect(sees([everything, analyst], write, 'main', ['admin', 'analyst'])).toBe(false)
  })

  it('is kept within what the levels above speak of', () => {
    const narrow = ruleOf({
      endpoints: { allow: ['main'], deny: [], within: ['main'] },
      kinds: tools([], ['*']),
    })
    const all = ruleOf({ kinds: tools(['*']) })
    expect(sees([all, narrow], toolOf('docs', 'read'), 'main')).toBe(false)
    expect(sees([all, narrow], toolOf('docs', 'read'), 'ops')).toBe(true)
  })

  it('counts a rule that only denies somewhere as one that allows nothing', () => {
    const except = ruleOf({
      namespaces: { allow: [], deny: ['mail'], within: 'all' },
      kinds: tools(['*']),
    })
    expect(sees([except], toolOf('docs', 'read'))).toBe(false)
  })

  it('goes by tags and by what tools say of themselves', () => {
    const rules = [
      ruleOf({
        kinds: {
          tools: {
            allow: [{ tag: 'safe' }, { name: 'mail__*', readOnly: true }],
            deny: [],
            within: 'all',
          },
        },
      }),
    ]
    const tagged: Policy = { rules, tags: { safe: ['docs__*'] } }
    const decide = (about: Subject): boolean =>
      explainPolicy(tagged, new Set(), { endpoint: 'main', subject: about }).visible
    expect(decide(toolOf('docs', 'write'))).toBe(true)
    expect(decide(toolOf('mail', 'send'))).toBe(false)
    expect(decide({ ...toolOf('mail', 'list'), hints: READING_HINTS })).toBe(true)
  })

  it.each([
    'file:///pub/../secret',
    'file:///pub/%2e%2E/secret',
    'file:///pub/..%2fsecret',
    'file:///pub/%73ecret',
    'FILE:///pub/x',
    'file:///pub/..',
  ])('trusts no glob about %s, which a server may read as another URI', (uri) => {
    expect(sees([ruleOf({ kinds: resources(['file:///pub/*', 'FILE:*']) })], file(uri))).toBe(false)
    expect(sees([ruleOf({ kinds: resources(['*'], ['file:///secret']) })], file(uri))).toBe(false)
    expect(sees([ruleOf({ kinds: resources(['*']) })], file(uri))).toBe(true)
  })

  it.each(['file:///pub/x', 'file:///pub/a%20b', 'file:///pub/...', 'db:a.b..c/d'])(
    'knows %s for what it is',
    (uri) => {
      expect(sees([ruleOf({ kinds: resources(['file:///pub/*', 'db:*']) })], file(uri))).toBe(true)
    },
  )
})

const asked: fc.Arbitrary<Asked> = fc.record({ policy, classes, endpoint, subject })

function explained({ policy: rules, classes: of, ...question }: Asked): Verdict {
  return explainPolicy(rules, of, question)
}

function compiled({ policy: rules, classes: of, endpoint: at, subject: about }: Asked): boolean {
  return compilePolicy(rules, of, at).sees(about)
}

function withRules(question: Asked, rules: readonly Rule[]): Asked {
  return { ...question, policy: { ...question.policy, rules } }
}

function everyKind(): Rule['kinds'] {
  const all = { allow: names('*'), deny: [], within: 'all' as const }
  return { tools: all, prompts: all, resources: all }
}

function denials({ endpoints, namespaces, kinds }: Rule): number {
  const levels = [endpoints, namespaces, ...Object.values(kinds)]
  return levels.reduce((sum, { deny }) => sum + deny.length, 0)
}

describe('law', () => {
  const RUNS = { numRuns: 2_000 }

  it('the explanation decides as the rules are meant', () => {
    const law = fc.property(asked, (question) => {
      expect(explained(question).visible).toBe(oracle(question))
    })
    fc.assert(law, RUNS)
  })

  it('the compiled decision is the explained one', () => {
    const law = fc.property(asked, (question) => {
      expect(compiled(question)).toBe(explained(question).visible)
    })
    fc.assert(law, RUNS)
  })

  it('an explanation names a rule that really decides so', () => {
    const law = fc.property(asked, (question) => {
      const { visible, rule: index } = explained(question)
      const named = index === undefined ? undefined : question.policy.rules[index]
      // What is shown is shown by a rule; what none denies is hidden by none.
      fc.pre(visible || named !== undefined)
      const rules = named === undefined ? [] : [named]
      expect(rules.every((one) => isFor(one, question.classes))).toBe(true)
      // One that allows shows it alone; one that denies hides it beside one that allows everything.
      const beside = visible ? [] : [ruleOf({ kinds: everyKind() })]
      expect(oracle(withRules(question, [...beside, ...rules]))).toBe(visible)
    })
    fc.assert(law, RUNS)
  })

  it('a closed endpoint shows nothing', () => {
    const law = fc.property(asked, (question) => {
      const { policy: rules, classes: of, endpoint: at } = question
      expect(compilePolicy(rules, of, at).isOpen || !compiled(question)).toBe(true)
    })
    fc.assert(law)
  })

  it('one more rule that allows nothing never reveals', () => {
    const denying = fc
      .tuple(rule, level(fc.constantFrom('docs', 'mail*'), '*'))
      .map(([one, at]) => ({ ...one, namespaces: { ...at, allow: [] } }))
    const law = fc.property(asked, denying, (question, more) => {
      const tighter = withRules(question, [...question.policy.rules, more])
      expect(compiled(tighter) && !compiled(question)).toBe(false)
    })
    fc.assert(law, RUNS)
  })

  it('to take a rule away that denies nothing never reveals', () => {
    const law = fc.property(asked, fc.nat(), (question, pick) => {
      const { rules } = question.policy
      const index = pick % Math.max(rules.length, 1)
      fc.pre(rules.slice(index, index + 1).every((one) => denials(one) === 0))
      const fewer = withRules(question, rules.toSpliced(index, 1))
      expect(compiled(fewer) && !compiled(question)).toBe(false)
    })
    fc.assert(law, RUNS)
  })

  it('the order of rules makes no difference', () => {
    const law = fc.property(asked, (question) => {
      const turned = withRules(question, question.policy.rules.toReversed())
      expect(compiled(turned)).toBe(compiled(question))
    })
    fc.assert(law)
  })
})
