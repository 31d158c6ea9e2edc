import { createHash } from 'node:crypto'
import { isObject } from '../jsonrpc.ts'
import type { AccessClaims, Actor, HashedActor, NamedActor } from './claims.ts'
import { TokenFault } from './faults.ts'
import { identifier, visibleName } from './fields.ts'

/** Who acts: an issuer and its name for a node. */
export interface Party {
  readonly iss: string
  readonly sub: string
}

/** One entry of a chain, without those below it. */
export type ChainEntry = Party | { readonly hid: string }

/** How much of the older actors a peer is told: their names, the names of the own organisation alone, or none. */
export type Disclosure = 'full' | 'self' | 'hashed'

/** Actors that are followed at all; every configured depth is lower. */
export const MAX_ACTORS = 16

const HID = /^[A-Za-z0-9_-]{43}$/

/** Number of actors; 0 when nobody acts for the subject. */
export function actDepth(act: Actor | undefined): number {
  let depth = 0
  for (let entry = act; entry !== undefined; entry = entry.act) depth += 1
  return depth
}

function entryOf(actor: Actor): ChainEntry {
  return 'hid' in actor ? { hid: actor.hid } : { iss: actor.iss, sub: actor.sub }
}

/** The entries, outermost first. */
export function actorsOf(act: Actor | undefined): readonly ChainEntry[] {
  const entries: ChainEntry[] = []
  for (let entry = act; entry !== undefined; entry = entry.act) entries.push(entryOf(entry))
  return entries
}

/** The chain whose entries, outermost first, are these; undefined when there are none. */
export function chainOf(entries: readonly ChainEntry[]): Actor | undefined {
  return entries.reduceRight<Actor | undefined>(
    (act, entry) => (act === undefined ? entry : { ...entry, act }),
    undefined,
  )
}

/** The chain with one more, outermost actor. */
export function prependActor(act: Actor | undefined, { iss, sub }: Party): NamedActor {
  return act === undefined ? { iss, sub } : { iss, sub, act }
}

/** Members of a JCS text in its order (RFC 8785 §3.2.3): `act`, `hid`, `iss`, `sub`. */
function canonicalEntry(entry: ChainEntry): string {
  return 'hid' in entry
    ? `"hid":${JSON.stringify(entry.hid)}`
    : `"iss":${JSON.stringify(entry.iss)},"sub":${JSON.stringify(entry.sub)}`
}

/** The text of a chain by the JSON Canonicalization Scheme (RFC 8785); `null` when there is none. */
export function canonicalChain(act: Actor | undefined): string {
  const entries = actorsOf(act)
  if (entries.length === 0) return 'null'
  const opened = entries.map((_, at) => (at === entries.length - 1 ? '{' : '{"act":')).join('')
  const closed = entries
    .toReversed()
    .map((entry, at) => `${at === 0 ? '' : ','}${canonicalEntry(entry)}}`)
  return opened + closed.join('')
}

/** SHA-256 of the canonical text, base64url. */
export function chainDigest(act: Actor | undefined): string {
  return sha256(canonicalChain(act))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** Whether two chains name the same actors in the same order, in the same way. */
export function sameChain(one: Actor | undefined, other: Actor | undefined): boolean {
  return canonicalChain(one) === canonicalChain(other)
}

/** Whether a chain tells of the actors of another in its order, each as there or by hash; the one who acts now by name. */
export function tellsNoMore(told: Actor | undefined, of: Actor | undefined): boolean {
  const [entries, known] = [actorsOf(told), actorsOf(of)]
  if (entries.length !== known.length) return false
  return known.every((entry, at) => {
    const said = canonicalEntry(entries[at] ?? entry)
    return said === canonicalEntry(entry) || (at > 0 && said === canonicalEntry(hashedActor(entry)))
  })
}

/** What stands for an actor whose name is not disclosed. */
export function hashedActor(entry: ChainEntry): HashedActor {
  return 'hid' in entry ? { hid: entry.hid } : { hid: sha256(`{${canonicalEntry(entry)}}`) }
}

/**
 * The older actors as a peer is told of them. Their number never changes, nor what can be compared: the same actor has
 * the same hash in every chain.
 *
 * @param own issuer of the own organisation
 */
export function disclose(act: Actor | undefined, mode: Disclosure, own: string): Actor | undefined {
  if (mode === 'full') return act
  const isTold = (entry: ChainEntry): boolean =>
    mode === 'self' && 'iss' in entry && entry.iss === own
  return chainOf(actorsOf(act).map((entry) => (isTold(entry) ? entry : hashedActor(entry))))
}

/** Whether an actor is in a chain, by name or by hash. */
export function isInChain(act: Actor | undefined, party: Party): boolean {
  const { hid } = hashedActor(party)
  return actorsOf(act).some((entry) => hashedActor(entry).hid === hid)
}

/** Whether some actor is in the chain twice: the request went round in a circle. */
export function hasCycle(act: Actor | undefined): boolean {
  const ids = actorsOf(act).map((entry) => hashedActor(entry).hid)
  return new Set(ids).size < ids.length
}

/**
 * Reads an `act` claim. Only who acted counts; other members mean nothing there (RFC 8693 §4.1).
 *
 * @param issuer stands for the `iss` an actor has not got
 * @throws TokenFault `depth` beyond {@link MAX_ACTORS}, `claims`
 */
export function readAct(value: unknown, issuer: string): Actor | undefined {
  const entries: ChainEntry[] = []
  let rest = value
  // Counted before it is walked further: a chain of any length costs no more than the longest allowed.
  while (rest !== undefined) {
    if (entries.length >= MAX_ACTORS) throw new TokenFault('depth', 'too many actors')
    if (!isObject(rest)) throw refused()
    entries.push(readEntry(rest, issuer))
    rest = rest['act']
  }
  return chainOf(entries)
}

function readEntry(value: Record<string, unknown>, issuer: string): ChainEntry {
  const { hid, iss = issuer, sub } = value
  if (hid !== undefined) {
    const sound = typeof hid === 'string' && HID.test(hid) && sub === undefined
    if (sound && value['iss'] === undefined) return { hid }
    throw refused()
  }
  const [who, whose] = [visibleName.safeParse(sub), identifier.safeParse(iss)]
  if (!who.success || !whose.success) throw refused()
  return { iss: whose.data, sub: who.data }
}

function refused(): TokenFault {
  return new TokenFault('claims', 'the claim "act" is not acceptable')
}

/**
 * Whether a `may_act` lets a party become actor (RFC 8693 §4.4): every member must be its own, and an empty object means
 * nobody.
 */
export function mayActAs(mayAct: AccessClaims['mayAct'], { iss, sub }: Party): boolean {
  if (mayAct === undefined) return true
  return mayAct.sub === sub && (mayAct.iss === undefined || mayAct.iss === iss)
}
