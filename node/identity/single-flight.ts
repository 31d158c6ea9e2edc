/** Work that is under way is shared by all who ask for the same in the meantime. */
export class SingleFlight<Key, Value> {
  readonly #underWay = new Map<Key, Promise<Value>>()

  /** How many keys are being worked for. */
  get size(): number {
    return this.#underWay.size
  }

  /** The outcome of the work under way for `key`, or else of `work`; a failure is shared as well, and not kept. */
  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const running = this.#underWay.get(key)
    if (running !== undefined) return running
    const started = work().finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, started)
    return started
  }
}
