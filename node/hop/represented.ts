import type { Principal } from '../core/principal.ts'

/** Callers remembered for each key, and keys at each endpoint. */
const MOST = { callers: 1_000, keys: 1_000 } as const

/**
 * Whom the nodes in front speak for. A node listens once, in its own name, for all its callers: it is told of what any of
 * them can see. That tokens are its callers' is proved by the one key all of them are bound to (RFC 9449), which nobody
 * else has; tokens without one prove nothing.
 */
export class Represented {
  readonly #byKey = new Map<string, Map<string, Principal>>()

  /** A node asked for a list on behalf of a caller. */
  remember(principal: Principal): void {
    const key = keyOf(principal)
    if (key === undefined) return
    const callers = this.#byKey.get(key) ?? new Map<string, Principal>()
    this.#byKey.delete(key)
    this.#byKey.set(key, callers)
    callers.delete(principal.key)
    callers.set(principal.key, principal)
    trim(callers, MOST.callers)
    trim(this.#byKey, MOST.keys)
  }

  /** A listener, and those it speaks for whose tokens are still good. */
  by(listener: Principal, now: number): readonly Principal[] {
    const key = keyOf(listener)
    const callers = key === undefined ? undefined : this.#byKey.get(key)
    if (callers === undefined) return [listener]
    const good = [...callers.values()].filter(({ expiresAt }) => expiresAt > now)
    return [listener, ...good]
  }
}

function keyOf({ claims }: Principal): string | undefined {
  return claims?.cnf?.jkt
}

function trim(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}
