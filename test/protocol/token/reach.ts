// What scopes open, found out the slow way: an oracle that shares no code with protocol/token/scopes.
import * as fc from 'fast-check'
import type { ScopeKind } from '../../../protocol/token/scopes.ts'

/** One thing an endpoint offers, and where it really lives. */
export interface Offer {
  readonly namespace: string
  readonly kind: ScopeKind
  readonly name: string
  readonly reads: boolean
  readonly origin: string
}

/** Whether a scope opens an offer. */
export function opens(scope: string, offer: Offer): boolean {
  if (scope === '*') return true
  const [form, place = '', verb] = scope.split(':')
  const slash = place.indexOf('/')
  const namespace = slash === -1 ? place : place.slice(0, slash)
  const name = slash === -1 ? undefined : place.slice(slash + 1)
  if (decodeURIComponent(namespace) !== offer.namespace) return false
  if (form !== 'ns' && form !== offer.kind) return false
  if (name !== undefined && decodeURIComponent(name) !== offer.name) return false
  return verb === undefined || offer.reads
}

/** Origins of what scopes of our grammar open at an endpoint. */
export function reach(scopes: readonly string[], catalogue: readonly Offer[]): ReadonlySet<string> {
  const open = catalogue.filter((offer) => scopes.some((scope) => opens(scope, offer)))
  return new Set(open.map(({ origin }) => origin))
}

export const NAMES = ['find', 'drop', 'a/b', 'x:y', 'q*', 'ü ñ', '100%'] as const

/** Everything two namespaces could offer: of each kind and name one, tools reading or not by their name. */
export function everything(
  namespaces: readonly string[],
  node: string,
  names: readonly string[] = NAMES,
): readonly Offer[] {
  return namespaces.flatMap((namespace) =>
    (['tool', 'prompt', 'resource'] as const).flatMap((kind) =>
      names.map((name) => ({
        namespace,
        kind,
        name,
        reads: kind !== 'tool' || name.length % 2 === 0,
        origin: `${node}|${namespace}|${kind}|${name}`,
      })),
    ),
  )
}

function written(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('*', '%2A')
}

/** Scopes of our grammar about one of the namespaces. */
export function scopeAbout(
  namespaces: readonly string[],
  names: readonly string[] = NAMES,
): fc.Arbitrary<string> {
  const parts = { namespace: fc.constantFrom(...namespaces), name: fc.constantFrom(...names) }
  return fc.oneof(
    fc.record(parts).map(({ namespace }) => `ns:${namespace}`),
    fc.record(parts).map(({ namespace }) => `ns:${namespace}:read`),
    fc.record(parts).map(({ namespace }) => `tool:${namespace}`),
    fc.record(parts).map(({ namespace }) => `tool:${namespace}:read`),
    fc.record(parts).map(({ namespace, name }) => `tool:${namespace}/${written(name)}`),
    fc.record(parts).map(({ namespace, name }) => `tool:${namespace}/${written(name)}:read`),
    fc.record(parts).map(({ namespace }) => `prompt:${namespace}`),
    fc.record(parts).map(({ namespace, name }) => `prompt:${namespace}/${written(name)}`),
    fc.record(parts).map(({ namespace }) => `resource:${namespace}`),
    fc.record(parts).map(({ namespace, name }) => `resource:${namespace}/${written(name)}`),
  )
}
