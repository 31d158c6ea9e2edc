/** A value in a ring, and the way to take it out again. */
export interface Place<T> {
  readonly value: T
  before: Place<T> | undefined
  after: Place<T> | undefined
}

/**
 * The values that are under way, in the order they came. For what comes and goes with each request: a Set or Map that is
 * filled and emptied all the time makes its table anew every few steps, and what it held outlives the young generation.
 */
export class Ring<T> {
  #first: Place<T> | undefined
  #last: Place<T> | undefined

  get empty(): boolean {
    return this.#first === undefined
  }

  add(value: T): Place<T> {
    const place: Place<T> = { value, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    return place
  }

  /** Takes a value out. Once only: a place that is out already must not be given again. */
  remove(place: Place<T>): void {
    if (place.before === undefined) this.#first = place.after
    else place.before.after = place.after
    if (place.after === undefined) this.#last = place.before
    else place.after.before = place.before
  }

  /** The values now; what is done with one may add and remove others. */
  values(): T[] {
    const found: T[] = []
    for (let place = this.#first; place !== undefined; place = place.after) found.push(place.value)
    return found
  }
}
