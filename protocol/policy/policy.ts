/**
 * Who sees what at a node: rules over classes of callers. Data only; `decide.ts` gives it its meaning.
 *
 * A rule speaks of three levels: endpoints, namespaces, capabilities. It shows what it allows at all three and hides what
 * it denies at one. Over all rules that are for a caller, deny wins, and what none allows is hidden.
 */

import type { CapabilityKind } from '../capability.ts'

/** What a tool says it does (MCP 2026-07-28, ToolAnnotations). Its server's word, and no more than that. */
export interface Hints {
  readonly readOnly: boolean
  readonly destructive: boolean
  readonly idempotent: boolean
  readonly openWorld: boolean
}

/** Of a tool that says nothing, by the specification. */
export const UNKNOWN_HINTS: Hints = {
  readOnly: false,
  destructive: true,
  idempotent: false,
  openWorld: true,
}

/** Of whatever is no tool: to get it is to read it. */
export const READING_HINTS: Hints = {
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
}

/** Something a caller may see or not. */
export interface Subject {
  readonly kind: CapabilityKind
  /** As the endpoint has it. */
  readonly namespace: string
  /** Name, URI or URI template, as in the namespace: cut names and prefixes of an endpoint make no difference. */
  readonly name: string
  readonly hints: Hints
}

/** Picks capabilities; what is there must all hold. */
export interface Selector {
  /** Glob over `<namespace>__<name>` of tools and prompts, over the URI or template of resources. */
  readonly name?: string
  /** One of the policy's tags. */
  readonly tag?: string
  readonly readOnly?: boolean
  readonly destructive?: boolean
  readonly idempotent?: boolean
  readonly openWorld?: boolean
}

/** One level of a rule. */
export interface Level<Pattern> {
  readonly allow: readonly Pattern[]
  readonly deny: readonly Pattern[]
  /**
   * What the levels below speak of: `allow` where it is written; otherwise everything, so that a rule that only denies
   * below need not allow here.
   */
  readonly within: readonly Pattern[] | 'all'
}

/** Kinds as rules know them: templates and skills are resources too. */
export type RuleKind = 'tools' | 'prompts' | 'resources'

export interface Rule {
  /** Names of classes; `*` is everybody. */
  readonly for: readonly string[]
  readonly endpoints: Level<string>
  readonly namespaces: Level<string>
  /** What is not there, the rule neither allows nor denies. */
  readonly kinds: Partial<Readonly<Record<RuleKind, Level<Selector>>>>
  /** Where it stands, `file:line`; absent where it was written in code. */
  readonly place?: string
}

export interface Policy {
  readonly rules: readonly Rule[]
  /** Named sets of globs, over what {@link Selector.name} is over. */
  readonly tags: Readonly<Record<string, readonly string[]>>
}

/** The class every caller is in. */
export const EVERYBODY = '*'

export const RULE_KINDS: Readonly<Record<CapabilityKind, RuleKind>> = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  template: 'resources',
  skill: 'resources',
}

/** What the globs of selectors and tags are held against. */
export function labelOf({ kind, namespace, name }: Omit<Subject, 'hints'>): string {
  return RULE_KINDS[kind] === 'resources' ? name : `${namespace}__${name}`
}

/** Whether a rule is for one who is in these classes. */
export function isFor(rule: Pick<Rule, 'for'>, classes: ReadonlySet<string>): boolean {
  return rule.for.some((name) => name === EVERYBODY || classes.has(name))
}
