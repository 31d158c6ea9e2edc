import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../node/core/config.ts'
import type { RuleInput } from '../../../node/core/config-input.ts'
import { compilePolicy } from '../../../protocol/policy/decide.ts'
import { lintPolicy, type PolicyGround } from '../../../protocol/policy/lint.ts'
import type { Rule } from '../../../protocol/policy/policy.ts'
import { classes, endpoint, policy, subject } from './arbitrary.ts'

const GROUND: PolicyGround = {
  classes: ['analyst'],
  endpoints: [
    { name: 'main', namespaces: ['docs', 'globex-*'] },
    { name: 'ops', namespaces: ['mail'] },
  ],
}

function rulesOf(visibility: readonly RuleInput[]): readonly Rule[] {
  const node = { name: 'edge', organisation: 'acme' }
  const config = parseConfig({
    node,
    visibility,
    tags: { safe: ['docs__*'] },
    clients: { analyst: { subjects: ['a'] }, admin: { subjects: ['b'] } },
  })
  return config.visibility === 'open' ? [] : config.visibility
}

function remarks(...visibility: RuleInput[]): string[] {
  const found = lintPolicy({ rules: rulesOf(visibility), tags: {} }, GROUND)
  return found.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const main = { endpoints: ['main'], namespaces: ['docs'] }

describe('a remark is made about a rule', () => {
  it.each<[string, RuleInput[], string]>([
    [
      'that denies itself',
      [{ for: 'analyst', tools: { allow: ['docs__a'], deny: ['docs__*'] } }],
      'visibility.0: can show nothing: it denies itself all it allows',
    ],
    [
      'that another denies',
      [
        { for: 'analyst', ...main, tools: ['docs__a'] },
        { for: '*', namespaces: { deny: ['docs'] } },
      ],
      'visibility.0: can show nothing: visibility[1] denies all it allows',
    ],
    [
      'that stands there twice',
      [
        { for: 'analyst', ...main },
        { for: 'analyst', ...main },
      ],
      'visibility.1: adds nothing: visibility[0] allows all of it',
    ],
    [
      'that a wider one makes idle',
      [
        { for: 'analyst', ...main, tools: ['docs__read_*'] },
        { for: '*', tools: ['docs__*'] },
      ],
      'visibility.0: adds nothing: visibility[1] allows all of it',
    ],
    [
      'about an endpoint that is not there',
      [{ for: 'analyst', endpoints: ['mian'] }],
      'visibility.0.endpoints: "mian" matches no endpoint',
    ],
    [
      'about a namespace its endpoints never offer',
      [{ for: 'analyst', endpoints: ['ops'], namespaces: ['docs'] }],
      'visibility.0.namespaces: "docs" can match no namespace of the endpoints the rule is about',
    ],
    [
      'with a name without its namespace',
      [{ for: 'analyst', namespaces: ['docs'], tools: ['read_file'] }],
      'visibility.0.tools: "read_file" can match nothing: names are <namespace>__<name>, of the rule\'s namespaces',
    ],
    ['that forgets a class', [{ for: '*' }], 'clients.analyst: is named by no rule'],
  ])('%s', (_, visibility, expected) => {
    expect(remarks(...visibility)).toContain(expected)
  })

  it('and none about one that is fine', () => {
    expect(
      remarks(
        { for: 'analyst', ...main, tools: { allow: ['docs__*'], deny: ['docs__write_*'] } },
        { for: '*', endpoints: ['main'], namespaces: ['globex-*'], prompts: ['*'] },
        { for: 'analyst', tools: { deny: ['*__drop'] } },
      ),
    ).toEqual([])
  })
})

describe('law', () => {
  const ground = { classes: [], endpoints: [] }

  it.each(['can show nothing', 'adds nothing'])('a rule that "%s" is missed by nobody', (text) => {
    let found = 0
    fc.assert(
      fc.property(policy, classes, endpoint, subject, (one, of, at, about) => {
        const remark = lintPolicy(one, ground).find(({ message }) => message.startsWith(text))
        if (remark === undefined) return
        found += 1
        const index = Number(remark.path[1])
        // Its denials stay: only what it allows is of no use.
        const blunted = one.rules.map((each, i) => (i === index ? withoutAllow(each) : each))
        const before = compilePolicy(one, of, at)
        const after = compilePolicy({ ...one, rules: blunted }, of, at)
        expect(after.sees(about)).toBe(before.sees(about))
      }),
      { numRuns: 3_000 },
    )
    expect(found).toBeGreaterThan(0)
  })
})

function withoutAllow(rule: Rule): Rule {
  const kinds = Object.entries(rule.kinds).map(([kind, { deny, within }]) => {
    return [kind, { allow: [], deny, within }]
  })
  return { ...rule, kinds: Object.fromEntries(kinds) as Rule['kinds'] }
}
