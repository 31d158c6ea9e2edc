/**
 * When a key is published, used and gone, as functions of values. Times are seconds since 1970.
 *
 * Keys stand in line: each signs from `usedFrom` until the next one does, is published from its making, and is kept
 * until all that it signed is over. Functions that find nothing to change return the very array they were given.
 */

/** What is planned about: a key without its bytes. */
export interface PlannedKey {
  readonly kid: string
  readonly madeAt: number
  /** From here on it signs. */
  readonly usedFrom: number
}

export interface KeyPolicy {
  /** How long a key signs before the next one takes over, s; undefined: as long as it is there. */
  readonly lifetime: number | undefined
  /** How long a key is published before it signs, s: others may hold an older list for ten minutes. */
  readonly lead: number
  /** How long a key is kept after it has signed for the last time, s: the longest life of what it signs, and the skew. */
  readonly overlap: number
}

/** A policy, and the way to make a key. */
export interface KeyPlanner<Key extends PlannedKey> extends KeyPolicy {
  readonly make: (madeAt: number, usedFrom: number) => Key
}

/** Publication ahead of first use, s. */
export const KEY_LEAD_SECONDS = 900

/** The key that signs. With a clock that was set back before all of them, the first. @param keys not empty */
export function currentKey<Key extends PlannedKey>(keys: readonly Key[], now: number): Key {
  const line = inOrder(keys)
  const current = line.findLast((key) => key.usedFrom <= now) ?? line[0]
  if (current === undefined) throw new RangeError('there is no key')
  return current
}

/** The keys others must know of: those that will sign, the one that does, and those whose work is not over. */
export function publishedKeys<Key extends PlannedKey>(
  keys: readonly Key[],
  now: number,
  { overlap }: KeyPolicy,
): readonly Key[] {
  const line = inOrder(keys)
  return line.filter((_, index) => now < (line[index + 1]?.usedFrom ?? Infinity) + overlap)
}

/** The keys as they should be: there is a first one, the next one when its time is near, and none that is over. */
export function plannedKeys<Key extends PlannedKey>(
  keys: readonly Key[],
  now: number,
  planner: KeyPlanner<Key>,
): readonly Key[] {
  if (keys.length === 0) return [planner.make(now, now)]
  const published = publishedKeys(keys, now, planner)
  const kept = published.length === keys.length ? keys : published
  const due = nextDue(kept, now, planner)
  return due === undefined ? kept : [...kept, planner.make(now, due)]
}

/** When a key that is still to be made shall take over; undefined while it is too early, or the next one is there. */
function nextDue(
  keys: readonly PlannedKey[],
  now: number,
  { lifetime, lead }: KeyPolicy,
): number | undefined {
  const current = currentKey(keys, now)
  if (lifetime === undefined || nextKey(keys, current) !== undefined) return undefined
  const end = current.usedFrom + lifetime
  return now < end - lead ? undefined : Math.max(end, now + lead)
}

/** The keys with a next one that takes over as soon as it has been published long enough. @param keys not empty */
export function rotatedKeys<Key extends PlannedKey>(
  keys: readonly Key[],
  now: number,
  planner: KeyPlanner<Key>,
): readonly Key[] {
  const next = nextKey(keys, currentKey(keys, now))
  if (next === undefined) return [...keys, planner.make(now, now + planner.lead)]
  const soonest = Math.max(now, next.madeAt + planner.lead)
  return soonest < next.usedFrom ? moved(keys, next, soonest) : keys
}

/**
 * The keys without one that must not be trusted any more. If it signed, the next one takes over at once, published ahead
 * or not; never an old one.
 */
export function keysWithout<Key extends PlannedKey>(
  keys: readonly Key[],
  kid: string,
  now: number,
  planner: KeyPlanner<Key>,
): readonly Key[] {
  const kept = keys.filter((key) => key.kid !== kid)
  if (kept.length === keys.length) return keys
  const current = currentKey(keys, now)
  if (current.kid !== kid) return kept
  const next = nextKey(keys, current)
  return next === undefined ? [...kept, planner.make(now, now)] : moved(kept, next, now)
}

/** The one that takes over from `current`. */
function nextKey<Key extends PlannedKey>(keys: readonly Key[], current: Key): Key | undefined {
  const line = inOrder(keys)
  return line[line.indexOf(current) + 1]
}

function moved<Key extends PlannedKey>(keys: readonly Key[], key: Key, usedFrom: number): Key[] {
  return keys.map((one) => (one === key ? { ...one, usedFrom } : one))
}

function inOrder<Key extends PlannedKey>(keys: readonly Key[]): Key[] {
  return keys.toSorted((a, b) => a.usedFrom - b.usedFrom || a.madeAt - b.madeAt)
}
