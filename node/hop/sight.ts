import type { CapabilityKind } from '../../protocol/capability.ts'
import { classesOf, type CallerFacts, type Classes } from '../../protocol/policy/classes.ts'
import {
  compilePolicy,
  explainPolicy,
  type CompiledPolicy,
  type PolicyLevel,
} from '../../protocol/policy/decide.ts'
import type { Policy, Subject } from '../../protocol/policy/policy.ts'
import {
  compileScopes,
  isCovered,
  needed,
  normalise,
  type Capability,
} from '../../protocol/token/scopes.ts'
import { factsOf } from '../core/caller-facts.ts'
import type { Principal } from '../core/principal.ts'
import type { Candidate, Entry } from '../core/stages.ts'

/** What of an entry decides who sees it. */
export interface Decided extends Pick<Entry, 'kind' | 'namespace' | 'hints'> {
  readonly id: Pick<Entry['id'], 'name'>
  readonly candidates: readonly Pick<Candidate, 'upstream'>[]
}

/** What of an endpoint one kind of callers sees. Lists, calls and every other way in ask the same one. */
export interface Sight {
  /** Equal for all who see the same. */
  readonly key: string
  /** Whether there is an endpoint for them at all. */
  readonly isOpen: boolean
  /** Whether a policy decides, so that something may be hidden. */
  readonly hasRules: boolean
  /** Whether the policy shows it. What it hides is as if it did not exist. */
  shows(entry: Decided): boolean
  /**
   * Whether the policy leaves room for anything of that kind in one of these namespaces, globs: where it does not, what
   * feeds them is as if it did not exist.
   */
  mayShow(kind: CapabilityKind, namespaces: readonly string[]): boolean
  /** Whether the policy shows it and the scopes cover it, and what its upstreams are used for. */
  sees(entry: Decided): boolean
  /** All scopes that it takes to use it, those the caller has among them. */
  needs(entry: Decided): readonly string[]
}

/** A caller as far as decisions go: real, or one that somebody asks about. */
export interface Onlooker {
  /** Names of the classes it is in, sorted. */
  readonly classes: readonly string[]
  /** As of a {@link Principal}. */
  readonly scopes: readonly string[] | undefined
}

/** Why something is seen or not: the meaning of the decision that a {@link Sight} makes quickly. */
export interface Reason {
  readonly visible: boolean
  /** Where it was decided; `open` where nothing hides anything. */
  readonly level: PolicyLevel | 'scopes' | 'open'
  /** Index of the rule that decided; undefined when none did. */
  readonly rule: number | undefined
  /** All scopes that it takes, where scopes decided. */
  readonly needs?: readonly string[] | undefined
}

/** Scopes that callers must have of whom an upstream is not told, by its label: there the node acts as itself. */
export type RequiredScopes = ReadonlyMap<string, readonly string[]>

const NOTHING_REQUIRED: RequiredScopes = new Map()

/** Who is in which class, and what classes see. */
export interface VisibilityPolicy extends Policy {
  readonly classes: Classes
}

/** What scopes cover. */
interface Coverage {
  readonly key: string
  covers(entry: Decided): boolean
}

/** A principal is kept for as long as its token is used, and its scopes with it. */
const coverages = new WeakMap<readonly string[], Coverage>()

function coverageOf(scopes: readonly string[]): Coverage {
  const known = coverages.get(scopes)
  if (known !== undefined) return known
  const decide = compileScopes(scopes)
  const made = { key: scopes.join(' '), covers: (entry: Decided) => decide(capabilityOf(entry)) }
  coverages.set(scopes, made)
  return made
}

/** Combinations of classes whose decisions are kept; beyond it they are all prepared anew. */
const MAX_COMBINATIONS = 4_096

/** What callers see at one endpoint, as long as its policy does not change. */
export class Sights {
  readonly #endpoint: string
  readonly #policy: VisibilityPolicy | undefined
  readonly #required: RequiredScopes
  readonly #made = new WeakMap<Principal, Sight>()
  readonly #compiled = new Map<string, CompiledPolicy>()

  /** @param policy undefined: what scopes cover is seen */
  constructor(
    endpoint: string,
    policy: VisibilityPolicy | undefined,
    required: RequiredScopes = NOTHING_REQUIRED,
  ) {
    this.#endpoint = endpoint
    this.#policy = policy
    this.#required = required
  }

  /** Undefined: it sees everything. */
  of(principal: Principal): Sight | undefined {
    if (this.#policy === undefined && principal.scopes === undefined) return undefined
    const known = this.#made.get(principal)
    if (known !== undefined) return known
    const made = this.from({
      classes: this.classesOf(factsOf(principal)),
      scopes: principal.scopes,
    })
    this.#made.set(principal, made)
    return made
  }

  /** The classes a caller is in; none where no policy asks for them. */
  classesOf(facts: CallerFacts): readonly string[] {
    return this.#policy === undefined ? [] : classesOf(this.#policy.classes, facts)
  }

  /** What somebody sees, whoever that is. */
  from({ classes, scopes }: Onlooker): Sight {
    const coverage = scopes === undefined ? undefined : coverageOf(scopes)
    const covers = this.#coveredBy(scopes, coverage)
    const scopeKey = coverage?.key ?? ''
    const needs = (entry: Decided): readonly string[] => this.#needs(entry)
    if (this.#policy === undefined) {
      const [shows, mayShow] = [() => true, () => true]
      const all = { isOpen: true, hasRules: false, shows, mayShow }
      return { key: scopeKey, ...all, sees: covers, needs }
    }
    const compiled = this.#compile(this.#policy, classes)
    const shows = (entry: Decided): boolean => compiled.sees(subjectOf(entry))
    return {
      key: `${classes.join(' ')}\n${scopeKey}`,
      isOpen: compiled.isOpen,
      hasRules: true,
      shows,
      mayShow: (kind, namespaces) => namespaces.some((one) => compiled.maySee(kind, one)),
      sees: (entry) => covers(entry) && shows(entry),
      needs,
    }
  }

  /**
   * Says why somebody sees something or not: what {@link Sight.sees} decides, by the meaning of the policy. For operators
   * alone.
   */
  reasonsFor({ classes, scopes }: Onlooker): (entry: Decided) => Reason {
    const policy = this.#policy
    const set = new Set(classes)
    const covers = this.#coveredBy(scopes, scopes && coverageOf(scopes))
    const level = scopes === undefined ? 'open' : 'scopes'
    return (entry) => {
      const question = { endpoint: this.#endpoint, subject: subjectOf(entry) }
      const verdict = policy && explainPolicy(policy, set, question)
      if (verdict?.visible === false) return verdict
      if (covers(entry)) return verdict ?? { visible: true, level, rule: undefined }
      return { visible: false, level: 'scopes', rule: undefined, needs: this.#needs(entry) }
    }
  }

  /**
   * Whichever of several ways a call would take: what could be refused on one of them is not shown, and what is shown is
   * not refused.
   */
  #coveredBy(
    scopes: readonly string[] | undefined,
    coverage: Coverage | undefined,
  ): (entry: Decided) => boolean {
    if (scopes === undefined || coverage === undefined) return () => true
    const short = [...this.#required].filter(
      ([, required]) => !required.every((scope) => isCovered(scopes, scope)),
    )
    if (short.length === 0) return (entry) => coverage.covers(entry)
    const labels = new Set(short.map(([label]) => label))
    return (entry) =>
      coverage.covers(entry) && !entry.candidates.some(({ upstream }) => labels.has(upstream))
  }

  #needs(entry: Decided): readonly string[] {
    const own = needed(capabilityOf(entry))
    const required = entry.candidates.flatMap(({ upstream }) => this.#required.get(upstream) ?? [])
    return normalise(own === undefined ? required : [own, ...required])
  }

  #compile(policy: VisibilityPolicy, names: readonly string[]): CompiledPolicy {
    const key = names.join(' ')
    const known = this.#compiled.get(key)
    if (known !== undefined) return known
    if (this.#compiled.size >= MAX_COMBINATIONS) this.#compiled.clear()
    const made = compilePolicy(policy, new Set(names), this.#endpoint)
    this.#compiled.set(key, made)
    return made
  }
}

/** Something of an endpoint in the words of the policy. */
export function subjectOf({ kind, namespace, id, hints }: Decided): Subject {
  return { kind, namespace, name: id.name, hints }
}

/** Something of an endpoint in the words of scopes: namespaces as the endpoint has them, names as the namespace has them. */
export function capabilityOf({ kind, namespace, id, hints: { readOnly } }: Decided): Capability {
  return { kind, namespace, name: id.name, readOnly }
}
