import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import { classesOf, type Classes } from '../../protocol/policy/classes.ts'
import { normalise } from '../../protocol/token/scopes.ts'
import type { Principal } from '../core/principal.ts'
import type { Authenticated } from '../core/stages.ts'
import { factsOf } from '../core/caller-facts.ts'
import { type Onlooker } from '../hop/sight.ts'
import { keySubject } from '../identity/verifier/principals.ts'
import { explainerOf } from './explain.ts'
import {
  hopQuestion,
  type HopAnswer,
  type HopItem,
  type HopQuestion,
  type PassedOn,
} from './hop-question.ts'
import { explainOver, type HopAsking, type HopGround, type Told } from './over-hops.ts'

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
  const asked = askedByNode(ground, { received, principal })
  if (asked === undefined) return undefined
  const { asking, named } = asked
  const { told, notes } = await explainOver(ground, asking, named)
  return { items: told.map(itemOf), notes }
}

/** What a node asks about something that may be here. */
export interface AskedByNode {
  readonly asking: HopAsking
  readonly named: Omit<HopQuestion, 'whom'>
}

/**
 * Reads the question of another node; undefined where it may not ask any.
 *
 * @throws Fault `invalid_params`
 */
export function askedByNode(
  { config, registry }: HopGround,
  { received, principal }: Authenticated,
): AskedByNode | undefined {
  const { endpoint, caller, trail, request } = received
  const { explainTo = [] } = config.endpoints[endpoint] ?? {}
  // Most nodes say nothing to anybody: that is found out first, as for a method that is not there.
  if (explainTo.length === 0 || caller.capabilities.federation === undefined) return undefined
  const asker = classesOf(config.clients, factsOf(principal))
  if (!explainTo.some((name) => asker.includes(name))) return undefined
  const given = ['kind', 'namespace', 'name', 'whom'].map((key) => [key, request.param(key)])
  const read = hopQuestion.safeParse(Object.fromEntries(given))
  if (!read.success) throw new Fault('invalid_params', 'the question cannot be understood')
  const { whom, ...named } = read.data
  const { onlooker, passed } = knownAs(config.clients, principal, whom)
  const sights = (name: string): ReturnType<typeof registry.catalogue.sights> =>
    registry.catalogue.sights(name)
  const explainer = explainerOf({ config, base: undefined, sights }, { onlooker }, endpoint)
  const kinds = named.kind === undefined ? CAPABILITY_KINDS : [named.kind]
  return { asking: { endpoint, explainer, whom: passed, kinds, trail }, named }
}

/** Somebody as this node would know them if they came. */
interface Known {
  readonly onlooker: Onlooker
  /** For nodes further behind. */
  readonly passed: PassedOn
}

/** The asking node itself, or whoever it would pass on: by the same client, under the same issuer. */
function knownAs(clients: Classes, principal: Principal, whom: PassedOn | undefined): Known {
  const facts = factsOf(principal)
  // Who holds a key is told of itself: nobody stands behind a key.
  if (whom === undefined || facts.kind !== 'token') {
    const { scopes, subject } = principal
    const name = facts.kind === 'key' ? keySubject(subject) : subject
    return {
      onlooker: { classes: classesOf(clients, facts), scopes },
      passed: { subject: name, scopes },
    }
  }
  // Behind `<issuer>|` where another organisation passes callers on, as it is with the node itself.
  const prefix = facts.subject.slice(0, facts.subject.indexOf('|') + 1)
  const subject = `${prefix}${whom.subject ?? ''}`
  const scopes = whom.scopes && normalise(whom.scopes)
  return {
    onlooker: { classes: classesOf(clients, { ...facts, subject, claims: {} }), scopes },
    passed: whom.subject === undefined ? { scopes } : { subject, scopes },
  }
}

function itemOf({ what, decisions }: Told): HopItem {
  const { kind, name, namespace, capability, origin } = what
  const said = decisions.map(({ endpoint, visible, level, rule, needs, because, hop }) => {
    return { endpoint, visible, level, rule, needs, because, hop }
  })
  return { kind, name, namespace, capability, origin, decisions: said }
}
