import { compileGlob } from '../protocol/glob.ts'
import type { Origin, Route } from './route.ts'

/** Someone at the other end of a link. */
export interface Peer {
  readonly id: string
  readonly organisation: string
}

/** What is taken from upstream nodes. The first rule that fits decides; where none does, all of the own organisation is. */
export interface ImportRule {
  /** Organisation of the upstream node; any, when left out. */
  readonly from?: string
  /** The upstream node; any, when left out. */
  readonly peer?: string
  /** Globs over namespaces; any, when left out. */
  readonly namespaces?: readonly string[]
  /** A route with one of these tags fits; any, when left out. */
  readonly tags?: readonly string[]
  /** Higher is taken first, before all else; undefined: nothing of this is taken. */
  readonly preference: number | undefined
  /** Organisations, besides its own, the upstream node may speak for: `*` for any. */
  readonly behind?: readonly string[]
}

/** What is offered to downstream nodes of other organisations. */
export interface ExportRule {
  /** Organisation of the downstream node; any, when left out. */
  readonly to?: string
  readonly namespaces?: readonly string[]
  readonly tags?: readonly string[]
  readonly allow: boolean
  /** The name the namespace has for them. */
  readonly as?: string
  /** Whether what another foreign organisation gave may pass: no transit is given unless this says so. */
  readonly transit?: boolean
}

/** A tag that keeps a route where it is, and one that keeps it inside the organisation. */
export const NO_EXPORT = 'no-export'
export const NO_TRANSIT = 'no-transit'

type Fits = (route: Route, peer: Peer) => boolean

function fitting(rule: {
  readonly organisation: string | undefined
  readonly peer?: string | undefined
  readonly namespaces?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
}): Fits {
  const globs = rule.namespaces?.map((pattern) => compileGlob(pattern))
  return (route, peer) =>
    (rule.organisation === undefined || rule.organisation === peer.organisation) &&
    (rule.peer === undefined || rule.peer === peer.id) &&
    (globs?.some((matches) => matches(route.key.namespace)) ?? true) &&
    (rule.tags?.some((tag) => route.tags.includes(tag)) ?? true)
}

/** The preference of a route an upstream offers; undefined when it is not taken. */
export type ImportPolicy = (route: Route, peer: Peer) => number | undefined

/** Rules as one function. @param organisation this node's own */
export function compileImport(rules: readonly ImportRule[], organisation: string): ImportPolicy {
  const compiled = rules.map((rule) => ({
    rule,
    fits: fitting({ ...rule, organisation: rule.from, peer: rule.peer }),
  }))
  return (route, peer) => {
    const found = compiled.find(({ fits }) => fits(route, peer))
    if (found === undefined) return peer.organisation === organisation ? 0 : undefined
    const { preference, behind = [] } = found.rule
    return speaksFor(route, peer, [organisation, peer.organisation, ...behind])
      ? preference
      : undefined
  }
}

/** Whether every organisation on the way is one the peer may speak for. */
function speaksFor(route: Route, peer: Peer, allowed: readonly string[]): boolean {
  if (route.organisations[0] !== peer.organisation) return false
  return allowed.includes('*') || route.organisations.every((name) => allowed.includes(name))
}

/** The route as the peer is to have it; undefined when it is not. */
export type ExportPolicy = (route: Route, peer: Peer) => Route | undefined

/**
 * Rules as one function. Inside the organisation all is offered but what is tagged `no-export`. To another organisation
 * nothing is that no rule allows, and what comes from a third only where a rule gives transit. What leaves lives at the
 * organisation from there on: the nodes inside are nobody's business, and every border says the same.
 *
 * @param organisation this node's own
 */
export function compileExport(rules: readonly ExportRule[], organisation: string): ExportPolicy {
  const compiled = rules.map((rule) => ({
    rule,
    fits: fitting({ organisation: rule.to, namespaces: rule.namespaces, tags: rule.tags }),
  }))
  return (route, peer) => {
    if (route.tags.includes(NO_EXPORT)) return undefined
    if (peer.organisation === organisation) return route
    const found = compiled.find(({ fits }) => fits(route, peer))
    if (found?.rule.allow !== true) return undefined
    const foreign = isForeign(route, organisation)
    const stays = foreign && (found.rule.transit !== true || route.tags.includes(NO_TRANSIT))
    return stays ? undefined : abroad(route, found.rule.as, { organisation, foreign })
  }
}

function isForeign({ organisations }: Route, organisation: string): boolean {
  return organisations.some((name) => name !== organisation)
}

interface Border {
  readonly organisation: string
  readonly foreign: boolean
}

/** A route as it crosses the border of the organisation. */
function abroad(route: Route, as: string | undefined, { organisation, foreign }: Border): Route {
  const first = route.path[0]
  if (first === undefined) throw new RangeError('a route without a path')
  const origin: Origin = foreign ? route.key.origin : `org:${organisation}`
  return {
    ...route,
    key: { origin, namespace: as ?? route.key.namespace },
    path: [{ id: first.id, inc: first.inc, epoch: 0 }],
    cost: 0,
  }
}
