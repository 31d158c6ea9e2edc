import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { issuerOf } from '../identity/verifier/endpoint-policy.ts'
import { keySubject } from '../identity/verifier/principals.ts'
import type { AskedAbout } from './asked-about.ts'
import { explainAt, type Explanation, type Explanations, type ExplainGround } from './explain.ts'
import { apartNotes } from './explain-live.ts'
import { explainOver, type HopGround, type Told } from './over-hops.ts'
import type { Registry } from './registry.ts'
import { whyUnlisted } from './unlisted.ts'

/** A question of an operator about one name. */
export interface NameQuestion {
  readonly asked: AskedAbout
  readonly endpoints: readonly string[]
  /** Default: all. */
  readonly kinds?: readonly CapabilityKind[]
  readonly name: string
}

/** What answers are made from. */
export interface NamedGround extends HopGround, ExplainGround {
  readonly registry: Pick<Registry, 'catalogue' | 'upstreams' | 'upstreamStatus'>
}

/** Explains what goes by a name, at each endpoint that knows one and at the nodes behind. */
export async function explainNamed(
  ground: NamedGround,
  { endpoints, ...question }: NameQuestion,
): Promise<Explanations> {
  const all = await Promise.all(
    endpoints.map((endpoint) => explainOne(ground, { ...question, endpoint })),
  )
  const items = all.flatMap((one) => one.items)
  const notes = all.flatMap((one) => one.notes)
  const unlisted = items.length > 0 ? [] : all.flatMap((one) => one.unlisted)
  return { items, notes, unlisted }
}

async function explainOne(
  ground: NamedGround,
  {
    asked,
    endpoint,
    kinds = CAPABILITY_KINDS,
    name,
  }: Omit<NameQuestion, 'endpoints'> & { readonly endpoint: string },
): Promise<Explanations> {
  const { registry, config } = ground
  const explainer = explainAt(ground, asked, endpoint)
  const { at } = explainer
  const whom = {
    subject: subjectOf(asked, ground, endpoint),
    scopes: 'onlooker' in at ? at.onlooker.scopes : [],
  }
  const trail = { budget: config.limits.hopBudget, path: [] }
  const [kind, ...others] = kinds
  const named = { name, ...(others.length === 0 && kind !== undefined && { kind }) }
  const over = await explainOver(ground, { endpoint, explainer, whom, kinds, trail }, named)
  const items = over.told.flatMap((told) => explanationOf(told, endpoint) ?? [])
  const { reasons } = whyUnlisted(registry, endpoint, name)
  const shown = over.told.filter((told) => isShown(told) && !told.isListed)
  const lost = shown.map(
    ({ what }) => `upstream "${what.upstreams.join(', ')}" shows it, and it is not listed here yet`,
  )
  const fed = registry.catalogue.feeding(endpoint)
  const unasked = fed.filter(({ label }) => config.upstreams[label]?.kind !== 'node')
  return {
    items,
    unlisted: [{ endpoint, reasons: [...reasons, ...lost] }],
    notes: [
      ...explainer.notes,
      ...apartNotes(endpoint, unasked),
      ...over.notes.map((note) => ({ endpoint, note })),
    ],
  }
}

/** What upstreams that are told who calls know somebody by; undefined where that is not sure. */
export function subjectOf(
  asked: AskedAbout,
  { config, base = '' }: ExplainGround,
  endpoint: string,
): string | undefined {
  if ('key' in asked) return keySubject(asked.key)
  const auth = config.endpoints[endpoint]?.auth ?? 'none'
  if ('classes' in asked || auth === 'none') return undefined
  const isOwn = issuerOf(auth, config.issuer, base) === issuerOf({}, config.issuer, base)
  const { sub } = asked.claims
  return isOwn && typeof sub === 'string' ? sub : undefined
}

function isShown({ decisions }: Told): boolean {
  return decisions.every(({ visible }) => visible)
}

/** Of all decisions the nearest that hides it, or else the first; undefined for what nobody hides and this node has not. */
function explanationOf(told: Told, endpoint: string): Explanation | undefined {
  const { what, isListed, decisions } = told
  const hiding = decisions.find(({ visible }) => !visible)
  const deciding = hiding ?? (isListed ? decisions[0] : undefined)
  if (deciding === undefined) return undefined
  const { visible, level, rule, needs, because, hop } = deciding
  const beyond = isListed ? decisions.slice(1) : decisions
  return {
    ...what,
    endpoint,
    visible,
    level,
    rule,
    needs,
    because,
    hop,
    ...(beyond.length > 0 && { beyond }),
  }
}
