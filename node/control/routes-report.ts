import { z } from 'zod'
import type { LinkPhase } from '../outbound/link-events.ts'
import type { Catalogue } from '../hop/catalogue.ts'
import type { UpstreamStatus } from './registry.ts'
import type { Slices } from './slices.ts'
import { walk } from './view-walk.ts'

/** One way to what a namespace of an endpoint offers. */
export interface RouteWay {
  /** Label of the upstream. */
  readonly upstream: string
  /** Whether it is another node's, and not a server of this node's own. */
  readonly imported: boolean
  readonly phase: LinkPhase
  /** How much is called over it, as long as it is up. */
  readonly preferred: number
  /** For how much it stands behind another way, and takes over when that fails. */
  readonly spare: number
}

/** Where calls of an endpoint go. */
export interface RoutesReport {
  readonly routes: readonly {
    readonly endpoint: string
    readonly namespace: string
    /** Organisation and id of the nodes it lives at. */
    readonly origins: readonly string[]
    /** Nodes behind this one on the longest of the ways that are preferred; 0: it lives here. */
    readonly distance: number
    /** In the order calls prefer them. */
    readonly ways: readonly RouteWay[]
  }[]
}

const text = z.string()
const count = z.int().min(0)

export const routesReport: z.ZodType<RoutesReport> = z
  .strictObject({
    routes: z.array(
      z.strictObject({
        endpoint: text,
        namespace: text,
        origins: z.array(text).describe('Nodes it lives at, organisation/id.'),
        distance: count.describe(
          'Nodes behind this one on the longest way that is preferred; 0: it lives here.',
        ),
        ways: z
          .array(
            z.strictObject({
              upstream: text,
              imported: z
                .boolean()
                .describe("Whether it is another node's, and not a server of this node's own."),
              phase: z.enum(['connecting', 'up', 'down', 'closed']),
              preferred: count.describe('How much is called over it, as long as it is up.'),
              spare: count.describe('For how much it takes over when a way before it fails.'),
            }),
          )
          .describe('In the order calls prefer them.'),
      }),
    ),
  })
  .meta({ id: 'Routes', description: 'Where calls go: what leads to each namespace.' })

/** What routes are told from. */
export interface RoutesGround {
  readonly catalogue: Pick<Catalogue, 'view'>
  readonly upstreamStatus: () => readonly Pick<UpstreamStatus, 'label' | 'phase'>[]
}

/** What is counted of one namespace. */
interface Counted {
  readonly endpoint: string
  readonly namespace: string
  readonly origins: Set<string>
  distance: number
  readonly ways: Map<string, { imported: boolean; preferred: number; spare: number }>
}

/** Where calls of the endpoints go, from what they list. A namespace that has nothing is not there. */
export async function routesOf(
  { catalogue, upstreamStatus }: RoutesGround,
  endpoints: readonly string[],
  slices: Slices,
): Promise<RoutesReport> {
  const phases = new Map(upstreamStatus().map(({ label, phase }) => [label, phase]))
  const found = new Map<string, Counted>()
  for (const { endpoint, item } of walk(catalogue, { endpoints })) {
    const pause = slices.turn()
    if (pause !== undefined) await pause
    const { namespace, id, candidates } = item.entry
    const key = `${endpoint} ${namespace}`
    const known = found.get(key) ?? fresh(endpoint, namespace)
    found.set(key, known)
    known.origins.add(`${id.organisation}/${id.node}`)
    known.distance = Math.max(known.distance, item.path.length - 1)
    for (const [place, { upstream, imported }] of candidates.entries()) {
      const way = known.ways.get(upstream) ?? { imported, preferred: 0, spare: 0 }
      known.ways.set(upstream, way)
      if (place === 0) way.preferred += 1
      else way.spare += 1
    }
  }
  const routes = [...found.values()].map(({ origins, ways, ...rest }) => ({
    ...rest,
    origins: [...origins].toSorted(),
    ways: [...ways]
      .map(([upstream, way]) => ({ upstream, phase: phases.get(upstream) ?? 'closed', ...way }))
      .toSorted((a, b) => b.preferred - a.preferred),
  }))
  return { routes }
}

function fresh(endpoint: string, namespace: string): Counted {
  return { endpoint, namespace, origins: new Set(), distance: 0, ways: new Map() }
}
