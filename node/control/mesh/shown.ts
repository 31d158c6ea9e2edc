import { CAPABILITY_KINDS } from '../../../protocol/capability.ts'
import type { Shows } from '../../../topology/links.ts'
import { keyText } from '../../../topology/route.ts'
import type { Catalogue } from '../../hop/catalogue.ts'
import type { Ends, DownEnd } from './ends.ts'
import { keyOf } from './way-ranks.ts'

/** What says what is shown. */
export interface ShownParts {
  readonly catalogue: Pick<Catalogue, 'seen' | 'sights' | 'has' | 'view'>
  readonly organisation: string
}

/** A node is told of what the endpoint shows to whom it came as, and of nothing else. */
export function shownTo(
  { catalogue, organisation }: ShownParts,
  { endpoint, principal }: DownEnd,
): Shows {
  const keys = new Set<string>()
  if (!catalogue.has(endpoint)) return () => false
  for (const kind of CAPABILITY_KINDS) {
    const { view, sight } = catalogue.seen({ received: { endpoint }, principal }, kind)
    for (const { entry } of view.items) {
      if (sight?.sees(entry) !== false) keys.add(keyText(keyOf(entry.id, organisation)))
    }
  }
  return (key) => keys.has(keyText(key))
}

/**
 * What may be said to a whole organisation, or to all: what each of its nodes that use this one sees, and where there are
 * none what everybody sees at some endpoint.
 *
 * @param to undefined: all organisations
 */
export function shownAbroad(
  parts: ShownParts & { readonly ends: Ends; readonly endpoints: readonly string[] },
  to: string | undefined,
): Shows {
  const { ends } = parts
  const downs = [...ends.downs].flatMap((id) => ends.down(id) ?? [])
  const theirs = downs.filter(({ wire }) => to !== undefined && wire.peer.organisation === to)
  const shows = theirs.map((end) => shownTo(parts, end))
  if (shows.length > 0) return (key) => shows.every((one) => one(key))
  const keys = new Set(parts.endpoints.flatMap((endpoint) => shownToAll(parts, endpoint)))
  return (key) => keys.has(keyText(key))
}

/** Keys of what whoever comes sees at an endpoint. */
function shownToAll({ catalogue, organisation }: ShownParts, endpoint: string): readonly string[] {
  const sight = catalogue.sights(endpoint)?.from({ classes: [], scopes: undefined })
  return CAPABILITY_KINDS.flatMap((kind) =>
    (catalogue.view(endpoint, kind)?.items ?? [])
      .filter(({ entry }) => sight?.shows(entry) === true)
      .map(({ entry }) => keyText(keyOf(entry.id, organisation))),
  )
}
