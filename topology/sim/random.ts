/** A source of numbers that a seed repeats (xoshiro128**, Blackman and Vigna 2018; seeded by splitmix32). */
export class SeededRandom {
  readonly #state: Uint32Array

  /** @param seed any integer */
  constructor(seed: number) {
    let word = seed >>> 0
    this.#state = Uint32Array.from({ length: 4 }, () => {
      word = (word + 0x9e3779b9) >>> 0
      const a = Math.imul(word ^ (word >>> 16), 0x21f0aaad)
      const b = Math.imul(a ^ (a >>> 15), 0x735a2d97)
      return (b ^ (b >>> 15)) >>> 0
    })
  }

  /** From 0 up to 1. */
  next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const e = c ^ a
    const f = d ^ b
    this.#state.set([a ^ f, b ^ e, e ^ (b << 9), rotate(f, 11)])
    return result / 2 ** 32
  }

  /** A whole number from 0 up to `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** One of them. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** Exponentially distributed with the given mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }

  /** A source of its own, so that what one part draws does not move the others. */
  fork(): SeededRandom {
    return new SeededRandom(this.below(2 ** 32))
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}
