/** What in a policy is allowed but probably not meant. Decides by text, so it says nothing unless it is sure. */

import { globsOverlap, matchesGlob } from '../glob.ts'
import {
  EVERYBODY,
  type Level,
  type Policy,
  type Rule,
  type RuleKind,
  type Selector,
} from './policy.ts'

/** What the node has for rules to be about. */
export interface PolicyGround {
  readonly classes: readonly string[]
  readonly endpoints: readonly {
    readonly name: string
    /** Globs over what it can ever offer. */
    readonly namespaces: readonly string[]
  }[]
  /** What is named elsewhere, so that no rule need name it. */
  readonly named?: {
    readonly classes: ReadonlySet<string>
    readonly tags: ReadonlySet<string>
  }
}

/** A remark about one rule, or about what belongs to no rule. */
export interface PolicyRemark {
  /** Members of the policy's text that lead to it: `visibility`, the index of a rule, its member. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** Whether every name that matches `narrow` matches `wide`: its stars can only stand within stars. */
export function globCovers(wide: string, narrow: string): boolean {
  return matchesGlob(wide, narrow)
}

function allCovered(wide: readonly string[], narrow: readonly string[]): boolean {
  return narrow.every((glob) => wide.some((other) => globCovers(other, glob)))
}

const HINTS = ['readOnly', 'destructive', 'idempotent', 'openWorld'] as const

/** Whether one selector picks all the other does, whatever the tags are. */
function selectorCovers(wide: Selector, narrow: Selector): boolean {
  const sameHints = HINTS.every((hint) => wide[hint] === undefined || wide[hint] === narrow[hint])
  const sameTag = wide.tag === undefined || wide.tag === narrow.tag
  return sameHints && sameTag && globCovers(wide.name ?? '*', narrow.name ?? '*')
}

function isForAll(wide: Rule, narrow: Rule): boolean {
  return wide.for.includes(EVERYBODY) || narrow.for.every((name) => wide.for.includes(name))
}

function within({ within: globs }: Level<string>): readonly string[] {
  return globs === 'all' ? ['*'] : globs
}

type Kinds = readonly (readonly [RuleKind, Level<Selector>])[]

function kindsOf({ kinds }: Rule): Kinds {
  return Object.entries(kinds) as unknown as Kinds
}

function allows({ endpoints, namespaces, kinds }: Rule): boolean {
  const some = Object.values(kinds).some(({ allow }) => allow.length > 0)
  return endpoints.allow.length > 0 && namespaces.allow.length > 0 && some
}

/** Whether a rule allows all that another does. */
function allowsAll(wide: Rule, narrow: Rule): boolean {
  return (
    isForAll(wide, narrow) &&
    allCovered(wide.endpoints.allow, narrow.endpoints.allow) &&
    allCovered(wide.namespaces.allow, narrow.namespaces.allow) &&
    kindsOf(narrow).every(([kind, { allow }]) =>
      allow.every((one) => wide.kinds[kind]?.allow.some((other) => selectorCovers(other, one))),
    )
  )
}

/** Whether a rule denies all that another allows. */
function deniesAll(wide: Rule, narrow: Rule): boolean {
  if (!isForAll(wide, narrow)) return false
  const { endpoints, namespaces, kinds } = wide
  if (allCovered(endpoints.deny, narrow.endpoints.allow)) return true
  if (!allCovered(within(endpoints), narrow.endpoints.allow)) return false
  if (allCovered(namespaces.deny, narrow.namespaces.allow)) return true
  if (!allCovered(within(namespaces), narrow.namespaces.allow)) return false
  return kindsOf(narrow).every(([kind, { allow }]) =>
    allow.every((one) => kinds[kind]?.deny.some((other) => selectorCovers(other, one))),
  )
}

function nameOf(rule: Rule, index: number): string {
  return rule.place === undefined ? `visibility[${index}]` : rule.place
}

function overshadowed({ rules }: Policy): readonly PolicyRemark[] {
  return rules.flatMap((rule, index): PolicyRemark[] => {
    if (!allows(rule)) return []
    const path = ['visibility', index]
    const denier = rules.findIndex((other) => deniesAll(other, rule))
    if (denier !== -1) {
      const by = denier === index ? 'it denies itself' : `${said(rules, denier)} denies`
      return [{ path, message: `can show nothing: ${by} all it allows` }]
    }
    const wider = rules.findIndex(
      // Of two that are the same, the second is one too many.
      (other, at) =>
        at !== index && allowsAll(other, rule) && (at < index || !allowsAll(rule, other)),
    )
    if (wider === -1 || hasDenials(rule)) return []
    return [{ path, message: `adds nothing: ${said(rules, wider)} allows all of it` }]
  })
}

function said(rules: readonly Rule[], index: number): string {
  const rule = rules[index]
  return rule === undefined ? '' : nameOf(rule, index)
}

function hasDenials({ endpoints, namespaces, kinds }: Rule): boolean {
  return [endpoints, namespaces, ...Object.values(kinds)].some(({ deny }) => deny.length > 0)
}

/** Globs of a rule that lead nowhere. */
function vain({ rules }: Policy, ground: PolicyGround): readonly PolicyRemark[] {
  return rules.flatMap((rule, index) => {
    const offered = ground.endpoints
      .filter(({ name }) => within(rule.endpoints).some((glob) => matchesGlob(glob, name)))
      .flatMap(({ namespaces }) => namespaces)
    const endpoints = globsOf(rule.endpoints).filter(
      (glob) => !ground.endpoints.some(({ name }) => matchesGlob(glob, name)),
    )
    const namespaces = globsOf(rule.namespaces).filter(
      (glob) => !offered.some((other) => globsOverlap(other, glob)),
    )
    return [
      ...endpoints.map((glob) => remark([index, 'endpoints'], `"${glob}" matches no endpoint`)),
      ...namespaces.map((glob) => {
        const message = `"${glob}" can match no namespace of the endpoints the rule is about`
        return remark([index, 'namespaces'], message)
      }),
    ]
  })
}

function globsOf({ allow, deny }: Level<string>): readonly string[] {
  return [...allow, ...deny].filter((glob) => glob !== '*')
}

function remark(path: readonly (string | number)[], message: string): PolicyRemark {
  return { path: ['visibility', ...path], message }
}

/** Names of tools that begin with a namespace the rule is not about. */
function strayNames({ rules }: Policy): readonly PolicyRemark[] {
  return rules.flatMap((rule, index) =>
    (['tools', 'prompts'] as const).flatMap((kind) => {
      const level = rule.kinds[kind]
      const selectors = [...(level?.allow ?? []), ...(level?.deny ?? [])]
      return selectors
        .filter(({ name }) => name !== undefined && isStray(rule, name))
        .map(({ name }) => {
          const message = `"${name}" can match nothing: names are <namespace>__<name>, of the rule's namespaces`
          return remark([index, kind], message)
        })
    }),
  )
}

function isStray({ namespaces }: Rule, name: string): boolean {
  return !within(namespaces).some((glob) => globsOverlap(`${glob}__*`, name))
}

function unusedClasses(
  { rules }: Policy,
  { classes, named }: PolicyGround,
): readonly PolicyRemark[] {
  const used = new Set(rules.flatMap((rule) => rule.for))
  return classes
    .filter((name) => !used.has(name) && named?.classes.has(name) !== true)
    .map((name) => ({ path: ['clients', name], message: 'is named by no rule' }))
}

function unusedTags({ rules, tags }: Policy, { named }: PolicyGround): readonly PolicyRemark[] {
  const used = new Set(
    rules.flatMap(({ kinds }) =>
      Object.values(kinds).flatMap(({ allow, deny }) => [...allow, ...deny].map(({ tag }) => tag)),
    ),
  )
  return Object.keys(tags)
    .filter((tag) => !used.has(tag) && named?.tags.has(tag) !== true)
    .map((tag) => ({ path: ['tags', tag], message: 'is named by no rule' }))
}

/** Everything doubtful about a policy. */
export function lintPolicy(policy: Policy, ground: PolicyGround): readonly PolicyRemark[] {
  return [
    ...overshadowed(policy),
    ...vain(policy, ground),
    ...strayNames(policy),
    ...unusedClasses(policy, ground),
    ...unusedTags(policy, ground),
  ]
}
