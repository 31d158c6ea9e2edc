import type { Asked, Question, QuestionSink, Reply } from '../core/stages.ts'
import type { Questions } from './http-reply.ts'
import type { StdioOutput } from './stdio-output.ts'

/** The answer to one request on a pipe that all answers share. */
export class StdioReply implements Reply {
  readonly #output: StdioOutput
  readonly #questions: (() => Questions) | undefined
  #asking: Questions | undefined
  #done = false

  /** @param questions makes what asks the caller; undefined for one of era 2026 */
  constructor(output: StdioOutput, questions?: () => Questions) {
    this.#output = output
    this.#questions = questions
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
    this.#end()
    this.#output.write(text)
  }

  /** @throws TypeError when the caller is not one of era 2025 */
  ask(question: Question, sink: QuestionSink): Asked {
    if (this.#questions === undefined) {
      throw new TypeError('a caller of era 2026 takes no requests')
    }
    this.#asking ??= this.#questions()
    if (this.#done) this.#asking.drop()
    return this.#asking.ask(question, sink)
  }

  /** Ends without a response: the caller withdrew the request. */
  abandon(): void {
    this.#end()
  }

  #end(): void {
    this.#done = true
    this.#asking?.drop()
  }
}
