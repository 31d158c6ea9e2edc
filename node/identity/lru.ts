/** A Map that holds so many entries; the one that was used longest ago makes room. */
export class Lru<Key, Value> {
  readonly #capacity: number
  readonly #entries = new Map<Key, Value>()

  /** @param capacity at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#capacity) return
    const oldest = this.#entries.keys().next()
    if (oldest.done !== true) this.#entries.delete(oldest.value)
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  /** Deletes every entry the test is true of, and says how many. */
  deleteWhere(test: (value: Value, key: Key) => boolean): number {
    const before = this.#entries.size
    for (const [key, value] of this.#entries) if (test(value, key)) this.#entries.delete(key)
    return before - this.#entries.size
  }

  clear(): void {
    this.#entries.clear()
  }
}
