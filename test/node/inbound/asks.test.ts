// Questions to callers of the 2025 era: each answer finds its own, and nothing else finds any.
import { beforeEach, describe, expect, test } from 'vitest'
import type { Asked, CallerAnswer, Question } from '../../../node/core/stages.ts'
import { Asks } from '../../../node/inbound/asks.ts'
import type { Questions } from '../../../node/inbound/http-reply.ts'
import { isObject, type JsonObject } from '../../fixtures/wire.ts'
import { read } from './desk.ts'

let asks: Asks
let sent: JsonObject[]
let questions: Questions

beforeEach(() => {
  asks = new Asks()
  sent = []
  questions = requestOf('s1')
})

function requestOf(session: string): Questions {
  return asks.of(session, (text) => sent.push(JSON.parse(text.toString()) as JsonObject))
}

const ROOTS: Question = { method: 'roots/list', params: () => undefined }

const WITH_TOKEN: Question = {
  method: 'sampling/createMessage',
  params: (id) => Buffer.from(`{"_meta":{"progressToken":"${id}"}}`),
}

const BROKEN: Question = {
  method: 'roots/list',
  params: () => {
    throw new Error('no params')
  },
}

/** A question, and what comes of it. */
interface Pending {
  readonly asked: Asked
  readonly answers: CallerAnswer[]
  readonly progress: unknown[]
  /** As it went out. */
  readonly message: JsonObject
}

function ask(from: Questions = questions, question: Question = ROOTS): Pending {
  const answers: CallerAnswer[] = []
  const progress: unknown[] = []
  const asked = from.ask(question, {
    answered: (answer) => answers.push(answer),
    progress: (notification) => progress.push(notification.param('progress')),
  })
  return { asked, answers, progress, message: sent.at(-1) ?? {} }
}

function respond(session: string, message: object): void {
  const response = read(message)
  if (response.kind !== 'response') throw new Error('no response')
  asks.takeResponse(session, response)
}

function report(session: string, params: object): void {
  const notification = read({ method: 'notifications/progress', params })
  if (notification.kind !== 'notification') throw new Error('no notification')
  asks.takeProgress(session, notification)
}

function textOf(answer: CallerAnswer | undefined): unknown {
  if (answer === undefined) return undefined
  const [kind, text] = 'result' in answer ? ['result', answer.result] : ['error', answer.error]
  return { [kind]: JSON.parse(text.toString()) as unknown }
}

describe('an answer', () => {
  test('reaches its question, once', () => {
    const { message, answers } = ask()
    expect(message).toEqual({ jsonrpc: '2.0', id: expect.any(String), method: 'roots/list' })
    respond('s1', { id: message['id'], result: { roots: [] } })
    respond('s1', { id: message['id'], result: { roots: [1] } })
    expect(answers.map(textOf)).toEqual([{ result: { roots: [] } }])
    expect(asks.size).toBe(0)
  })

  test('keeps its bytes, errors too', () => {
    const [first, second] = [ask(), ask()]
    respond('s1', { id: first.message['id'], result: { a: 1.5, b: [' x'] } })
    respond('s1', { id: second.message['id'], error: { code: -1, message: 'no', data: [1] } })
    const [answer] = first.answers
    expect(answer).toEqual({ result: Buffer.from('{"a":1.5,"b":[" x"]}') })
    expect(second.answers.map(textOf)).toEqual([{ error: { code: -1, message: 'no', data: [1] } }])
  })

  test('row 32: under the id of another, of another session, or of none is dropped', () => {
    const [mine, foreign] = [ask(), ask(requestOf('s2'))]
    expect(mine.message['id']).not.toBe(foreign.message['id'])
    const ids = [foreign.message['id'], '1', 1, null, `${String(mine.message['id'])}0`, '']
    for (const id of ids) respond('s1', { id, result: {} })
    respond('s2', { id: mine.message['id'], result: {} })
    expect([mine.answers, foreign.answers]).toEqual([[], []])
    expect(asks.size).toBe(2)
  })

  test('that is none in the terms of JSON-RPC is an error, and the last', () => {
    const bad = [
      { result: 5 },
      { result: [] },
      { error: 'no' },
      { error: { code: 'x', message: 'no' } },
      { error: { code: 1 } },
      { result: {}, error: { code: 1, message: 'both' } },
    ]
    for (const body of bad) {
      const { message, answers } = ask()
      respond('s1', { id: message['id'], ...body })
      expect(answers.map(textOf)).toEqual([
        { error: { code: -32_603, message: expect.any(String) as string } },
      ])
    }
    expect(asks.size).toBe(0)
  })

  test('that comes after the reply is finished is dropped, and nothing is asked then', () => {
    const { message, answers } = ask()
    questions.drop()
    respond('s1', { id: message['id'], result: {} })
    expect(answers).toEqual([])
    const late = ask()
    expect(sent).toHaveLength(1)
    late.asked.cancel('never mind')
    expect(sent).toHaveLength(1)
    expect(asks.size).toBe(0)
  })
})

describe('a question', () => {
  test('carries params made for its id', () => {
    const { message } = ask(questions, WITH_TOKEN)
    expect(message).toMatchObject({
      method: 'sampling/createMessage',
      params: { _meta: { progressToken: message['id'] } },
    })
  })

  test('whose params cannot be made is not asked', () => {
    expect(() => ask(questions, BROKEN)).toThrow('no params')
    expect([sent, asks.size]).toEqual([[], 0])
  })

  test('hears of progress under its id, until it is answered', () => {
    const [mine, foreign] = [ask(), ask(requestOf('s2'))]
    report('s1', { progressToken: mine.message['id'], progress: 1 })
    report('s2', { progressToken: mine.message['id'], progress: 2 })
    report('s1', { progressToken: foreign.message['id'], progress: 3 })
    report('s1', { progress: 4 })
    respond('s1', { id: mine.message['id'], result: {} })
    report('s1', { progressToken: mine.message['id'], progress: 5 })
    expect([mine.progress, foreign.progress]).toEqual([[1], []])
  })

  test('that is withdrawn is cancelled on the same stream, and answered no more', () => {
    const { asked, message, answers } = ask()
    asked.cancel('too late')
    asked.cancel('twice')
    expect(sent.slice(1)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: message['id'], reason: 'too late' },
      },
    ])
    respond('s1', { id: message['id'], result: {} })
    expect(answers).toEqual([])
  })

  test('that is answered can no longer be withdrawn', () => {
    const { asked, message } = ask()
    respond('s1', { id: message['id'], result: {} })
    asked.cancel('too late')
    expect(sent).toHaveLength(1)
  })

  test('is one of sixteen at most that a request has open', () => {
    const open = Array.from({ length: 16 }, () => ask())
    expect(() => ask()).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error)
    expect(sent).toHaveLength(16)
    expect(ask(requestOf('s1')).message['id']).toEqual(expect.any(String))
    respond('s1', { id: open[3]?.message['id'], result: {} })
    expect(() => ask()).not.toThrow()
  })

  test('has an id that no other process gives', () => {
    const ids = [asks, new Asks(), new Asks()].map((one) => one.newId())
    expect(new Set(ids).size).toBe(3)
  })

  test('of a session that has ended is answered for it', () => {
    const [mine, other] = [ask(), ask(requestOf('s2'))]
    asks.end('s1')
    expect(mine.answers.map(textOf).every((answer) => isObject(answer) && 'error' in answer)).toBe(
      true,
    )
    expect([mine.answers.length, other.answers.length, asks.size]).toEqual([1, 0, 1])
  })
})
