import { missingFor } from '../../protocol/input-required.ts'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import { removeMembers, splice } from '../../protocol/json-edit.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import type { ClientCapabilities } from '../../protocol/client-capabilities.ts'
import type { Respond } from '../outbound/connection.ts'
import { refusal, withdrawal, writeAnswer, type UpstreamQuestion } from './questions.ts'

/** Questions one call may have open at once. */
const MAX_OPEN = 16

interface Open {
  readonly question: UpstreamQuestion
  readonly respond: Respond
}

/**
 * The questions of a 2025 upstream in a call of a 2026 caller: they are put as `input_required`, and the retry answers
 * them. Several that come together are put together.
 */
export class ParkedQuestions {
  readonly #open = new Map<string, Open>()
  #count = 0

  get empty(): boolean {
    return this.#open.size === 0
  }

  /** Takes a question in; false when it was refused. */
  add(question: UpstreamQuestion, respond: Respond, capabilities: ClientCapabilities): boolean {
    if (missingFor(capabilities, question) !== undefined) {
      respond(refusal(question))
      return false
    }
    if (this.#open.size >= MAX_OPEN) {
      respond(withdrawal(question, `more than ${MAX_OPEN} questions are open for one request`))
      return false
    }
    this.#count += 1
    this.#open.set(`input-${this.#count}`, { question, respond })
    return true
  }

  /** The upstream wants no answer any more. */
  withdraw(id: unknown): void {
    for (const [key, { question }] of this.#open) if (question.id === id) this.#open.delete(key)
  }

  /** The JSON text of `inputRequests`. */
  write(uris: (question: UpstreamQuestion & { readonly params: Buffer }) => Buffer): string {
    const texts = [...this.#open].map(([key, { question }]) => {
      const { method, params } = question
      const shown =
        params === undefined ? '{}' : modern(uris({ ...question, params })).toString('utf8')
      return `${JSON.stringify(key)}:{"method":${JSON.stringify(method)},"params":${shown}}`
    })
    return `{${texts.join(',')}}`
  }

  /** Hands the answers of a retry over; what it does not answer stays open. */
  answer({ raw, paramMembers }: RpcRequest): void {
    const place = memberOf(paramMembers, 'inputResponses')
    if (place === undefined || raw[place.start] !== 0x7b) return
    const answers = members(raw, place.start)
    for (const [key, { question, respond }] of this.#open) {
      const found = memberOf(answers, key)
      if (found === undefined || raw[found.start] !== 0x7b) continue
      this.#open.delete(key)
      respond(writeAnswer(question.id, { result: raw.subarray(found.start, found.end) }))
    }
  }
}

/** Members that mean something to a 2025 client only. */
const OLD: ReadonlySet<string> = new Set(['elicitationId', 'task'])

function modern(params: Buffer): Buffer {
  return splice(
    params,
    removeMembers(members(params, 0), ({ key }) => OLD.has(key)),
  )
}
