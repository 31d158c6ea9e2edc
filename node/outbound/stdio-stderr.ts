import type { Logger } from '../core/logger.ts'

/** How much of the last words of a process is kept. */
const KEPT_LINES = 20
const KEPT_CHARACTERS = 4_096

/** What a process writes to stderr: to the log line by line, the last lines kept to explain its end. */
export class StderrTail {
  readonly #log: Logger
  readonly #facts: { readonly upstream: string }
  #rest = ''
  #lines: string[] = []
  #characters = 0

  constructor(log: Logger, upstream: string) {
    this.#log = log
    this.#facts = { upstream }
  }

  /** Takes the next text. */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
    // A program that never ends its line must not fill the memory.
    while (this.#rest.length > KEPT_CHARACTERS) {
      this.#line(this.#rest.slice(0, KEPT_CHARACTERS))
      this.#rest = this.#rest.slice(KEPT_CHARACTERS)
    }
  }

  /** The last lines, an unfinished one included. */
  text(): string {
    const lines = this.#rest === '' ? this.#lines : [...this.#lines, this.#rest]
    return lines.join('\n').slice(-KEPT_CHARACTERS)
  }

  #line(line: string): void {
    const text = line.trimEnd().slice(0, KEPT_CHARACTERS)
    if (text === '') return
    this.#log.debug({ ...this.#facts, stderr: text }, 'the process wrote to stderr')
    this.#lines.push(text)
    this.#characters += text.length
    while (this.#lines.length > KEPT_LINES || this.#characters > KEPT_CHARACTERS) {
      this.#characters -= this.#lines.shift()?.length ?? 0
    }
  }
}
