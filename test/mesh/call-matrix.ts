// What every call must survive, whatever the eras of the caller and of the links it passes.
import { beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type Id, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, paramsSeen, textOf, type MeshCaller, type PendingCall } from './caller.ts'

/** What the matrix is run over. */
export interface MatrixSubject {
  /** The server at the far end. */
  readonly fixture: FixtureServer
  /** What lies between, the outermost first. */
  readonly nodes: readonly BanyanNode[]
  /** The endpoint at the near end; tools are in the namespace `fx`. */
  readonly url: string
}

const MIB = 1_024 * 1_024

/** The eras of the links, from the outermost inwards. */
export function erasOf({ nodes }: MatrixSubject): readonly (Era | undefined)[] {
  return nodes.map((node) => node.status().upstreams[0]?.era)
}

/** Ids of the calls the server was told to stop, in the way of its era. */
export function cancelsOf({ era, cancelled }: FixtureServer): readonly Id[] {
  return era === '2025' ? cancelled.ids : cancelled.closed
}

/**
 * Declares the tests of the matrix for a caller of one era. The subject is asked for when the tests run.
 *
 * @param by how the caller calls; default directly
 */
export function callMatrix(
  era: Era,
  subject: () => MatrixSubject,
  by: (caller: MeshCaller) => MeshCaller = (caller) => caller,
): void {
  describe(`row 8: ${era} caller`, () => {
    let caller: MeshCaller

    beforeAll(async () => {
      caller = by(await callerOf(era, subject().url))
    })

    plainAnswers(() => caller)
    errorAnswers(() => caller)
    conversation(() => caller, subject)

    test('unknown fields and _meta keys survive both ways', async () => {
      const { fixture } = subject()
      fixture.settings.decorate = decorated
      const params = { name: 'fx__meta', arguments: { odd: 1e21 }, futureParam: { x: [true] } }
      const reply = await caller.ask('tools/call', params, { meta: VENDOR_META })
      delete fixture.settings.decorate
      const seen = paramsSeen(reply)
      expect(seen).toMatchObject({ ...params, name: 'meta' })
      expect(seen['_meta']).toMatchObject(VENDOR_META)
      expect(reply.result['futureMember']).toEqual([1, { two: null }])
      expect(reply.result['_meta']).toMatchObject(VENDOR_META)
    })

    test('1 MiB each way', async () => {
      const message = 'ü'.repeat(MIB / 2)
      expect(textOf(await caller.call('fx__echo', { message })) === message).toBe(true)
      expect(textOf(await caller.call('fx__big', { bytes: MIB }))).toHaveLength(MIB)
    })

    test('the server is treated by the book', async () => {
      const { fixture } = subject()
      await caller.call('fx__echo', { message: 'x' }, { id: 1, progressToken: 1 })
      expect(fixture.calls('echo').length).toBeGreaterThan(0)
      expect(fixture.violations).toEqual([])
      expect(fixture.collisions).toEqual([])
    })
  })
}

const VENDOR_META: JsonObject = { 'com.example/note': { deep: [1, 'ü'] }, plain: null }

function decorated(_method: string, result: JsonObject): JsonObject {
  const meta = { ...objectAt(result, '_meta'), ...VENDOR_META }
  return { ...result, futureMember: [1, { two: null }], _meta: meta }
}

function plainAnswers(caller: () => MeshCaller): void {
  test('echo', async () => {
    const reply = await caller().call('fx__echo', { message: 'grüße ☃ \u2028 "\\' })
    expect(reply.status).toBe(200)
    expect(textOf(reply)).toBe('grüße ☃ \u2028 "\\')
  })

  test('structuredContent', async () => {
    const { result } = await caller().call('fx__add', { a: 2, b: 0.5 })
    expect(result['structuredContent']).toEqual({ sum: 2.5 })
  })
}

function errorAnswers(caller: () => MeshCaller): void {
  test('isError is a result', async () => {
    const { result } = await caller().call('fx__fail')
    const content = [{ type: 'text', text: 'failed as asked' }]
    expect(result).toMatchObject({ isError: true, content })
  })

  test.each([
    { code: 4711, message: 'grüße', data: { deep: [1, null, { ü: 'x' }], big: 2 ** 53 } },
    { code: -32_602, message: 'the tool says so', data: 'a string' },
    { code: -32_603, message: 'no data' },
  ])('error $code keeps message and data', async (error) => {
    const reply = await caller().call('fx__error', error)
    expect(reply.error).toEqual(error)
  })
}

function conversation(caller: () => MeshCaller, subject: () => MatrixSubject): void {
  test.each(['a token', 77])('progress of %s, in order and before the result', async (token) => {
    const { messages } = await caller().call('fx__progress', { steps: 4 }, { progressToken: token })
    const heard = messages.slice(0, -1).map(({ method, params }) => ({ method, params }))
    expect(heard).toEqual(
      [1, 2, 3, 4].map((progress) => ({
        method: 'notifications/progress',
        params: { progressToken: token, progress, total: 4 },
      })),
    )
    expect(textOf({ result: objectAt(messages.at(-1), 'result') })).toBe('4 steps')
  })

  test('a cancel reaches its own call only', async () => {
    const { fixture } = subject()
    const { kept, given, doomed, before } = await twoSlowCalls(caller(), fixture)
    await given.cancel()
    await until(() => cancelsOf(fixture).length > before, 'the cancel at the server')
    fixture.gate.open()
    expect(await given.answer).toBeUndefined()
    expect(textOf({ result: objectAt(await kept.answer, 'result') })).toBe('kept')
    expect(cancelsOf(fixture).slice(before)).toEqual([doomed])
  })
}

interface TwoCalls {
  readonly kept: PendingCall
  readonly given: PendingCall
  /** Id at the server of the call that will be given up. */
  readonly doomed: Id | undefined
  /** Cancels the server had heard before. */
  readonly before: number
}

async function twoSlowCalls(caller: MeshCaller, fixture: FixtureServer): Promise<TwoCalls> {
  fixture.gate.shut()
  const seen = fixture.calls('slow').length
  const before = cancelsOf(fixture).length
  const kept = caller.begin('fx__slow', { message: 'kept' })
  const given = caller.begin('fx__slow', { message: 'given up' })
  await until(() => fixture.calls('slow').length === seen + 2, 'both calls at the server')
  const arrived = fixture.calls('slow').slice(seen)
  const doomed = arrived.find(({ params }) => objectAt(params, 'arguments')['message'] !== 'kept')
  return { kept, given, doomed: doomed?.id, before }
}
