/** Classes of callers, from what was verified of them. */

import { matchesGlob } from '../glob.ts'
import { isObject, type JsonObject } from '../jsonrpc.ts'

export type Scalar = string | number | boolean

/** One way to be in a class; what is there must all hold. */
export interface ClassRule {
  /**
   * Who vouches, exactly. Of callers another organisation passes on, its issuer. Absent: whoever vouches at the endpoint,
   * but only for callers of its own.
   */
  readonly issuer?: string
  /** Globs over the subject, as the issuer names it. */
  readonly subjects?: readonly string[]
  /** Globs over the client id. */
  readonly clients?: readonly string[]
  /** Claims by name, or by a path of names with dots between; each holds one of the values, or is a list that does. */
  readonly claims?: Readonly<Record<string, readonly Scalar[]>>
  /** Names of static keys. */
  readonly keys?: readonly string[]
}

/** What is known of a caller. */
export type CallerFacts =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'key'; readonly name: string }
  | {
      readonly kind: 'token'
      readonly issuer: string
      /** Behind `<issuer>|` where another organisation passes the caller on. */
      readonly subject: string
      readonly clientId: string
      /** Verified with the token; at least those that classes name. */
      readonly claims: JsonObject
    }

export type Classes = Readonly<Record<string, readonly ClassRule[]>>

/** The names of the classes a caller is in, sorted. */
export function classesOf(classes: Classes, facts: CallerFacts): readonly string[] {
  return Object.entries(classes)
    .filter(([, rules]) => rules.some((rule) => isIn(rule, facts)))
    .map(([name]) => name)
    .toSorted()
}

/** The top members of tokens that classes ask for. */
export function claimNames(classes: Classes): ReadonlySet<string> {
  const paths = Object.values(classes).flatMap((rules) =>
    rules.flatMap(({ claims = {} }) => Object.keys(claims)),
  )
  return new Set(paths.flatMap((path) => [path, path.split('.')[0] ?? path]))
}

function isIn({ keys, ...rule }: ClassRule, facts: CallerFacts): boolean {
  if (facts.kind === 'anonymous') return false
  if (facts.kind === 'key') return keys?.includes(facts.name) === true
  if (keys !== undefined) return false
  const subject = subjectAt(rule.issuer, facts)
  if (subject === undefined) return false
  return (
    matchesSome(rule.subjects, subject) &&
    matchesSome(rule.clients, facts.clientId) &&
    Object.entries(rule.claims ?? {}).every(([path, wanted]) => holds(facts.claims, path, wanted))
  )
}

/** The subject as the wanted issuer names it; undefined when another vouches. */
function subjectAt(
  wanted: string | undefined,
  { issuer, subject }: Extract<CallerFacts, { kind: 'token' }>,
): string | undefined {
  const bar = subject.indexOf('|')
  const foreign = bar > 0 && URL.canParse(subject.slice(0, bar))
  if (wanted === undefined) return foreign ? undefined : subject
  if (foreign) return subject.slice(0, bar) === wanted ? subject.slice(bar + 1) : undefined
  return issuer === wanted ? subject : undefined
}

function matchesSome(globs: readonly string[] | undefined, text: string): boolean {
  return globs === undefined || globs.some((glob) => matchesGlob(glob, text))
}

function holds(claims: JsonObject, path: string, wanted: readonly Scalar[]): boolean {
  const value = Object.hasOwn(claims, path) ? claims[path] : valueAt(claims, path)
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.some((one) => wanted.some((scalar) => scalar === one))
}

function valueAt(claims: JsonObject, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined),
      claims,
    )
}
