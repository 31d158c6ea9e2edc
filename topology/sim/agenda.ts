interface Item {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** What happens when, in virtual time. What is due at one time runs in the order it was put down. */
export class Agenda {
  readonly #heap: Item[] = []
  #order = 0
  #now = 0

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** Things still to come. */
  get size(): number {
    return this.#heap.length
  }

  /** When the next thing is; undefined when nothing is to come. */
  get next(): number | undefined {
    return this.#heap[0]?.at
  }

  /** Puts something down. @param at not before now */
  add(at: number, run: () => void): void {
    const item: Item = { at: Math.max(at, this.#now), order: this.#order, run }
    this.#order += 1
    const heap = this.#heap
    let index = heap.push(item) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, item)) break
      heap[index] = parent
      index = above
    }
    heap[index] = item
  }

  /** Runs the next thing. Gives false when there is none up to `until`. */
  step(until: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.at > until) {
      this.#now = Math.max(this.#now, Math.min(until, Number.MAX_SAFE_INTEGER))
      return false
    }
    this.#removeFirst()
    this.#now = first.at
    first.run()
    return true
  }

  /** Runs all up to a time, and what comes of it. */
  runUntil(until: number): void {
    while (this.step(until));
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      const [left, right] = [heap[below], heap[below + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) below += 1
      const child = heap[below]
      if (child === undefined || isBefore(last, child)) break
      heap[index] = child
      index = below
    }
    heap[index] = last
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
