import { z } from 'zod'
import { Fault } from '../../protocol/errors.ts'
import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import { slug } from '../core/config-fields.ts'
import {
  cursor,
  explainReport,
  explainRequest,
  limitParameter,
  scope,
  type ExplainReport,
  type ExplainRequest,
} from './admin-explain-models.ts'
import { kind, viewReport, type ViewReport } from './admin-models.ts'
import { route, type AdminGround, type Route } from './admin-route.ts'
import { atEndpoint, problemOf, type AskedAbout } from './asked-about.ts'
import type { ExplainGround, Explanation } from './explain.ts'
import { explainListed, type LiveQuestion } from './explain-live.ts'
import { explainNamed, type NameQuestion } from './explain-named.ts'
import type { Slices } from './slices.ts'
import { walk, type Walked, type WalkPlace } from './view-walk.ts'

const POST_BYTES = 256 * 1_024

const place = z.tuple([z.string(), z.enum(CAPABILITY_KINDS), z.string()])

/** Where an answer ends, for whoever wants the rest. */
function cursorOf({ endpoint, kind: of, name }: WalkPlace): string {
  return Buffer.from(JSON.stringify([endpoint, of, name])).toString('base64url')
}

/** @throws Fault `invalid_request` */
function placeOf(given: string | undefined): WalkPlace | undefined {
  if (given === undefined) return undefined
  try {
    const text = Buffer.from(given, 'base64url').toString('utf8')
    const [endpoint, of, name] = place.parse(JSON.parse(text))
    return { endpoint, kind: of, name }
  } catch {
    throw new Fault('invalid_request', 'cursor: is none of this node', {
      data: { parameter: 'cursor' },
    })
  }
}

/** Those of the node, or the one that is asked for. @throws Fault `unknown_endpoint` */
export function endpointsOf({ config }: AdminGround, asked: string | undefined): readonly string[] {
  const names = Object.keys(config().endpoints)
  if (asked === undefined) return names
  if (names.includes(asked)) return [asked]
  throw new Fault('unknown_endpoint', 'there is no such endpoint')
}

/** @param parameter that says whom it is about @throws Fault `invalid_request` */
export function checkAsked(asked: AskedAbout, { config }: AdminGround, parameter = 'as'): void {
  const problem = problemOf(asked, config())
  if (problem === undefined) return
  throw new Fault('invalid_request', problem, { data: { parameter } })
}

/** What explanations are made from in a running node. */
export function explainGround({ config, node, registry }: AdminGround): ExplainGround {
  const { catalogue } = registry
  return { config: config(), base: node.url, sights: (name) => catalogue.sights(name) }
}

function explain(
  ground: AdminGround,
  request: ExplainRequest,
  slices: Slices,
): Promise<ExplainReport> {
  const { as: asked, name, kind: of } = request
  checkAsked(asked, ground)
  const endpoints = endpointsOf(ground, request.endpoint)
  const plan = { asked, endpoints, ...(of && { kinds: [of] }) }
  return name === undefined
    ? explainPart(ground, { ...request, ...plan }, slices)
    : explainName(ground, { ...plan, name }, request)
}

async function explainPart(
  ground: AdminGround,
  { cursor: from, ...question }: ExplainRequest & Omit<LiveQuestion, 'after'>,
  slices: Slices,
): Promise<ExplainReport> {
  const { upstreams } = ground.config()
  const { catalogue } = ground.registry
  const listing = {
    catalogue,
    isNode: (label: string): boolean => upstreams[label]?.kind === 'node',
  }
  const { next, ...told } = await explainListed(
    listing,
    explainGround(ground),
    { ...question, after: placeOf(from) },
    slices,
  )
  return { ...told, unlisted: [], ...(next && { next: cursorOf(next) }) }
}

async function explainName(
  ground: AdminGround,
  question: NameQuestion,
  { visible }: ExplainRequest,
): Promise<ExplainReport> {
  const { registry, node } = ground
  const own = { ...explainGround(ground), registry, self: node.id }
  const { items, ...rest } = await explainNamed(own, question)
  const isWanted = (one: Explanation): boolean => visible === undefined || one.visible === visible
  return { ...rest, items: items.filter(isWanted) }
}

export const explainRoute: Route = route({
  method: 'POST',
  path: '/explain',
  summary:
    'What somebody sees of what is listed, decided at which level and by which rule. Changes nothing.',
  body: explainRequest,
  maxBodyBytes: POST_BYTES,
  reply: explainReport,
  run: (ground, { body }, slices) => explain(ground, body, slices),
})

const many = <T>(one: z.ZodType<T>): z.ZodType<readonly T[]> =>
  z.union([one.transform((value): readonly T[] => [value]), z.array(one)])

/** Who looks, and at which part. */
interface ViewQuery {
  readonly class?: readonly string[] | undefined
  readonly scope?: readonly string[] | undefined
  readonly key?: string | undefined
  readonly kind?: WalkPlace['kind'] | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

const viewQuery: z.ZodType<ViewQuery> = z
  .strictObject({
    class: many(z.string()).optional().describe('A class it is in; may be given several times.'),
    scope: many(scope).optional().describe('With classes: a scope it comes with. Default: all.'),
    key: slug.optional().describe('In the place of classes: the static key it holds.'),
    kind: kind.optional().describe('Default: all.'),
    limit: limitParameter,
    cursor: cursor.optional(),
  })
  .refine((query) => query.key === undefined || query.class === undefined, {
    message: 'is in the place of classes',
    path: ['key'],
  })

/** Undefined: the operator, who sees everything. */
function lookerOf({ class: classes, scope: scopes, key }: ViewQuery): AskedAbout | undefined {
  if (key !== undefined) return { key }
  if (classes === undefined && scopes === undefined) return undefined
  return { classes: classes ?? ['*'], scopes }
}

/** Says whether somebody sees something; or why it sees nothing here. */
function gaze(
  ground: AdminGround,
  endpoint: string,
  asked: AskedAbout | undefined,
): ((item: Walked['item']) => boolean) | string {
  if (asked === undefined) return () => true
  checkAsked(asked, ground)
  const { config, node, registry } = ground
  const sights = registry.catalogue.sights(endpoint)
  if (sights === undefined) return 'there is no such endpoint'
  const at = atEndpoint(asked, { endpoint, sights, config: config(), base: node.url })
  if ('refused' in at) return at.refused
  const sight = sights.from(at.onlooker)
  return ({ entry }) => sight.sees(entry)
}

async function view(
  ground: AdminGround,
  { query, endpoint }: { readonly query: ViewQuery; readonly endpoint: string },
  slices: Slices,
): Promise<ViewReport> {
  endpointsOf(ground, endpoint)
  const sees = gaze(ground, endpoint, lookerOf(query))
  if (typeof sees === 'string') return { endpoint, items: [], refused: sees }
  const { kind: of, limit: most } = query
  const after = placeOf(query.cursor)
  const items: ViewReport['items'][number][] = []
  const plan = { endpoints: [endpoint], ...(of && { kinds: [of] }), after }
  for (const { item } of walk(ground.registry.catalogue, plan)) {
    const pause = slices.turn()
    if (pause !== undefined) await pause
    if (!sees(item)) continue
    const last = items.at(-1)
    if (items.length >= most && last !== undefined) {
      return { endpoint, items, next: cursorOf({ endpoint, ...last }) }
    }
    const { kind: its, name, namespace, candidates } = item.entry
    const upstreams = candidates.map(({ upstream }) => upstream)
    items.push({ kind: its, name, namespace, upstreams })
  }
  return { endpoint, items }
}

export const viewRoute: Route = route({
  method: 'GET',
  path: '/views/{endpoint}',
  summary: 'What somebody sees at an endpoint; without a class, scope or key, all it has.',
  query: viewQuery,
  reply: viewReport,
  run: view,
})
