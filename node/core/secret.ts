import { inspect } from 'node:util'

const PRINTED = '[secret]'

/**
 * A configured value that must never be printed: every ordinary way to turn it into text gives `[secret]`.
 *
 * The value itself leaves only through {@link Secret.reveal}, so that a search for that word finds every use.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value. Call it where the value is used, and keep the result nowhere. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return PRINTED
  }

  toJSON(): string {
    return PRINTED
  }
}

// Not a method: isolated declarations cannot name a computed member.
Object.defineProperty(Secret.prototype, inspect.custom, { value: () => PRINTED })
