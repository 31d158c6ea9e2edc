// Questions of a server reach the caller of the very request, and nobody but that caller can answer them.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  legacySession,
  post,
  postStream,
  type LegacySession,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Id, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

const CAPABILITIES = { elicitation: {}, roots: {}, sampling: {} }
const ACCEPTED = { action: 'accept', content: { name: 'Ada' } }

let edge: Edge
beforeAll(async () => {
  edge = await Edge.start({}, { era: '2025' })
})
afterAll(() => edge.close())

const sessions: LegacySession[] = []
let session: LegacySession
let other: LegacySession
beforeEach(async () => {
  session = await open()
  other = await open()
})
afterEach(async () => {
  for (const one of sessions.splice(0)) await one.delete()
  await until(() => edge.callsInFlight === 0, 'that no call is left')
})

async function open(version: string = '2025-11-25'): Promise<LegacySession> {
  const opened = await legacySession(edge.url, { capabilities: CAPABILITIES, version })
  sessions.push(opened)
  return opened
}

/** Calls a tool that asks; gives the stream and the question, which is the first message on it. */
async function ask(
  from: LegacySession,
  tool = 'ask_form',
): Promise<{ stream: RawStream; question: JsonObject; id: Id }> {
  const stream = await from.stream('tools/call', { name: `fx__${tool}`, arguments: {} })
  const question = (await stream.next()) ?? {}
  return { stream, question, id: question['id'] as Id }
}

async function answerOf(stream: RawStream): Promise<unknown> {
  const { result } = (await stream.next()) ?? {}
  const [content] = objectAt({ result }, 'result')['content'] as JsonObject[]
  return JSON.parse(String(content?.['text'])) as unknown
}

it('a question comes on the stream of the call, and its answer completes it', async () => {
  const { stream, question, id } = await ask(session)
  expect(question).toMatchObject({ jsonrpc: '2.0', method: 'elicitation/create' })
  expect(typeof id).toBe('string')
  const reply = await session.answer(id, ACCEPTED)
  expect([reply.status, reply.raw]).toEqual([202, ''])
  expect(await answerOf(stream)).toEqual({ form: ACCEPTED })
  expect(await stream.next()).toBeUndefined()
})

it('an error for an answer is one at the server', async () => {
  const { stream, id } = await ask(session, 'ask_roots')
  const error = { code: -32_099, message: 'the user has gone' }
  await post(edge.url, { jsonrpc: '2.0', id, error }, session.headers)
  expect(JSON.stringify(await stream.next())).toContain('refused: -32099')
})

it('row 32: an answer of another session is taken for none', async () => {
  const [mine, theirs] = [await ask(session), await ask(other)]
  expect(mine.id).not.toBe(theirs.id)
  for (const [from, id] of [
    [other, mine.id],
    [session, theirs.id],
  ] as const) {
    const reply = await from.answer(id, { action: 'accept', content: { name: 'Mallory' } })
    expect([reply.status, reply.raw]).toEqual([202, ''])
  }
  await session.answer(mine.id, ACCEPTED)
  await other.answer(theirs.id, { action: 'decline' })
  expect(await answerOf(mine.stream)).toEqual({ form: ACCEPTED })
  expect(await answerOf(theirs.stream)).toEqual({ form: { action: 'decline' } })
})

it('a second answer changes nothing', async () => {
  const { stream, id } = await ask(session)
  await session.answer(id, ACCEPTED)
  const late = await session.answer(id, { action: 'decline' })
  expect(late.status).toBe(202)
  expect(await answerOf(stream)).toEqual({ form: ACCEPTED })
})

it('questions of calls under way at once keep apart', async () => {
  const asked = await Promise.all([ask(session), ask(session), ask(session)])
  expect(new Set(asked.map(({ id }) => id)).size).toBe(3)
  await Promise.all(
    asked.toReversed().map(({ id }) => session.answer(id, { action: 'accept', content: { id } })),
  )
  for (const { stream, id } of asked) {
    expect(await answerOf(stream)).toEqual({ form: { action: 'accept', content: { id } } })
  }
})

it('a session that ends takes its calls and their questions with it', async () => {
  const { stream } = await ask(session)
  await session.delete()
  expect(await stream.next()).toBeUndefined()
  await until(() => edge.callsInFlight === 0, 'that the call is over')
})

it('a call that is cancelled takes its question with it', async () => {
  const stream = await session.stream(
    'tools/call',
    { name: 'fx__ask_form', arguments: {} },
    'cancelled',
  )
  const question = (await stream.next()) ?? {}
  await session.notify('notifications/cancelled', { requestId: 'cancelled' })
  expect(await stream.next()).toBeUndefined()
  const reply = await session.answer(question['id'] as Id, ACCEPTED)
  expect(reply.status).toBe(202)
  await until(() => edge.callsInFlight === 0, 'that the call is over')
})

describe('a batch', () => {
  it('has questions on its stream, each answered by itself or in a batch', async () => {
    const old = await open('2025-03-26')
    const call = { method: 'tools/call', params: { name: 'fx__ask_form', arguments: {} } }
    const stream = await postStream(
      edge.url,
      [
        { jsonrpc: '2.0', id: 'a', ...call },
        { jsonrpc: '2.0', id: 'b', ...call },
      ],
      old.headers,
    )
    const [first, second] = [await stream.next(), await stream.next()]
    const answers = [first, second].map((question) => ({
      jsonrpc: '2.0',
      id: question?.['id'],
      result: ACCEPTED,
    }))
    const reply = await post(edge.url, answers, old.headers)
    expect([reply.status, reply.raw]).toEqual([202, ''])
    const last = [await stream.next(), await stream.next()]
    expect(new Set(last.map((answer) => answer?.['id']))).toEqual(new Set(['a', 'b']))
  })
})
