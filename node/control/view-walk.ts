import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import type { Catalogue } from '../hop/catalogue.ts'
import type { ViewItem } from '../hop/view.ts'

/** Where a walk stands: behind something. */
export interface WalkPlace {
  readonly endpoint: string
  readonly kind: CapabilityKind
  readonly name: string
}

/** What is walked through: by endpoint, then by kind, then by name. */
export interface WalkPlan {
  readonly endpoints: readonly string[]
  /** Default: all. */
  readonly kinds?: readonly CapabilityKind[]
  /** Goes on behind this one, whatever has come and gone since. */
  readonly after?: WalkPlace | undefined
}

/** Something an endpoint shows to those who may see it. */
export interface Walked {
  readonly endpoint: string
  readonly item: ViewItem
}

/** Everything the endpoints have. A view that is replaced meanwhile is walked to its end as it was. */
export function* walk(
  catalogue: Pick<Catalogue, 'view'>,
  { endpoints, kinds = CAPABILITY_KINDS, after }: WalkPlan,
): Generator<Walked> {
  const sections = endpoints.flatMap((endpoint) => kinds.map((kind) => ({ endpoint, kind })))
  const at = sections.findIndex(
    (one) => one.endpoint === after?.endpoint && one.kind === after.kind,
  )
  for (const [index, { endpoint, kind }] of sections.entries()) {
    if (index < at) continue
    const items = catalogue.view(endpoint, kind)?.items ?? []
    const from = index === at && after !== undefined ? firstAfter(items, after.name) : 0
    for (let next = from; next < items.length; next += 1) {
      const item = items[next]
      if (item !== undefined) yield { endpoint, item }
    }
  }
}

/** Items are in the order of their names. */
function firstAfter(items: readonly ViewItem[], name: string): number {
  const found = items.findIndex(({ entry }) => entry.name > name)
  return found === -1 ? items.length : found
}
