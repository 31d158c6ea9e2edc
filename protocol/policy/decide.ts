import type { CapabilityKind } from '../capability.ts'
import { globsOverlap, matchesGlob } from '../glob.ts'
import { Matcher, picks } from './matcher.ts'
import {
  isFor,
  labelOf,
  RULE_KINDS,
  type Level,
  type Policy,
  type Rule,
  type RuleKind,
  type Selector,
  type Subject,
} from './policy.ts'

/** Where a decision was made. */
export type PolicyLevel = 'endpoint' | 'namespace' | 'capability'

/** A decision with its reason. */
export interface Verdict {
  readonly visible: boolean
  /** The level of the rule; with no rule, the one up to which anything is allowed. */
  readonly level: PolicyLevel
  /** Index of the rule that denies, or of the first that allows; undefined when none does either. */
  readonly rule: number | undefined
}

function some(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => matchesGlob(glob, name))
}

function isWithin({ within }: Level<string>, name: string): boolean {
  return within === 'all' || some(within, name)
}

/** Whether a rule speaks of a namespace of an endpoint. */
function reaches(rule: Rule, endpoint: string, namespace: string): boolean {
  return isWithin(rule.endpoints, endpoint) && isWithin(rule.namespaces, namespace)
}

function picksOne(
  selectors: readonly Selector[] | undefined,
  tags: Policy['tags'],
  subject: Subject,
): boolean {
  const said = { label: labelOf(subject), hints: subject.hints }
  if (isAmbiguous(subject)) return selectors?.some(isEverything) === true
  return selectors?.some((selector) => picks(selector, tags, said)) === true
}

/** Segments that a server takes out of a path, and spellings of characters that need none (RFC 3986 §6.2.2). */
const MENDED =
  /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\?#]|%2f|%5c)|%(?:2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/i

/**
 * Whether a URI may be read as another one, so that a glob decides about it as it is written and the server as it is
 * meant. Of these is seen only what whoever sees every resource of the namespace sees.
 */
function isAmbiguous({ kind, name }: Subject): boolean {
  if (kind !== 'resource' && kind !== 'skill') return false
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(name)?.[0] ?? ''
  return scheme !== scheme.toLowerCase() || MENDED.test(name)
}

/** How far down a rule allows; undefined when not even at the endpoint. */
function allowedTo(
  rule: Rule,
  { tags }: Policy,
  { endpoint, subject }: Question,
): PolicyLevel | 'all' | undefined {
  if (!some(rule.endpoints.allow, endpoint)) return undefined
  if (!some(rule.namespaces.allow, subject.namespace)) return 'endpoint'
  const level = rule.kinds[RULE_KINDS[subject.kind]]
  return picksOne(level?.allow, tags, subject) ? 'all' : 'namespace'
}

/** At which level a rule denies; undefined when at none. */
function deniedAt(
  rule: Rule,
  { tags }: Policy,
  { endpoint, subject }: Question,
): PolicyLevel | undefined {
  const { endpoints, namespaces, kinds } = rule
  if (some(endpoints.deny, endpoint)) return 'endpoint'
  if (!isWithin(endpoints, endpoint)) return undefined
  if (some(namespaces.deny, subject.namespace)) return 'namespace'
  if (!reaches(rule, endpoint, subject.namespace)) return undefined
  const deny = kinds[RULE_KINDS[subject.kind]]?.deny ?? []
  const isDenied = isAmbiguous(subject) ? deny.length > 0 : picksOne(deny, tags, subject)
  return isDenied ? 'capability' : undefined
}

function isEverything({ name = '*', ...others }: Selector): boolean {
  return name === '*' && Object.keys(others).length === 0
}

/** What a decision is about. */
export interface Question {
  readonly endpoint: string
  readonly subject: Subject
}

/**
 * Decides and says why: the meaning of a policy, read rule by rule. {@link compilePolicy} decides the same, quicker.
 */
export function explainPolicy(
  policy: Policy,
  classes: ReadonlySet<string>,
  question: Question,
): Verdict {
  const rules = [...policy.rules.entries()].filter(([, rule]) => isFor(rule, classes))
  for (const [index, rule] of rules) {
    const level = deniedAt(rule, policy, question)
    if (level !== undefined) return { visible: false, level, rule: index }
  }
  const reached = rules.map(([index, rule]) => [index, allowedTo(rule, policy, question)] as const)
  const allowing = reached.find(([, to]) => to === 'all')
  if (allowing !== undefined) return { visible: true, level: 'capability', rule: allowing[0] }
  const isAt = (level: PolicyLevel): boolean => reached.some(([, to]) => to === level)
  // What stopped it is the level below the last that some rule allowed.
  if (isAt('namespace')) return { visible: false, level: 'capability', rule: undefined }
  const level = isAt('endpoint') ? 'namespace' : 'endpoint'
  return { visible: false, level, rule: undefined }
}

/** What callers of some classes see at one endpoint. */
export interface CompiledPolicy {
  /** Whether there is an endpoint for them at all. */
  readonly isOpen: boolean
  sees(subject: Subject): boolean
  /**
   * Whether something of that kind may be seen in a namespace that matches the glob, by what the rules say and whatever
   * there is. False is certain.
   */
  maySee(kind: CapabilityKind, namespace: string): boolean
}

const CLOSED: CompiledPolicy = { isOpen: false, sees: () => false, maySee: () => false }

/** What decides about one kind in one namespace. */
interface Pair {
  readonly allow: Matcher
  readonly deny: Matcher
}

const NOTHING: Pair = { allow: new Matcher([], {}), deny: new Matcher([], {}) }

/** Prepares the decision for callers of these classes at an endpoint. */
export function compilePolicy(
  policy: Policy,
  classes: ReadonlySet<string>,
  endpoint: string,
): CompiledPolicy {
  const all = policy.rules.filter((rule) => isFor(rule, classes))
  const rules = all.filter(({ endpoints }) => isWithin(endpoints, endpoint))
  const denied = all.some(({ endpoints }) => some(endpoints.deny, endpoint))
  if (denied || !rules.some(({ endpoints }) => some(endpoints.allow, endpoint))) return CLOSED
  const pairs = {
    tools: new Map<string, Pair>(),
    prompts: new Map<string, Pair>(),
    resources: new Map<string, Pair>(),
  }
  const pairOf = (kind: RuleKind, namespace: string): Pair => {
    const known = pairs[kind].get(namespace)
    if (known !== undefined) return known
    const made = makePair(policy, rules, { kind, namespace, endpoint }) ?? NOTHING
    pairs[kind].set(namespace, made)
    return made
  }
  const hopes = new Map<string, boolean>()
  return {
    isOpen: true,
    maySee: (kind, namespace) => {
      const key = `${kind} ${namespace}`
      const known = hopes.get(key)
      if (known !== undefined) return known
      const made = isHope(policy, rules, { kind: RULE_KINDS[kind], namespace, endpoint })
      hopes.set(key, made)
      return made
    },
    sees: (subject) => {
      const pair = pairOf(RULE_KINDS[subject.kind], subject.namespace)
      if (pair === NOTHING) return false
      if (isAmbiguous(subject)) return pair.allow.isEverything && pair.deny.isEmpty
      const label = labelOf(subject)
      return pair.allow.matches(label, subject.hints) && !pair.deny.matches(label, subject.hints)
    },
  }
}

/** One kind in one namespace of an endpoint, or in those a glob matches. */
interface Place {
  readonly kind: RuleKind
  readonly namespace: string
  readonly endpoint: string
}

/** Whether the rules leave room for anything at a place. */
function isHope(
  { tags }: Policy,
  rules: readonly Rule[],
  { kind, namespace, endpoint }: Place,
): boolean {
  // What a glob is matched by, all its matches are.
  if (rules.some(({ namespaces }) => some(namespaces.deny, namespace))) return false
  const near = rules.filter(({ namespaces }) => isWithin(namespaces, namespace))
  if (near.some(({ kinds }) => kinds[kind]?.deny.some(isEverything) === true)) return false
  return rules.some(
    ({ endpoints, namespaces, kinds }) =>
      some(endpoints.allow, endpoint) &&
      namespaces.allow.some((glob) => globsOverlap(glob, namespace)) &&
      kinds[kind]?.allow.some((one) => mayPick(one, tags, { kind, namespace })) === true,
  )
}

/** Whether a selector may pick something of a namespace, by what that can be called. */
function mayPick(
  { name = '*', tag }: Selector,
  tags: Policy['tags'],
  { kind, namespace }: Omit<Place, 'endpoint'>,
): boolean {
  const label = kind === 'resources' ? '*' : `${namespace}__*`
  if (!globsOverlap(name, label)) return false
  if (tag === undefined) return true
  const tagged = Object.hasOwn(tags, tag) ? (tags[tag] ?? []) : []
  return tagged.some((glob) => globsOverlap(glob, label) && globsOverlap(glob, name))
}

/** Undefined when nothing can be seen. */
function makePair(
  { tags }: Policy,
  rules: readonly Rule[],
  { kind, namespace, endpoint }: Place,
): Pair | undefined {
  if (rules.some(({ namespaces }) => some(namespaces.deny, namespace))) return undefined
  const near = rules.filter(({ namespaces }) => isWithin(namespaces, namespace))
  const allowing = near.filter(
    ({ endpoints, namespaces }) =>
      some(endpoints.allow, endpoint) && some(namespaces.allow, namespace),
  )
  const allow = new Matcher(
    allowing.flatMap(({ kinds }) => kinds[kind]?.allow ?? []),
    tags,
  )
  if (allow.isEmpty) return undefined
  const deny = new Matcher(
    near.flatMap(({ kinds }) => kinds[kind]?.deny ?? []),
    tags,
  )
  return { allow, deny }
}
