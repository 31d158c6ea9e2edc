import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import { classesOf, type CallerFacts } from '../../protocol/policy/classes.ts'
import { normalise } from '../../protocol/token/scopes.ts'
import type { Principal } from '../core/principal.ts'
import type { Authenticated } from '../core/stages.ts'
import { factsOf, type Onlooker } from '../hop/sight.ts'
import { explainerOf } from './explain.ts'
import { hopQuestion, type HopAnswer, type HopItem, type PassedOn } from './hop-question.ts'
import { explainOver, type HopGround, type Told } from './over-hops.ts'

/**
 * Says to another node what is decided here about it, or about a caller it would pass on; undefined where it may not ask.
 * Nobody is told what is decided about callers who come by another way.
 *
 * @throws Fault `invalid_params`
 */
export async function explainForNode(
  ground: HopGround,
  { received, principal }: Authenticated,
): Promise<HopAnswer | undefined> {
  const { config, registry } = ground
  const { endpoint, caller, trail, request } = received
  const facts = factsOf(principal)
  const { explainTo = [] } = config.endpoints[endpoint] ?? {}
  // Most nodes say nothing to anybody: that is found out first, as for a method that is not there.
  if (explainTo.length === 0 || caller.capabilities.federation === undefined) return undefined
  const asker = classesOf(config.clients, facts)
  if (!explainTo.some((name) => asker.includes(name))) return undefined
  const given = ['kind', 'namespace', 'name', 'whom'].map((key) => [key, request.param(key)])
  const read = hopQuestion.safeParse(Object.fromEntries(given))
  if (!read.success) throw new Fault('invalid_params', 'the question cannot be understood')
  const { whom, ...named } = read.data
  const onlooker = onlookerOf(ground, { principal, facts }, whom)
  const sights = (name: string): ReturnType<typeof registry.catalogue.sights> =>
    registry.catalogue.sights(name)
  const explainer = explainerOf({ config, base: undefined, sights }, { onlooker }, endpoint)
  const passed = whom ?? { subject: principal.subject, scopes: principal.scopes }
  const kinds = named.kind === undefined ? CAPABILITY_KINDS : [named.kind]
  const asking = { endpoint, explainer, whom: passed, kinds, trail }
  const { told, notes } = await explainOver(ground, asking, named)
  return { items: told.map(itemOf), notes }
}

/** The asking node itself, or whoever it would pass on: by the same client, under the same issuer. */
function onlookerOf(
  { config }: HopGround,
  { principal, facts }: { readonly principal: Principal; readonly facts: CallerFacts },
  whom: PassedOn | undefined,
): Onlooker {
  const { clients } = config
  // Who holds a key has nothing to pass on.
  if (whom === undefined || facts.kind !== 'token') {
    return { classes: classesOf(clients, facts), scopes: principal.scopes }
  }
  const { subject = '', scopes } = whom
  // Behind `<issuer>|` where another organisation passes callers on, as it is with the node itself.
  const bar = facts.subject.indexOf('|')
  const named = { ...facts, subject: `${facts.subject.slice(0, bar + 1)}${subject}`, claims: {} }
  return { classes: classesOf(clients, named), scopes: scopes && normalise(scopes) }
}

function itemOf({ what, decisions }: Told): HopItem {
  const { kind, name, namespace, capability, origin } = what
  const said = decisions.map(({ endpoint, visible, level, rule, needs, because, hop }) => {
    return { endpoint, visible, level, rule, needs, because, hop }
  })
  return { kind, name, namespace, capability, origin, decisions: said }
}
