// Policies and what they decide about, small enough that rules and names often meet.
import * as fc from 'fast-check'
import type { CapabilityKind } from '../../../protocol/capability.ts'
import {
  UNKNOWN_HINTS,
  type Hints,
  type Level,
  type Policy,
  type Rule,
  type Selector,
  type Subject,
} from '../../../protocol/policy/policy.ts'

export const CLASSES = ['analyst', 'admin', 'partner'] as const
export const ENDPOINTS = ['main', 'ops'] as const
const NAMESPACES = ['docs', 'mail', 'docs-old'] as const
const NAMES = ['read', 'read_all', 'write', 'drop'] as const
const TAGS = { safe: ['docs__read*', 'mail__*'], odd: ['*_all', 'file:///a*'] }

const hints: fc.Arbitrary<Hints> = fc.record({
  readOnly: fc.boolean(),
  destructive: fc.boolean(),
  idempotent: fc.boolean(),
  openWorld: fc.boolean(),
})

/** A text, or a glob that matches it. */
function globOf(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    texts,
    fc.constant('*'),
    texts.chain((text) => fc.nat(text.length).map((at) => `${text.slice(0, at)}*`)),
    texts.chain((text) => fc.nat(text.length).map((at) => `*${text.slice(at)}`)),
    texts.chain((text) =>
      fc.nat(text.length - 1).map((at) => `${text.slice(0, at)}*${text.slice(at + 1)}`),
    ),
  )
}

const tool = fc
  .tuple(fc.constantFrom(...NAMESPACES), fc.constantFrom(...NAMES))
  .map(([namespace, name]) => `${namespace}__${name}`)
const uri = fc.constantFrom('file:///a', 'file:///ab', 'file:///a/../b', 'db://x')

const selector: fc.Arbitrary<Selector> = fc
  .tuple(
    fc.option(globOf(fc.oneof(tool, uri)), { nil: undefined }),
    fc.option(fc.constantFrom(...Object.keys(TAGS)), { nil: undefined, freq: 3 }),
    fc.option(fc.boolean(), { nil: undefined, freq: 3 }),
  )
  .map(([name, tag, readOnly]) => ({
    ...(name !== undefined && { name }),
    ...(tag !== undefined && { tag }),
    ...(readOnly !== undefined && { readOnly }),
  }))

export function level<T>(pattern: fc.Arbitrary<T>, everything: T): fc.Arbitrary<Level<T>> {
  const some = fc.array(pattern, { minLength: 1, maxLength: 3 })
  return fc.oneof(
    fc.constant({ allow: [everything], deny: [], within: 'all' as const }),
    some.map((allow) => ({ allow, deny: [], within: allow })),
    some.map((deny) => ({ allow: [], deny, within: 'all' as const })),
    fc.tuple(some, some).map(([allow, deny]) => ({ allow, deny, within: allow })),
  )
}

const ALL: Selector = { name: '*' }

export const rule: fc.Arbitrary<Rule> = fc
  .record({
    for: fc.uniqueArray(fc.constantFrom('*', ...CLASSES), { minLength: 1, maxLength: 2 }),
    endpoints: level(globOf(fc.constantFrom(...ENDPOINTS)), '*'),
    namespaces: level(globOf(fc.constantFrom(...NAMESPACES)), '*'),
    tools: fc.option(level(selector, ALL), { nil: undefined }),
    resources: fc.option(level(selector, ALL), { nil: undefined }),
  })
  .map(({ tools, resources, ...rest }) => ({
    ...rest,
    kinds: {
      ...(tools !== undefined && { tools }),
      ...(resources !== undefined && { resources }),
    },
  }))

export const policy: fc.Arbitrary<Policy> = fc
  .array(rule, { maxLength: 6 })
  .map((rules) => ({ rules, tags: TAGS }))

export const classes: fc.Arbitrary<ReadonlySet<string>> = fc
  .uniqueArray(fc.constantFrom(...CLASSES))
  .map((names) => new Set(names))

export const endpoint: fc.Arbitrary<string> = fc.constantFrom(...ENDPOINTS)

export const subject: fc.Arbitrary<Subject> = fc
  .record({
    kind: fc.constantFrom<CapabilityKind>('tool', 'tool', 'resource', 'template', 'prompt'),
    namespace: fc.constantFrom(...NAMESPACES),
    tool: fc.constantFrom(...NAMES),
    uri,
    hints,
  })
  .map(({ tool: name, uri: address, ...rest }) => ({
    ...rest,
    name: rest.kind === 'resource' || rest.kind === 'template' ? address : name,
  }))

/** A tool that says nothing of itself. */
export function toolOf(namespace: string, name: string): Subject {
  return { kind: 'tool', namespace, name, hints: UNKNOWN_HINTS }
}
