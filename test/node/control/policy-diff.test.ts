// What would change for whom: the difference of two policies is the difference of what they decide.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffRequest } from '../../../node/control/admin-diff-models.ts'
import type { Explainable } from '../../../node/control/explain.ts'
import { diffFiles } from '../../../node/control/policy-diff-file.ts'
import { diffPolicies, type DiffSide, type PolicyDiff } from '../../../node/control/policy-diff.ts'
import { policyOfText, policyText } from '../../../node/control/policy-text.ts'
import { Slices } from '../../../node/control/slices.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'
import { parseConfig } from '../../../node/core/config.ts'
import type { NodeConfig } from '../../../node/core/config-types.ts'
import { Sights } from '../../../node/hop/sight.ts'
import type { Policy } from '../../../protocol/policy/policy.ts'
import * as any from '../../protocol/policy/arbitrary.ts'

const BASE = parseConfig({
  node: { name: 'edge', organisation: 'acme' },
  issuer: {},
  upstreams: { up: { stdio: { command: 'x' } } },
  namespaces: { docs: { from: ['up'] } },
  endpoints: { main: { namespaces: ['docs'] }, ops: { namespaces: ['docs'] } },
  clients: Object.fromEntries(any.CLASSES.map((name) => [name, { subjects: name }])),
})

function configOf({ rules, tags }: Policy): NodeConfig {
  return { ...BASE, visibility: rules, tags }
}

function sideOf(policy: Policy, items: readonly Explainable[]): DiffSide {
  const config = configOf(policy)
  const sights = (endpoint: string): Sights =>
    new Sights(endpoint, { ...policy, classes: BASE.clients })
  return { ground: { config, base: undefined, sights }, items: () => items }
}

const items: fc.Arbitrary<readonly Explainable[]> = fc
  .array(any.subject, { maxLength: 8 })
  .map((subjects) =>
    subjects.map(({ name, ...rest }, index) => ({
      entry: { ...rest, name: `${name} ${index}`, id: { name }, candidates: [] },
    })),
  )

function namesOf(diff: PolicyDiff, which: 'appears' | 'vanishes'): readonly string[] {
  return diff.changes.flatMap((change) =>
    change[which].map(({ kind, name }) => `${change.endpoint} ${change.class} ${kind} ${name}`),
  )
}

/** What each class sees, by the decision itself. */
function seenBy(policy: Policy, all: readonly Explainable[]): readonly string[] {
  return ['main', 'ops'].flatMap((endpoint) =>
    [...any.CLASSES, '*'].flatMap((name) => {
      const sights = new Sights(endpoint, { ...policy, classes: BASE.clients })
      const classes = name === '*' ? [] : [name]
      const sight = sights.from({ classes, scopes: undefined })
      return all
        .filter(({ entry }) => sight.sees(entry))
        .map(({ entry }) => `${endpoint} ${name} ${entry.kind} ${entry.name}`)
    }),
  )
}

function minus(left: readonly string[], right: readonly string[]): readonly string[] {
  return left.filter((text) => !right.includes(text)).toSorted()
}

test('law: what appears and vanishes is what is decided otherwise', async () => {
  const slices = new Slices(new AbortController().signal)
  await fc.assert(
    fc.asyncProperty(any.policy, any.policy, items, async (one, other, all) => {
      const plan = { before: sideOf(one, all), after: sideOf(other, all), limit: 1_000 }
      const diff = await diffPolicies(plan, slices)
      const [then, now] = [seenBy(one, all), seenBy(other, all)]
      expect(namesOf(diff, 'appears').toSorted()).toEqual(minus(now, then))
      expect(namesOf(diff, 'vanishes').toSorted()).toEqual(minus(then, now))
      const both = await diffPolicies({ ...plan, after: plan.before }, slices)
      expect(both.changes).toEqual([])
    }),
  )
})

test('law: a policy that is told and read again decides the same', () => {
  fc.assert(
    fc.property(
      any.policy,
      any.endpoint,
      any.classes,
      any.subject,
      (policy, endpoint, set, one) => {
        const told = diffRequest.parse(JSON.parse(JSON.stringify(policyText(configOf(policy)))))
        const { visibility, tags, clients } = policyOfText(told)
        const again = new Sights(endpoint, {
          rules: visibility === 'open' ? [] : visibility,
          tags,
          classes: clients,
        })
        const first = new Sights(endpoint, { ...policy, classes: BASE.clients })
        const who = { classes: [...set].toSorted(), scopes: undefined }
        const { name, ...rest } = one
        const entry = { ...rest, id: { name }, candidates: [] }
        expect(again.reasonsFor(who)(entry)).toEqual(first.reasonsFor(who)(entry))
        expect(again.from(who).sees(entry)).toBe(first.from(who).sees(entry))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('no more is named than is wanted, and the rest is counted', async () => {
  const all: readonly Explainable[] = Array.from({ length: 10 }, (_, i) => ({
    entry: { ...any.toolOf('docs', `t${i}`), name: `t${i}`, id: { name: `t${i}` }, candidates: [] },
  }))
  const open: Policy = { rules: [ruleFor('analyst')], tags: {} }
  const plan = { before: sideOf({ rules: [], tags: {} }, all), after: sideOf(open, all), limit: 3 }
  const { changes } = await diffPolicies(plan, new Slices(new AbortController().signal))
  expect(changes).toMatchObject([
    { endpoint: 'main', class: 'analyst', appearing: 10, vanishing: 0 },
    { endpoint: 'ops', class: 'analyst', appearing: 10 },
  ])
  expect(changes.map(({ appears }) => appears.length)).toEqual([3, 3])
})

function ruleFor(name: string): Policy['rules'][number] {
  const everything = { allow: ['*'], deny: [], within: 'all' } as const
  const tools = { allow: [{ name: '*' }], deny: [], within: 'all' } as const
  return { for: [name], endpoints: everything, namespaces: everything, kinds: { tools } }
}

const head = `node: { name: edge, organisation: acme }
issuer: {}
upstreams: { files: { http: { url: 'http://127.0.0.1:1/mcp' } } }
namespaces: { docs: { from: [files] }, mail: { from: [files] } }
`
const first = `${head}endpoints: { main: { namespaces: [docs] } }
clients: { analyst: { subjects: ann } }
visibility:
  - { for: analyst, tools: { allow: ['*'], deny: ['docs__write_*'] } }
`

function compare(second: string): Promise<PolicyDiff> {
  const one = parseConfigText(first, '0.yaml', {})
  return diffFiles(one.config, parseConfigText(second, '1.yaml', {}).config, 100)
}

describe('two files', () => {
  test('are compared over what both name', async () => {
    const { changes, notes } = await compare(
      first.replace("deny: ['docs__write_*']", "deny: ['docs__drop']"),
    )
    expect(notes).toEqual([])
    expect(changes).toEqual([
      {
        endpoint: 'main',
        class: 'analyst',
        appearing: 1,
        vanishing: 1,
        appears: [{ kind: 'tool', name: 'docs__write_*', because: '1.yaml:8 allows it' }],
        vanishes: [{ kind: 'tool', name: 'docs__drop', because: '1.yaml:8 denies the tool' }],
      },
    ])
  })

  test('of which one offers more show more', async () => {
    const { changes } = await compare(first.replace('[docs]', '[docs, mail]'))
    expect(changes[0]?.appears.map(({ name }) => name)).toContain('mail__*')
    const less = await compare(first.replace('[docs] }', '[mail] }'))
    expect(less.changes[0]?.vanishes).toContainEqual({
      kind: 'tool',
      name: 'docs__*',
      because: 'it is not offered there',
    })
  })

  test('that differ in who somebody is, or what there is, say so', async () => {
    const { notes } = await compare(
      first
        .replace('subjects: ann', 'subjects: bob')
        .replace(':1/mcp', ':2/mcp')
        .replace('upstreams: {', "upstreams: { more: { stdio: { command: 'x' } },")
        .replace('namespaces: [docs]', "namespaces: [docs], auth: { dpop: 'accepted' }"),
    )
    expect(notes).toEqual([
      'who is in class "analyst" changes',
      'who may call endpoint "main", or what its scopes are, changes',
      'upstream "files" changes, and so may what it lists',
      'upstream "more" is new: what it lists is not known',
    ])
  })
})
