/** Counts by keys of several parts, each of which is of a closed list. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(...parts: readonly string[]): void {
    const key = parts.join('\n')
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  *entries(): Iterable<readonly [parts: readonly string[], count: number]> {
    for (const [key, count] of this.#counts) yield [key.split('\n'), count]
  }
}
