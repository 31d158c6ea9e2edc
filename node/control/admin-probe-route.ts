import { z } from 'zod'
import type { CapabilityKind } from '../../protocol/capability.ts'
import { EVERYBODY } from '../../protocol/policy/policy.ts'
import { slug } from '../core/config-fields.ts'
import { kind } from './admin-models.ts'
import { route, type AdminGround, type Route } from './admin-route.ts'
import { checkAsked, endpointsOf, explainGround } from './admin-view-routes.ts'
import type { AskedAbout } from './asked-about.ts'
import { probeReport, type ProbeReport } from './probe-answer.ts'
import { probeNamed } from './probe-named.ts'

/** Longest name or URI, characters. */
const MAX_NAME = 65_536
const KEY = 'key:'

interface ProbeQuery {
  readonly name: string
  readonly endpoint?: string | undefined
  readonly kind?: CapabilityKind | undefined
  readonly for?: string | undefined
}

const probeQuery: z.ZodType<ProbeQuery> = z.strictObject({
  name: z.string().min(1).max(MAX_NAME).describe('Name or URI, as the endpoint shows it.'),
  endpoint: slug.optional().describe('Default: the first that has it.'),
  kind: kind.optional().describe('Default: whatever has the name.'),
  for: z
    .union([slug, z.literal(EVERYBODY), z.templateLiteral([KEY, slug])])
    .optional()
    .describe(
      'Whose call it would be: a class, "*" for who is in none, or key:NAME. Default: one that sees all this node has.',
    ),
})

function askedOf(whose: string | undefined): AskedAbout | undefined {
  if (whose === undefined) return undefined
  return whose.startsWith(KEY) ? { key: whose.slice(KEY.length) } : { classes: [whose] }
}

function probe(ground: AdminGround, query: ProbeQuery): Promise<ProbeReport> {
  const { name, kind: of } = query
  const endpoints = endpointsOf(ground, query.endpoint)
  const asked = askedOf(query.for)
  if (asked !== undefined) checkAsked(asked, ground, 'for')
  const { registry, node, mesh } = ground
  const parts = { ...explainGround(ground), registry, self: node.id, ways: mesh.ranks }
  return probeNamed(parts, { name, endpoints, asked, ...(of && { kinds: [of] }) })
}

export const probeRoute: Route = route({
  method: 'GET',
  path: '/probe',
  summary:
    'The hops a call of something takes now, with the time to each. The server is asked whether it is there; nothing is called.',
  isPatient: true,
  query: probeQuery,
  reply: probeReport,
  run: (ground, { query }) => probe(ground, query),
})
