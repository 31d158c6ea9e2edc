// One endpoint over a pipe, in both eras at once.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { until } from '../../fixtures/wait.ts'
import { META, isObject, type JsonObject } from '../../fixtures/wire.ts'
import { StdioCaller } from './stdio-caller.ts'

let server: FixtureServer
const callers: StdioCaller[] = []

beforeEach(async () => {
  server = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  for (const caller of callers.splice(0)) await caller.stop().catch(() => undefined)
  await server.close()
})

function start(limits: JsonObject = {}, options: { reads?: boolean } = {}): StdioCaller {
  const config = {
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    limits,
    upstreams: { fixture: { http: { url: server.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
  }
  const caller = new StdioCaller(config, options)
  callers.push(caller)
  return caller
}

function echo(message: string, meta: JsonObject = {}): JsonObject {
  return { name: 'fx__echo', arguments: { message }, _meta: meta }
}

function textOf({ result }: JsonObject): unknown {
  return isObject(result) && Array.isArray(result['content'])
    ? (result['content'] as JsonObject[])[0]?.['text']
    : undefined
}

function listChanges(messages: readonly JsonObject[]): JsonObject[] {
  return messages.filter(({ method }) => method === 'notifications/tools/list_changed')
}

/** The listen of the node is closed in the same way when the node ends, so the id counts. */
function slowCancelled(): Promise<boolean> {
  const [call] = server.calls('slow')
  return until(
    () => server.cancelled.closed.some((id) => id === call?.id),
    'the cancellation upstream',
  )
}

describe('the eras', () => {
  test('row 1: initialize and a 2026 request both work on one pipe, neither disturbs the other', async () => {
    const caller = start()
    const before = caller.sendModern('tools/call', echo('before'))
    expect(textOf(await caller.answer(before))).toBe('before')
    expect(await caller.open('2025-06-18')).toMatchObject({ protocolVersion: '2025-06-18' })
    const [modern, legacy] = [
      caller.sendModern('tools/call', echo('modern')),
      caller.send('tools/call', echo('legacy')),
    ]
    const [ofModern, ofLegacy] = [await caller.answer(modern), await caller.answer(legacy)]
    expect([textOf(ofModern), textOf(ofLegacy)]).toEqual(['modern', 'legacy'])
    expect(server.violations).toEqual([])
  })

  test('row 3: unknown and removed methods on the 2026 path get -32601 under their id', async () => {
    const caller = start()
    for (const method of ['ping', 'logging/setLevel', 'no/such']) {
      const id = caller.sendModern(method)
      expect(await caller.answer(id)).toMatchObject({ id, error: { code: -32_601 } })
    }
  })

  test('server/discover tells what is served', async () => {
    const caller = start()
    const answer = await caller.answer(caller.sendModern('server/discover'))
    expect(answer).toMatchObject({
      result: { supportedVersions: expect.arrayContaining(['2026-07-28']) as unknown },
    })
  })

  test('a 2026 request of another revision or without capabilities is refused', async () => {
    const caller = start()
    const wrong = caller.send('tools/list', { _meta: { [META.version]: '1900-01-01' } })
    expect(await caller.answer(wrong)).toMatchObject({ error: { code: -32_022 } })
    const bare = caller.send('tools/list', { _meta: { [META.version]: '2026-07-28' } })
    expect(await caller.answer(bare)).toMatchObject({ error: { code: -32_602 } })
  })

  test('a session opens once, and nothing but ping goes before it', async () => {
    const caller = start()
    expect(await caller.answer(caller.send('ping'))).toMatchObject({ result: {} })
    const early = await caller.answer(caller.send('tools/list'))
    expect(early).toMatchObject({ error: { code: -32_600, message: expect.any(String) as string } })
    await caller.open()
    const again = caller.send('initialize', { protocolVersion: '2025-11-25', capabilities: {} })
    expect(await caller.answer(again)).toMatchObject({ error: { code: -32_600 } })
    expect(await caller.answer(caller.send('tools/list'))).toHaveProperty('result.tools')
  })
})

describe('what a call may do', () => {
  test('progress comes with the token of its caller, before the answer', async () => {
    const caller = start()
    await caller.open()
    const meta = { progressToken: 'mine' }
    const id = caller.send('tools/call', {
      name: 'fx__progress',
      arguments: { steps: 3 },
      _meta: meta,
    })
    await caller.answer(id)
    const order = caller.messages.slice(1).map(({ method, params }) => [method, params])
    expect(order.slice(0, 3)).toMatchObject(
      [1, 2, 3].map((progress) => ['notifications/progress', { progress, progressToken: 'mine' }]),
    )
    expect(order).toHaveLength(4)
  })

  test.each(['2025', '2026'])(
    'row 43: notifications/cancelled ends a call of %s: upstream hears it, no answer comes',
    async (era) => {
      const caller = start()
      await caller.open()
      const params = { name: 'fx__slow', arguments: {} }
      const id =
        era === '2025' ? caller.send('tools/call', params) : caller.sendModern('tools/call', params)
      await until(() => server.calls('slow').length === 1, 'the call upstream')
      caller.notify('notifications/cancelled', { requestId: id, reason: 'enough' })
      expect(await slowCancelled()).toBe(true)
      await caller.answer(caller.send('ping'))
      expect(caller.messages.filter((message) => message['id'] === id)).toEqual([])
    },
  )

  test('an id in flight is refused, and the first call is answered', async () => {
    const caller = start()
    await caller.open()
    caller.send('tools/call', { name: 'fx__slow', arguments: { message: 'first' } }, 'same')
    await until(() => server.calls('slow').length === 1, 'the call upstream')
    caller.send('tools/call', echo('second'), 'same')
    expect(await caller.answer(null)).toMatchObject({
      error: { code: -32_600, data: { id: 'same' } },
    })
    server.gate.open()
    expect(textOf(await caller.answer('same'))).toBe('first')
    expect(server.calls('echo')).toEqual([])
  })
})

describe('changes of the list', () => {
  test('are told in a session unasked', async () => {
    const caller = start()
    await caller.open()
    server.tools.add(plainTool('fresh'))
    await until(() => listChanges(caller.messages).length > 0, 'the notification')
    const { result } = await caller.answer(caller.send('tools/list'))
    expect(JSON.stringify(result)).toContain('fx__fresh')
  })

  test('are told on a listen, and to nobody else', async () => {
    const caller = start()
    const id = caller.sendModern('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    })
    await caller.message(
      ({ method }) => method === 'notifications/subscriptions/acknowledged',
      'the acknowledgement',
    )
    server.tools.add(plainTool('fresh'))
    await until(() => listChanges(caller.messages).length > 0, 'the notification')
    expect(listChanges(caller.messages)).toMatchObject([
      { params: { _meta: { [META.subscriptionId]: id } } },
    ])
  })

  test('a listen ends with notifications/cancelled and its complete result', async () => {
    const caller = start()
    const id = caller.sendModern('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    })
    await caller.message(({ method }) => method !== undefined, 'the acknowledgement')
    await caller.hangUp()
    expect(caller.messages.slice(1)).toMatchObject([
      { method: 'notifications/cancelled', params: { requestId: id } },
      { id, result: { resultType: 'complete', _meta: { [META.subscriptionId]: id } } },
    ])
  })

  test('a listen its caller cancels ends without a word', async () => {
    const caller = start()
    const id = caller.sendModern('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    })
    await caller.message(({ method }) => method !== undefined, 'the acknowledgement')
    caller.notify('notifications/cancelled', { requestId: id })
    await caller.hangUp()
    expect(caller.messages).toHaveLength(1)
  })
})

describe('bad input', () => {
  test.each([
    ['no JSON', 'nonsense', -32_700],
    ['no JSON-RPC', '{}', -32_600],
    ['a number', '7', -32_600],
    ['a batch without a session', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32_600],
  ])('%s is answered with id null, and the pipe goes on', async (_what, line, code) => {
    const caller = start()
    caller.write(line)
    expect(await caller.answer(null)).toMatchObject({ error: { code } })
    expect(await caller.answer(caller.send('ping'))).toMatchObject({ result: {} })
  })

  test('row 61: a line beyond limits.bodyBytes is skipped, with an error', async () => {
    const caller = start({ bodyBytes: 2_048 })
    await caller.open()
    const id = caller.send('tools/call', echo('x'.repeat(5_000)))
    expect(await caller.answer(null)).toMatchObject({ error: { code: -32_600 } })
    expect(textOf(await caller.answer(caller.send('tools/call', echo('short'))))).toBe('short')
    expect(caller.messages.filter((message) => message['id'] === id)).toEqual([])
    expect(server.calls('echo')).toHaveLength(1)
  })

  test('empty lines and carriage returns are let pass', async () => {
    const caller = start()
    caller.write('', '\r', `${JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'ping' })}\r`)
    await caller.answer(5)
    expect(caller.messages).toHaveLength(1)
  })
})

describe('batches', () => {
  test('work in a 2025-03-26 session: one line, every answer', async () => {
    const caller = start()
    await caller.open('2025-03-26')
    caller.write([
      { jsonrpc: '2.0', id: 'a', method: 'tools/call', params: echo('one') },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 'b', method: 'ping' },
    ])
    const batch = await caller.message((message) => Array.isArray(message), 'the batch')
    const answers = batch as unknown as JsonObject[]
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(['a', 'b']))
    expect(answers).toHaveLength(2)
  })

  test('are refused in a session of a later revision, and with an id twice', async () => {
    const later = start()
    await later.open('2025-06-18')
    later.write([{ jsonrpc: '2.0', id: 'a', method: 'ping' }])
    expect(await later.answer(null)).toMatchObject({ error: { code: -32_600 } })
    const twice = start()
    await twice.open('2025-03-26')
    const ping = { jsonrpc: '2.0', id: 'a', method: 'ping' }
    twice.write([ping, ping])
    expect(await twice.answer(null)).toMatchObject({ error: { data: { id: 'a' } } })
  })
})

describe('the end', () => {
  test('row 61: when the caller closes its end, calls under way are answered first', async () => {
    const caller = start()
    await caller.open()
    const id = caller.send('tools/call', { name: 'fx__slow', arguments: { message: 'late' } })
    await until(() => server.calls('slow').length === 1, 'the call upstream')
    caller.stdin.end()
    server.gate.open()
    await caller.ended
    expect(textOf(await caller.answer(id))).toBe('late')
  })

  test('a signal ends calls under way at once', async () => {
    const caller = start()
    await caller.open()
    const id = caller.send('tools/call', { name: 'fx__slow', arguments: {} })
    await until(() => server.calls('slow').length === 1, 'the call upstream')
    await caller.stop()
    expect(await caller.answer(id)).toMatchObject({ error: { code: -31_008 } })
    expect(await slowCancelled()).toBe(true)
  })

  test('row 43: a caller that reads no more is not waited for, and its calls are cancelled', async () => {
    const caller = start()
    await caller.open()
    caller.sendModern('tools/call', { name: 'fx__slow', arguments: {} })
    await until(() => server.calls('slow').length === 1, 'the call upstream')
    caller.stdout.destroy()
    await caller.ended
    expect(await slowCancelled()).toBe(true)
  })

  test('the last line may lack its end', async () => {
    const caller = start()
    caller.stdin.end(JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'ping' }))
    await caller.ended
    expect(caller.messages).toEqual([{ jsonrpc: '2.0', id: 9, result: {} }])
  })

  test('an endpoint that is not there is an error before anything starts', async () => {
    const caller = new StdioCaller({
      node: { name: 'edge', organisation: 'acme', state: 'memory' },
      upstreams: { fixture: { http: { url: server.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { other: { namespaces: ['fx'] } },
    })
    await expect(caller.ended).rejects.toThrow('there is no endpoint "main"; there are: other')
    expect(server.requests).toEqual([])
  })
})

test('a caller that does not read is not read either', async () => {
  const caller = start({ bodyBytes: 16_384 }, { reads: false })
  const big = caller.sendModern('tools/call', { name: 'fx__big', arguments: { bytes: 100_000 } })
  await until(() => caller.stdin.isPaused(), 'that the node stops reading')
  const late = caller.sendModern('tools/call', echo('late'))
  expect(caller.stdin.readableLength).toBeGreaterThan(0)
  expect(server.calls('echo')).toEqual([])
  caller.read()
  expect(textOf(await caller.answer(late))).toBe('late')
  expect(textOf(await caller.answer(big))).toHaveLength(100_000)
})
