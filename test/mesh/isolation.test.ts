// Callers who share one upstream session, and never notice each other.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { sseEvent, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  for (const fixture of fixtures) fixture.gate.open()
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function front(options: FixtureOptions): Promise<{ fixture: FixtureServer; url: string }> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  const node = await mesh.front('front', fixture.url)
  return { fixture, url: node.endpointUrl('main') }
}

function progressOf(messages: readonly JsonObject[]): unknown[] {
  return messages
    .filter(({ method }) => method === 'notifications/progress')
    .map((message) => objectAt(message, 'params'))
}

const PAIRS: readonly (readonly [Era, Era])[] = ERAS.flatMap((caller) =>
  ERAS.map((upstream) => [caller, upstream] as const),
)

describe.each(PAIRS)('callers of era %s, server of era %s', (era, upstream) => {
  test('row 44: equal ids and tokens of twenty callers never meet', async () => {
    const { fixture, url } = await front({ era: upstream })
    const callers = await Promise.all(Array.from({ length: 20 }, () => callerOf(era, url)))
    const replies = await Promise.all(
      callers.map((caller, index) =>
        caller.call('fx__progress', { steps: index + 1 }, { id: 1, progressToken: 1 }),
      ),
    )
    replies.forEach((reply, index) => {
      const total = index + 1
      expect(reply.answer['id']).toBe(1)
      expect(textOf(reply)).toBe(`${total} steps`)
      expect(progressOf(reply.messages)).toEqual(
        Array.from({ length: total }, (_, step) => ({
          progressToken: 1,
          progress: step + 1,
          total,
        })),
      )
    })
    expect(fixture.collisions).toEqual([])
    expect(fixture.violations).toEqual([])
  })

  test('row 44: progress of one never reaches another who waits', async () => {
    const { fixture, url } = await front({ era: upstream })
    const [a, b] = [await callerOf(era, url), await callerOf(era, url)]
    const waiting = b.call('fx__slow', { message: 'b' }, { id: 1, progressToken: 'same' })
    await until(() => fixture.calls('slow').length === 1, 'the call that waits')
    const { messages } = await a.call(
      'fx__progress',
      { steps: 5 },
      { id: 1, progressToken: 'same' },
    )
    expect(progressOf(messages)).toHaveLength(5)
    fixture.gate.open()
    const reply = await waiting
    expect(textOf(reply)).toBe('b')
    expect(reply.messages).toHaveLength(1)
  })

  test('a log message of one never reaches another who waits', async () => {
    const { fixture, url } = await front({ era: upstream })
    const meta = { 'io.modelcontextprotocol/logLevel': 'debug' }
    const options = era === '2026' ? { meta } : {}
    const [a, b] = [await callerOf(era, url), await callerOf(era, url)]
    const waiting = b.call('fx__slow', { message: 'b' }, options)
    await until(() => fixture.calls('slow').length === 1, 'the call that waits')
    const { messages } = await a.call('fx__log', { levels: ['error', 'info'] }, options)
    // A session of 2025 states its level to a server of 2026 by `logging/setLevel` only, which this one has not sent.
    const heard = era === '2025' && upstream === '2026' ? [] : ['error', 'info']
    const levels = messages.slice(0, -1).map((message) => objectAt(message, 'params')['level'])
    expect(levels).toEqual(heard)
    fixture.gate.open()
    expect((await waiting).messages).toHaveLength(1)
  })

  test('row 45: the last progress in the chunk of the result comes before it', async () => {
    const { fixture, url } = await front({ era: upstream })
    fixture.on('tools/call', (exchange) => {
      const { progressToken } = objectAt(exchange.request.params, '_meta')
      const progress = (step: number): string =>
        sseEvent({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, progress: step },
        })
      const result = { content: [{ type: 'text', text: 'done' }], resultType: 'complete' }
      const answer = sseEvent({ jsonrpc: '2.0', id: exchange.request.id, result })
      exchange.write(progress(1))
      // One write, and what comes after the result is too late.
      exchange.write(`${progress(2)}${progress(3)}${answer}${progress(4)}`)
      exchange.end()
    })
    const caller = await callerOf(era, url)
    for (let round = 0; round < 10; round += 1) {
      const { messages } = await caller.call('fx__echo', { message: 'x' }, { progressToken: 'p' })
      expect(progressOf(messages)).toEqual(
        [1, 2, 3].map((progress) => ({ progressToken: 'p', progress })),
      )
      expect(messages.at(-1)).toHaveProperty('result')
    }
  })

  test('row 45: progress that does not grow is dropped', async () => {
    const { fixture, url } = await front({ era: upstream })
    fixture.on('tools/call', (exchange) => {
      const { progressToken } = objectAt(exchange.request.params, '_meta')
      for (const progress of [1, 1, 3, 2, 4]) {
        exchange.notify('notifications/progress', { progressToken, progress })
      }
      exchange.notify('notifications/progress', { progressToken: 'of somebody else', progress: 9 })
      exchange.result({ content: [], resultType: 'complete' })
    })
    const caller = await callerOf(era, url)
    const { messages } = await caller.call('fx__echo', { message: 'x' }, { progressToken: 'p' })
    const steps = progressOf(messages) as { progress: number; progressToken: unknown }[]
    expect(steps.every(({ progressToken }) => progressToken === 'p')).toBe(true)
    expect(steps.map(({ progress }) => progress).slice(0, 3)).toEqual([1, 3, 4])
  })

  test('progress nobody asked for is not passed on', async () => {
    const { fixture, url } = await front({ era: upstream })
    fixture.on('tools/call', (exchange) => {
      exchange.notify('notifications/progress', { progressToken: exchange.request.id, progress: 1 })
      exchange.result({ content: [], resultType: 'complete' })
    })
    const caller = await callerOf(era, url)
    expect((await caller.call('fx__echo', { message: 'x' })).messages).toHaveLength(1)
  })
})

describe.each(PAIRS)('callers of era %s, one process of era %s', (era, upstream) => {
  test('row 44: fifty calls at once over one pipe', async () => {
    const node = await mesh.ready('front', {
      upstreams: { child: { stdio: stdioCommand({ era: upstream }) } },
      namespaces: { fx: { from: ['child'] } },
    })
    const callers = await Promise.all(
      Array.from({ length: 50 }, () => callerOf(era, node.endpointUrl('main'))),
    )
    const replies = await Promise.all(
      callers.map((caller, index) =>
        caller.call('fx__progress', { steps: (index % 7) + 1 }, { id: 'same', progressToken: 0 }),
      ),
    )
    replies.forEach((reply, index) => {
      const total = (index % 7) + 1
      expect(textOf(reply)).toBe(`${total} steps`)
      expect(progressOf(reply.messages)).toEqual(
        Array.from({ length: total }, (_, step) => ({
          progressToken: 0,
          progress: step + 1,
          total,
        })),
      )
    })
    const [first] = callers
    expect(first === undefined ? '' : textOf(await first.call('fx__violations'))).toBe('[]')
  })
})
