import type { Reply } from '../core/stages.ts'
import type { StdioOutput } from './stdio-output.ts'

/** The answer to one request on a pipe that all answers share. */
export class StdioReply implements Reply {
  readonly #output: StdioOutput
  #done = false

  constructor(output: StdioOutput) {
    this.#output = output
  }

  notify(text: Buffer): boolean {
    return this.#done || this.#output.write([text])
  }

  onDrain(listener: () => void): void {
    if (this.#done) listener()
    else this.#output.onDrain(listener)
  }

  finish(text: readonly Buffer[]): void {
    if (this.#done) return
    this.#done = true
    this.#output.write(text)
  }

  /** Ends without a response: the caller withdrew the request. */
  abandon(): void {
    this.#done = true
  }
}
