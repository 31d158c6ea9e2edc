// The meaning of a policy in set notation, by nothing of the code under test but globs.
import { matchesGlob } from '../../../protocol/glob.ts'
import {
  isFor,
  labelOf,
  RULE_KINDS,
  type Level,
  type Policy,
  type Rule,
  type Selector,
  type Subject,
} from '../../../protocol/policy/policy.ts'

/** A question to a policy, and who asks. */
export interface Asked {
  readonly policy: Policy
  readonly classes: ReadonlySet<string>
  readonly endpoint: string
  readonly subject: Subject
}

function some(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(glob, text))
}

function isInside({ within }: Level<string>, text: string): boolean {
  return within === 'all' || some(within, text)
}

/** URIs of the tests that a server may read as others. */
function isOdd({ kind, name }: Subject): boolean {
  return kind === 'resource' && name.includes('..')
}

function isPicked({ policy: { tags }, subject }: Asked, list: readonly Selector[]): boolean {
  const label = labelOf(subject)
  return list.some(
    ({ name = '*', tag, readOnly = subject.hints.readOnly }) =>
      matchesGlob(name, label) &&
      (tag === undefined || some(tags[tag] ?? [], label)) &&
      readOnly === subject.hints.readOnly,
  )
}

function isTotal(list: readonly Selector[]): boolean {
  return list.some((one) => ['{}', '{"name":"*"}'].includes(JSON.stringify(one)))
}

const NOTHING: Level<Selector> = { allow: [], deny: [], within: 'all' }

function isDenied(asked: Asked, { endpoints, namespaces, kinds }: Rule): boolean {
  const { endpoint, subject } = asked
  const { deny } = kinds[RULE_KINDS[subject.kind]] ?? NOTHING
  if (some(endpoints.deny, endpoint)) return true
  if (!isInside(endpoints, endpoint)) return false
  if (some(namespaces.deny, subject.namespace)) return true
  if (!isInside(namespaces, subject.namespace)) return false
  return isOdd(subject) ? deny.length > 0 : isPicked(asked, deny)
}

function isAllowed(asked: Asked, { endpoints, namespaces, kinds }: Rule): boolean {
  const { endpoint, subject } = asked
  const { allow } = kinds[RULE_KINDS[subject.kind]] ?? NOTHING
  return (
    some(endpoints.allow, endpoint) &&
    some(namespaces.allow, subject.namespace) &&
    (isOdd(subject) ? isTotal(allow) : isPicked(asked, allow))
  )
}

export function oracle(asked: Asked): boolean {
  const rules = asked.policy.rules.filter((rule) => isFor(rule, asked.classes))
  return (
    rules.some((rule) => isAllowed(asked, rule)) && !rules.some((rule) => isDenied(asked, rule))
  )
}
