import { randomBytes } from 'node:crypto'
import { Fault, RPC } from '../../protocol/errors.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import { isObject, type RpcNotification, type RpcResponse } from '../../protocol/jsonrpc.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import type { Asked, CallerAnswer, Question, QuestionSink } from '../core/stages.ts'
import type { QuestionMaker, Questions } from './http-reply.ts'

/** Questions one request may have open at once. */
const MAX_OPEN = 16

/** A question that is not asked. */
const UNASKED: Asked = { cancel: () => undefined }

/** A question without an answer yet. */
interface OpenQuestion {
  readonly session: string
  readonly sink: QuestionSink
  /** Takes it out of what its request has open. */
  readonly closed: () => void
}

/**
 * The questions to callers of the 2025 era that are open. A caller is asked on the stream of its own request and answers
 * by a message of its own, which finds its question by id and session: it never reaches that of another session.
 */
export class Asks implements QuestionMaker {
  // A late answer to a question of an earlier process must not find one of this.
  readonly #run = randomBytes(6).toString('base64url')
  #count = 0
  readonly #open = new Map<string, OpenQuestion>()

  /** Questions that are open. */
  get size(): number {
    return this.#open.size
  }

  of(session: string, send: (text: Buffer) => void): Questions {
    return new RequestQuestions(this, { session, send })
  }

  /** An id no other question has had. */
  newId(): string {
    this.#count += 1
    return `${this.#run}-${this.#count}`
  }

  add(id: string, question: OpenQuestion): void {
    this.#open.set(id, question)
  }

  /** Forgets a question; false when it was not open. */
  delete(id: string): boolean {
    const question = this.#open.get(id)
    question?.closed()
    return this.#open.delete(id)
  }

  /** Takes a response of a caller; one to a question that is not open in its session is dropped. */
  takeResponse(session: string, response: RpcResponse): void {
    const { id } = response
    const question = this.#find(session, id)
    if (question === undefined || typeof id !== 'string') return
    this.delete(id)
    question.sink.answered(answerIn(response))
  }

  /** Takes `notifications/progress` of a caller; only what comes under the id of an open question is heard. */
  takeProgress(session: string, notification: RpcNotification): void {
    this.#find(session, notification.param('progressToken'))?.sink.progress(notification)
  }

  /** A session ended: nobody is left to answer, and whoever asked is told so. */
  end(session: string): void {
    for (const [id, question] of this.#open) {
      if (question.session !== session) continue
      this.delete(id)
      question.sink.answered(failure('the session was ended'))
    }
  }

  #find(session: string, id: unknown): OpenQuestion | undefined {
    const question = typeof id === 'string' ? this.#open.get(id) : undefined
    return question?.session === session ? question : undefined
  }
}

/** The questions of one request. */
class RequestQuestions implements Questions {
  readonly #asks: Asks
  readonly #session: string
  readonly #send: (text: Buffer) => void
  readonly #ids = new Set<string>()
  #dropped = false

  constructor(asks: Asks, to: { readonly session: string; readonly send: (text: Buffer) => void }) {
    this.#asks = asks
    this.#session = to.session
    this.#send = to.send
  }

  /** @throws Fault `overloaded` */
  ask({ method, params }: Question, sink: QuestionSink): Asked {
    if (this.#dropped) {
      // Whoever asks must not wait for somebody who has gone; not before it knows that it has asked.
      queueMicrotask(() => sink.answered(failure('the client has gone')))
      return UNASKED
    }
    if (this.#ids.size >= MAX_OPEN) {
      throw new Fault('overloaded', `more than ${MAX_OPEN} questions are open for one request`)
    }
    const id = this.#asks.newId()
    const text = writeQuestion(id, method, params(id))
    this.#ids.add(id)
    this.#asks.add(id, { session: this.#session, sink, closed: () => this.#ids.delete(id) })
    this.#send(text)
    return {
      cancel: (reason) => {
        if (!this.#asks.delete(id)) return
        this.#send(writeNotification('notifications/cancelled', { requestId: id, reason }))
      },
    }
  }

  drop(): void {
    this.#dropped = true
    for (const id of this.#ids) this.#asks.delete(id)
  }
}

function writeQuestion(id: string, method: string, params: Buffer | undefined): Buffer {
  const head = JSON.stringify({ jsonrpc: '2.0', id, method })
  if (params === undefined) return Buffer.from(head)
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"params":`), params, Buffer.from('}')])
}

/** What a response says. One that says nothing in the terms of JSON-RPC is an answer too: nothing better will come. */
function answerIn({ raw, members }: RpcResponse): CallerAnswer {
  const [result, error] = [memberOf(members, 'result'), memberOf(members, 'error')]
  if (result !== undefined && error === undefined && isObject(readValue(raw, result))) {
    return { result: raw.subarray(result.start, result.end) }
  }
  if (error !== undefined && result === undefined && isError(readValue(raw, error))) {
    return { error: raw.subarray(error.start, error.end) }
  }
  return failure('the client answered with neither a result nor an error')
}

function isError(value: unknown): boolean {
  return isObject(value) && Number.isInteger(value['code']) && typeof value['message'] === 'string'
}

function failure(message: string): CallerAnswer {
  return { error: Buffer.from(JSON.stringify({ code: RPC.internalError, message })) }
}
