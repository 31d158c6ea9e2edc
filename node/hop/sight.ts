import type { CapabilityKind } from '../../protocol/capability.ts'
import { classesOf, type CallerFacts, type Classes } from '../../protocol/policy/classes.ts'
import { compilePolicy, type CompiledPolicy } from '../../protocol/policy/decide.ts'
import type { Policy, Subject } from '../../protocol/policy/policy.ts'
import {
  compileScopes,
  isCovered,
  needed,
  normalise,
  type Capability,
} from '../../protocol/token/scopes.ts'
import type { Principal } from '../core/principal.ts'
import type { Entry } from '../core/stages.ts'

/** What of an endpoint one kind of callers sees. Lists, calls and every other way in ask the same one. */
export interface Sight {
  /** Equal for all who see the same. */
  readonly key: string
  /** Whether there is an endpoint for them at all. */
  readonly isOpen: boolean
  /** Whether a policy decides, so that something may be hidden. */
  readonly hasRules: boolean
  /** Whether the policy shows it. What it hides is as if it did not exist. */
  shows(entry: Entry): boolean
  /**
   * Whether the policy leaves room for anything of that kind in one of these namespaces, globs: where it does not, what
   * feeds them is as if it did not exist.
   */
  mayShow(kind: CapabilityKind, namespaces: readonly string[]): boolean
  /** Whether the policy shows it and the scopes cover it, and what its upstreams are used for. */
  sees(entry: Entry): boolean
  /** All scopes that it takes to use it, those the caller has among them. */
  needs(entry: Entry): readonly string[]
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
  covers(entry: Entry): boolean
}

/** A principal is kept for as long as its token is used, and its scopes with it. */
const coverages = new WeakMap<readonly string[], Coverage>()

function coverageOf(scopes: readonly string[]): Coverage {
  const known = coverages.get(scopes)
  if (known !== undefined) return known
  const decide = compileScopes(scopes)
  const made = { key: scopes.join(' '), covers: (entry: Entry) => decide(capabilityOf(entry)) }
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
    const made = this.#make(principal)
    this.#made.set(principal, made)
    return made
  }

  #make(principal: Principal): Sight {
    const { scopes } = principal
    const coverage = scopes === undefined ? undefined : coverageOf(scopes)
    const covers = this.#coveredBy(scopes, coverage)
    const scopeKey = coverage?.key ?? ''
    const needs = (entry: Entry): readonly string[] => this.#needs(entry)
    if (this.#policy === undefined) {
      const [shows, mayShow] = [() => true, () => true]
      const all = { isOpen: true, hasRules: false, shows, mayShow }
      return { key: scopeKey, ...all, sees: covers, needs }
    }
    const names = classesOf(this.#policy.classes, factsOf(principal))
    const compiled = this.#compile(this.#policy, names)
    const shows = (entry: Entry): boolean => compiled.sees(subjectOf(entry))
    return {
      key: `${names.join(' ')}\n${scopeKey}`,
      isOpen: compiled.isOpen,
      hasRules: true,
      shows,
      mayShow: (kind, namespaces) => namespaces.some((one) => compiled.maySee(kind, one)),
      sees: (entry) => covers(entry) && shows(entry),
      needs,
    }
  }

  /**
   * Whichever of several ways a call would take: what could be refused on one of them is not shown, and what is shown is
   * not refused.
   */
  #coveredBy(
    scopes: readonly string[] | undefined,
    coverage: Coverage | undefined,
  ): (entry: Entry) => boolean {
    if (scopes === undefined || coverage === undefined) return () => true
    const short = [...this.#required].filter(
      ([, required]) => !required.every((scope) => isCovered(scopes, scope)),
    )
    if (short.length === 0) return (entry) => coverage.covers(entry)
    const labels = new Set(short.map(([label]) => label))
    return (entry) =>
      coverage.covers(entry) && !entry.candidates.some(({ upstream }) => labels.has(upstream))
  }

  #needs(entry: Entry): readonly string[] {
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

/** What is known of a caller, for classes. */
export function factsOf({ claims, credential, issuer, subject, clientId }: Principal): CallerFacts {
  if (claims !== undefined) {
    return { kind: 'token', issuer, subject, clientId, claims: claims.others ?? {} }
  }
  // A static key has nothing to exchange, and no other caller a name that nobody vouches for.
  const isKey = credential === undefined && issuer === '' && clientId !== 'local'
  return isKey ? { kind: 'key', name: subject } : { kind: 'anonymous' }
}

/** Something of an endpoint in the words of the policy. */
export function subjectOf({ kind, namespace, id, hints }: Entry): Subject {
  return { kind, namespace, name: id.name, hints }
}

/** Something of an endpoint in the words of scopes: namespaces as the endpoint has them, names as the namespace has them. */
export function capabilityOf({ kind, namespace, id, hints: { readOnly } }: Entry): Capability {
  return { kind, namespace, name: id.name, readOnly }
}
