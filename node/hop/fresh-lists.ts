// When lists are fetched for a request, and which of them it waits for.
import type { CapabilityKind } from '../../protocol/capability.ts'
import type { HopTrail } from '../../protocol/federation.ts'
import { LOCAL_CALLER, type Principal } from '../core/principal.ts'
import type { Authenticated, ListPage, Watcher } from '../core/stages.ts'
import type { DelegatedLists } from './delegated-lists.ts'
import type { Feed } from './endpoint-views.ts'
import type { Sight } from './sight.ts'
import { namespacesFed } from './sources.ts'

/** Who asks for lists. */
export interface ListAsker extends Watcher {
  readonly trail: HopTrail
  /** Another node asks. */
  readonly forNode: boolean
}

export function askerOf({ received, principal }: Authenticated): ListAsker {
  const { endpoint, trail, caller } = received
  return { endpoint, principal, trail, forNode: caller.capabilities.federation !== undefined }
}

/**
 * The feeds of which a caller may see something of a kind. The others are as if they were not there: they are not waited
 * for, nor do they say how long a list is good.
 */
export function feedsFor(
  feeds: readonly Feed[],
  kinds: readonly CapabilityKind[],
  sight: Sight | undefined,
): readonly Feed[] {
  if (sight === undefined) return feeds
  return feeds.filter(({ from, mirrors }) => {
    const namespaces = namespacesFed(from, mirrors.link.label)
    return kinds.some((kind) => sight.mayShow(kind, namespaces))
  })
}

/** The lists of a feed that are the asker's own; undefined where it is shown what the node is. */
function delegatedTo(principal: Principal, { mirrors }: Feed): DelegatedLists | undefined {
  return principal === LOCAL_CALLER ? undefined : mirrors.delegated
}

/** Starts what must be fetched; the promise is undefined when nothing has to be waited for. */
export function refreshing(
  feeds: readonly Feed[],
  kind: CapabilityKind,
  asker: ListAsker,
): Promise<unknown> | undefined {
  const now = Date.now()
  const waiting: Promise<void>[] = []
  for (const feed of feeds) {
    const { mirrors, from } = feed
    const mirror = mirrors.of(kind)
    const delegated = delegatedTo(asker.principal, feed)
    if (delegated !== undefined) {
      const fetch = refreshDelegated(delegated, kind, { asker, now })
      if (fetch !== undefined) waiting.push(fetch)
      continue
    }
    if (mirror.isFresh(now)) continue
    const fetch = mirror.refresh()
    // A node that waited for nodes on behalf of a node would, in a mesh, wait for itself.
    const ofNode = from.kind === 'imported' || mirror.ofNode
    if (!(asker.forNode && ofNode)) waiting.push(bounded(fetch, mirror.patience))
  }
  return waiting.length === 0 ? undefined : Promise.all(waiting)
}

/**
 * Starts to fetch a caller's list if it is out of date. What another request is waiting for already, a node does not wait
 * for: that request may be waiting for the one that is answered here.
 */
function refreshDelegated(
  delegated: DelegatedLists,
  kind: CapabilityKind,
  { asker, now }: { readonly asker: ListAsker; readonly now: number },
): Promise<void> | undefined {
  const { principal, forNode } = asker
  if (delegated.freshFor(kind, principal, now) > 0) return undefined
  const isUnderWay = delegated.isFetching(kind, principal)
  const patience = delegated.patience(kind, asker)
  const fetch = delegated.refresh(kind, asker)
  return forNode && isUnderWay ? undefined : bounded(fetch, patience)
}

/**
 * The first fetch of lists that were never fetched; undefined when there are none. Lists that could not be fetched are
 * tried again, but not waited for: an upstream that cannot be listed holds up nobody.
 */
export function missing(
  feeds: readonly Feed[],
  kinds: readonly CapabilityKind[],
  asker: ListAsker,
): Promise<unknown> | undefined {
  const now = Date.now()
  const waiting = feeds.flatMap((feed) =>
    kinds.flatMap((kind) => missingOf(feed, kind, { asker, now }) ?? []),
  )
  return waiting.length === 0 ? undefined : Promise.all(waiting)
}

function missingOf(
  feed: Feed,
  kind: CapabilityKind,
  { asker, now }: { readonly asker: ListAsker; readonly now: number },
): Promise<void> | undefined {
  const { principal } = asker
  const mirror = feed.mirrors.of(kind)
  const delegated = delegatedTo(principal, feed)
  if (delegated === undefined) {
    if (mirror.isLacking(now)) void mirror.refresh()
    return mirror.untried ? bounded(mirror.refresh(), mirror.patience) : undefined
  }
  // What is there by now may not have been there when the caller last looked.
  return refreshDelegated(delegated, kind, { asker, now })
}

/**
 * The least freshness of the parts, and `private` if one part is (MCP 2026-07-28, utilities/caching).
 *
 * @param sight of the caller
 */
export function freshness(
  feeds: readonly Feed[],
  kind: CapabilityKind,
  principal: Principal,
  sight: Sight | undefined,
): Pick<ListPage, 'ttlMs' | 'cacheScope'> {
  const now = Date.now()
  let ttlMs = Number.MAX_SAFE_INTEGER
  let cacheScope: ListPage['cacheScope'] = 'public'
  for (const feed of feeds) {
    const { mirrors } = feed
    const mirror = mirrors.of(kind)
    const delegated = delegatedTo(principal, feed)
    const isVeiled = sight?.hasRules === true && mirrors.ofNode
    const common = isVeiled ? mirror.freshForSome : mirror.freshFor(now)
    ttlMs = Math.min(ttlMs, delegated?.freshFor(kind, principal, now) ?? common)
    if (delegated !== undefined || mirror.cacheScope === 'private') cacheScope = 'private'
  }
  return { ttlMs: feeds.length === 0 ? 0 : ttlMs, cacheScope }
}

async function bounded(work: Promise<unknown>, milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
