/**
 * Scopes, in the grammar of this project:
 *
 *     *                               everything at one endpoint; it never crosses to another
 *     ns:<namespace>[:read]           all of a namespace, or what of it only reads
 *     tool:<namespace>[/<tool>][:read]
 *     prompt:<namespace>[/<prompt>]
 *     resource:<namespace>[/<uri>]    templates and skills are resources too
 *
 * Reading is: prompts, resources, and tools whose origin declares them read-only. Each part of a scope restricts one
 * property of a capability, so two scopes always have one that is exactly their overlap.
 *
 * Namespaces and names are written as RFC 6749 §3.3 allows, with what is outside of it, `%`, `:` and `*` percent-encoded
 * once as UTF-8. Text that is not of this grammar, for example `openid`, is a scope of somebody else's: it covers
 * itself alone and opens nothing here.
 */

import type { CapabilityKind } from '../capability.ts'

/** Kinds as scopes know them. */
export type ScopeKind = 'tool' | 'prompt' | 'resource'

/** A scope, taken apart. What is undefined is not restricted. */
export interface Scope {
  readonly namespace: string | undefined
  readonly kind: ScopeKind | undefined
  /** Only with a kind. */
  readonly name: string | undefined
  /** Only what reads. False for prompts and resources, which do nothing else. */
  readonly readOnly: boolean
}

/** What a call is about. */
export interface Capability {
  readonly kind: CapabilityKind
  /** As the endpoint names it. */
  readonly namespace: string
  /** Name, URI or URI template, as in the namespace. */
  readonly name: string
  /** Whether it is a tool that only reads; prompts and resources always do. */
  readonly readOnly?: boolean
}

/** Scopes by what they are turned into where they cross to another endpoint; what is not in it is nothing. */
export type ScopeMapping = Readonly<Record<string, readonly string[]>>

/** Everything at one endpoint. */
export const EVERYTHING = '*'

/** The longest scope, characters. */
export const MAX_SCOPE = 2_048

/** One token of RFC 6749 §3.3. */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const FORM = /^(ns|tool|prompt|resource):([^/:*]+)(?:\/([^:*]+))?(:read)?$/

const ANY: Scope = { namespace: undefined, kind: undefined, name: undefined, readOnly: false }

/** Whether text is one scope by RFC 6749 §3.3, of whatever grammar, and not too long. */
export function isScopeToken(text: string): boolean {
  return text.length <= MAX_SCOPE && TOKEN.test(text)
}

/** What stands in a scope as it is. */
const PLAIN = /^[A-Za-z0-9_.~!'()/-]+$/

/** A name as it stands in a scope; undefined when it cannot, being empty, too long, or no Unicode. */
export function encodeName(name: string): string | undefined {
  if (name.length <= MAX_SCOPE && PLAIN.test(name)) return name
  if (name === '' || name.length > MAX_SCOPE || !name.isWellFormed()) return undefined
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('*', '%2A')
}

function decodeName(text: string): string | undefined {
  try {
    const name = decodeURIComponent(text)
    // One name has one spelling, or comparing scopes as text would miss some.
    return encodeName(name) === text ? name : undefined
  } catch {
    return undefined
  }
}

/** Takes a scope apart; undefined when it is not of this grammar. */
export function parseScope(text: string): Scope | undefined {
  if (text === EVERYTHING) return ANY
  const [, form, space = '', label, verb] = isScopeToken(text) ? (FORM.exec(text) ?? []) : []
  if (form === undefined) return undefined
  const namespace = decodeName(space)
  const name = label === undefined ? undefined : decodeName(label)
  if (namespace === undefined || namespace.includes('/')) return undefined
  if (label !== undefined && name === undefined) return undefined
  const kind = form === 'ns' ? undefined : (form as ScopeKind)
  if (kind === undefined && name !== undefined) return undefined
  if ((kind === 'prompt' || kind === 'resource') && verb !== undefined) return undefined
  return { namespace, kind, name, readOnly: verb !== undefined }
}

/** Writes a scope; undefined when a name in it cannot be written. */
export function formatScope({ namespace, kind, name, readOnly }: Scope): string | undefined {
  if (namespace === undefined) return EVERYTHING
  const space = encodeName(namespace)
  if (space === undefined || space.includes('/')) return undefined
  const label = name === undefined ? '' : encodeName(name)
  if (label === undefined) return undefined
  const text = `${kind ?? 'ns'}:${space}${label === '' ? '' : `/${label}`}${readOnly ? ':read' : ''}`
  return text.length <= MAX_SCOPE ? text : undefined
}

/**
 * Whether one of the scopes that open all a parsed one does and more, or the same, passes a test. The widest first: most
 * callers have one of those, and then no text is made of the others.
 */
function someWider(scope: Scope, passes: (wide: string) => boolean): boolean {
  const { namespace, kind, name, readOnly } = scope
  if (passes(EVERYTHING)) return true
  const space = namespace === undefined ? undefined : encodeName(namespace)
  // A namespace with a slash in it would look like another one with a name.
  if (space === undefined || space.includes('/')) return false
  const reads = readOnly || kind === 'prompt' || kind === 'resource'
  if (passes(`ns:${space}`) || (reads && passes(`ns:${space}:read`))) return true
  if (kind === undefined) return false
  const place = `${kind}:${space}`
  if (passes(place) || (readOnly && passes(`${place}:read`))) return true
  const label = name === undefined ? undefined : encodeName(name)
  if (label === undefined) return false
  const exact = `${place}/${label}`
  return passes(exact) || (readOnly && passes(`${exact}:read`))
}

/** Each scope and those that cover it. */
function coverers(scope: string): readonly string[] {
  const parsed = parseScope(scope)
  if (parsed === undefined) return [scope]
  const all: string[] = []
  someWider(parsed, (wide) => all.push(wide) === 0)
  return all
}

/** Whether scope `wide` opens all that `narrow` opens. */
export function covers(wide: string, narrow: string): boolean {
  return coverers(narrow).includes(wide)
}

/** Whether one of the scopes covers `narrow`. */
export function isCovered(scopes: readonly string[], narrow: string): boolean {
  return coverers(narrow).some((wide) => scopes.includes(wide))
}

/** Sorted, each once, without those another one covers. */
export function normalise(scopes: readonly string[]): readonly string[] {
  const unique = new Set(scopes.filter(isScopeToken))
  return [...unique]
    .filter((scope) => !coverers(scope).some((wide) => wide !== scope && unique.has(wide)))
    .toSorted()
}

function isIn(set: ReadonlySet<string>, scope: string): boolean {
  return coverers(scope).some((wide) => set.has(wide))
}

/** The scopes that open exactly what both sets open, normalised. */
export function intersect(one: readonly string[], other: readonly string[]): readonly string[] {
  const [left, right] = [new Set(one), new Set(other)]
  // Two scopes of which neither covers the other overlap only in what reads of some tools.
  const candidates = [...left, ...right].flatMap((scope) =>
    scope.startsWith('tool:') ? [scope, `${scope}:read`] : [scope],
  )
  return normalise(candidates.filter((scope) => isIn(left, scope) && isIn(right, scope)))
}

/**
 * Scopes in the names of the next endpoint, normalised: of each entry of the map the images, as far as the scopes cover
 * its key. Who holds a part of a key gets that part of its images, by the same name: a federation renames namespaces,
 * never what is in them. `*` is never an image, for it means another thing at another endpoint.
 *
 * The more scopes, the more images, and never more than the images written down.
 */
export function mapScopes(scopes: readonly string[], map: ScopeMapping): readonly string[] {
  const images: (string | undefined)[] = Object.entries(map).flatMap(([key, targets]) => {
    const held = intersect(scopes, [key])
    return held.flatMap((part) => targets.map((target) => carry(part, key, target)))
  })
  const crossing = images.filter((scope) => scope !== undefined)
  return normalise(crossing.filter((scope) => scope !== EVERYTHING))
}

/** The part of `target` that corresponds to the part `part` of `key`. */
function carry(part: string, key: string, target: string): string | undefined {
  if (part === key) return target
  const [held, whole, image] = [parseScope(part), parseScope(key), parseScope(target)]
  if (held === undefined || whole === undefined || image === undefined) return undefined
  // Which of the namespaces `*` stands for an image is about, nobody said.
  if (whole.namespace === undefined || image.namespace === undefined) return undefined
  const name = whole.name === undefined ? held.name : undefined
  // A name is one within a kind.
  const kind = whole.kind === undefined || name !== undefined ? held.kind : undefined
  const readOnly = held.readOnly && !whole.readOnly
  const common = overlap(image, { namespace: image.namespace, kind, name, readOnly })
  return common && formatScope(common)
}

/** What two restrictions of one property have in common; null when nothing. */
function both<T>(one: T | undefined, other: T | undefined): T | undefined | null {
  if (one === undefined) return other
  return other === undefined || other === one ? one : null
}

function overlap(one: Scope, other: Scope): Scope | undefined {
  const kind = both(one.kind, other.kind)
  const name = both(one.name, other.name)
  if (kind === null || name === null) return undefined
  const reads = kind === 'prompt' || kind === 'resource'
  return { ...one, kind, name, readOnly: !reads && (one.readOnly || other.readOnly) }
}

const KINDS: Readonly<Record<CapabilityKind, ScopeKind>> = {
  tool: 'tool',
  prompt: 'prompt',
  resource: 'resource',
  template: 'resource',
  skill: 'resource',
}

/**
 * The narrowest scope worth asking for to use a capability: the tool or prompt by name, resources by namespace, since
 * their URIs are many and long.
 */
export function needed({ kind, namespace, name }: Capability): string | undefined {
  const of = { namespace, kind: KINDS[kind], readOnly: false }
  const exact = KINDS[kind] === 'resource' ? undefined : formatScope({ ...of, name })
  return exact ?? formatScope({ ...of, name: undefined })
}

/** Decides about capabilities. */
export type ScopeDecision = (capability: Capability) => boolean

/** Makes the decision for a set of scopes: a handful of look-ups for each capability, however many scopes there are. */
export function compileScopes(scopes: readonly string[]): ScopeDecision {
  const held = new Set(scopes)
  if (held.has(EVERYTHING)) return () => true
  const isHeld = (scope: string): boolean => held.has(scope)
  return ({ kind, namespace, name, readOnly = false }) => {
    const of = KINDS[kind]
    const exact = { namespace, kind: of, name, readOnly: of === 'tool' && readOnly }
    return someWider(exact, isHeld)
  }
}

/** Whether scopes open a capability; undefined scopes, where there is no authentication, open everything. */
export function allows(scopes: readonly string[] | undefined, capability: Capability): boolean {
  return scopes === undefined || compileScopes(scopes)(capability)
}
