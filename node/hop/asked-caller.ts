import { randomBytes } from 'node:crypto'
import { asFault, Fault } from '../../protocol/errors.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import type { Retry } from '../../protocol/hop-request.ts'
import { missingFor, type InputRequest } from '../../protocol/input-required.ts'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import { insertMembers, splice, type Edit } from '../../protocol/json-edit.ts'
import type { RpcId, RpcNotification } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { Asked, CallerAnswer, Received } from '../core/stages.ts'
import type { Respond } from '../outbound/connection.ts'
import { refusal, withdrawal, writeAnswer, type UpstreamQuestion } from './questions.ts'

/** What asking needs of the call it is done for. */
export interface AskingCall {
  readonly received: Received
  /** Makes what the params of a question name mean the same to the caller. */
  paramsForCaller(question: { readonly method: string; readonly params: Buffer }): Buffer
  /** Makes what the answer to a question names mean the same to the upstream. */
  resultForUpstream(result: Buffer): Buffer
  /** The caller has been asked: until it has answered, the upstream is not the one that is late. */
  waiting(): void
  answered(): void
  /** Sends the call again, with what the caller answered. */
  again(retry: Retry): void
  fail(fault: Fault): void
}

/** Asks a caller of era 2025, by requests on the stream of its own. */
export class AskedCaller {
  readonly #call: AskingCall
  readonly #open = new Map<RpcId, Asked>()
  /** Questions that are with the caller. */
  #count = 0

  constructor(call: AskingCall) {
    this.#call = call
  }

  /** Passes on a request of an upstream of the same era. */
  ask(question: UpstreamQuestion, respond: Respond): void {
    const { received } = this.#call
    const { id, params } = question
    if (missingFor(received.caller.capabilities, question) !== undefined) {
      respond(refusal(question))
      return
    }
    const token = tokenOf(params)
    try {
      const asked = this.#put(question, {
        answered: (answer) => {
          this.#open.delete(id)
          respond(writeAnswer(id, this.#forUpstream(answer)))
        },
        progress: (notification) => {
          if (token !== undefined) respond(progressFor(token, notification))
        },
      })
      this.#open.set(id, asked)
    } catch (error) {
      respond(withdrawal(question, asFault(error).message))
    }
  }

  /** The upstream wants no answer any more. */
  withdraw(id: RpcId): void {
    const asked = this.#open.get(id)
    if (asked === undefined) return
    this.#open.delete(id)
    asked.cancel('the server has withdrawn the question')
    this.#answered()
  }

  #answered(): void {
    this.#count -= 1
    if (this.#count === 0) this.#call.answered()
  }

  /**
   * Asks all that a 2026 upstream wants to know, and sends the call again with the answers.
   *
   * @param state JSON text of its `requestState`; empty when it gave none
   */
  gather(requests: readonly InputRequest[], state: string): void {
    const answers = new Map<string, Buffer>()
    const retry = (): void => {
      const texts = requests.map(({ key }) => `${JSON.stringify(key)}:${String(answers.get(key))}`)
      const inputResponses = texts.length === 0 ? '' : `{${texts.join(',')}}`
      this.#call.again({ inputResponses, requestState: state })
    }
    if (requests.length === 0) retry()
    for (const request of requests) {
      this.#put(request, {
        answered: (answer) => {
          const text = responseOf(request, answer)
          if (text === undefined) return this.#refused(request)
          answers.set(request.key, text)
          if (answers.size === requests.length) retry()
        },
        // Era 2026 has nobody who would hear it.
        progress: () => undefined,
      })
    }
  }

  #forUpstream(answer: CallerAnswer): CallerAnswer {
    if ('error' in answer) return answer
    return { result: this.#call.resultForUpstream(answer.result) }
  }

  #refused({ method }: InputRequest): void {
    const text = `the client answered ${method} with an error`
    this.#call.fail(new Fault('input_refused', text, { data: { method } }))
  }

  #put(
    { method, params }: Omit<InputRequest, 'key'>,
    sink: { answered(answer: CallerAnswer): void; progress(notification: RpcNotification): void },
  ): Asked {
    const { received } = this.#call
    const shown = params === undefined ? undefined : this.#call.paramsForCaller({ method, params })
    const asked = received.reply.ask(
      { method, params: (id) => (shown === undefined ? undefined : paramsFor(method, shown, id)) },
      {
        answered: (answer) => {
          this.#answered()
          sink.answered(answer)
        },
        progress: (notification) => sink.progress(notification),
      },
    )
    this.#count += 1
    this.#call.waiting()
    return asked
  }
}

/** What a 2026 upstream is told; undefined where it has no word for what the caller answered. */
function responseOf({ method }: InputRequest, answer: CallerAnswer): Buffer | undefined {
  if ('result' in answer) return answer.result
  // A client that cannot show a form has not declined it (MCP 2026-07-28, client/elicitation).
  return method === 'elicitation/create' ? Buffer.from('{"action":"cancel"}') : undefined
}

/** The params of a question as a 2025 caller gets them: our token, and the id that URL elicitation has in this era. */
function paramsFor(method: string, params: Buffer, id: string): Buffer {
  const list = members(params, 0)
  const edits: Edit[] = []
  const token = tokenPlace(params)
  if (token !== undefined) edits.push({ ...token, text: JSON.stringify(id) })
  const mode = memberOf(list, 'mode')
  const url = mode !== undefined && readValue(params, mode) === 'url'
  if (method === 'elicitation/create' && url && memberOf(list, 'elicitationId') === undefined) {
    const minted = randomBytes(12).toString('base64url')
    edits.push(insertMembers(params, 0, `"elicitationId":"${minted}"`))
  }
  return splice(params, edits)
}

function tokenPlace(params: Buffer): { start: number; end: number } | undefined {
  const meta = memberOf(members(params, 0, undefined, META_ONLY), '_meta')?.inside ?? []
  const token = memberOf(meta, META.progressToken)
  return token === undefined ? undefined : { start: token.start, end: token.end }
}

const META_ONLY: ReadonlySet<string> = new Set(['_meta'])

function tokenOf(params: Buffer | undefined): unknown {
  const place = params === undefined ? undefined : tokenPlace(params)
  return params === undefined || place === undefined ? undefined : readValue(params, place)
}

function progressFor(token: unknown, notification: RpcNotification): Buffer {
  const [progress, total, message] = ['progress', 'total', 'message'].map((key) =>
    notification.param(key),
  )
  return writeNotification('notifications/progress', {
    progressToken: token,
    progress,
    ...(total !== undefined && { total }),
    ...(message !== undefined && { message }),
  })
}
