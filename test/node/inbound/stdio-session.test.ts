// What a caller at a pipe is asked and told besides the answers to its calls.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainPrompt, plainResource } from '../../fixtures/fixture-offers.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { until } from '../../fixtures/wait.ts'
import { LIST_KINDS, META, objectAt, type Id, type JsonObject } from '../../fixtures/wire.ts'
import { StdioCaller } from './stdio-caller.ts'

const HERE = 'test://static/1'
const UPDATED = 'notifications/resources/updated'
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const ACCEPTED = { action: 'accept', content: { name: 'Ada' } }

const LONG = `x:${'y'.repeat(300)}`

let server: FixtureServer
let caller: StdioCaller

beforeEach(async () => {
  server = await FixtureServer.start({ era: '2025' })
  caller = new StdioCaller({
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    upstreams: { fixture: { http: { url: server.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'], names: 'plain' } },
    limits: { subscriptions: 2, uriBytes: 256 },
  })
})

afterEach(async () => {
  await caller.stop().catch(() => undefined)
  await server.close()
})

function ofMethod(method: string): JsonObject[] {
  return caller.messages.filter((message) => message['method'] === method)
}

function errorOf({ error }: JsonObject): unknown {
  return objectAt({ error }, 'error')['code']
}

async function question(method: string, nth = 0): Promise<Id> {
  const found = await until(() => ofMethod(method)[nth], `question ${nth}`)
  return found['id'] as Id
}

function call(tool: string): Id {
  return caller.send('tools/call', { name: tool, arguments: {} })
}

async function toldTo(id: Id): Promise<unknown> {
  const [content] = objectAt(await caller.answer(id), 'result')['content'] as JsonObject[]
  return JSON.parse(String(content?.['text'])) as unknown
}

describe('questions', () => {
  beforeEach(() => caller.open('2025-11-25', { elicitation: {}, roots: {} }))

  test('come over the pipe, and each answer reaches its call', async () => {
    const calls = [call('ask_form'), call('ask_form')]
    const ids = [await question('elicitation/create'), await question('elicitation/create', 1)]
    expect(new Set(ids).size).toBe(2)
    for (const id of ids)
      caller.write({ jsonrpc: '2.0', id, result: { ...ACCEPTED, content: { id } } })
    const told = await Promise.all(calls.map(toldTo))
    expect(new Set(told.map((one) => JSON.stringify(one)))).toEqual(
      new Set(ids.map((id) => JSON.stringify({ form: { action: 'accept', content: { id } } }))),
    )
  })

  test('that are not open are answered in vain', async () => {
    const asking = call('ask_form')
    const id = await question('elicitation/create')
    for (const wrong of ['1', 1, null, `${String(id)}x`]) {
      caller.write({ jsonrpc: '2.0', id: wrong, result: { action: 'decline' } })
    }
    caller.write({ jsonrpc: '2.0', id, result: ACCEPTED })
    caller.write({ jsonrpc: '2.0', id, result: { action: 'decline' } })
    expect(await toldTo(asking)).toEqual({ form: ACCEPTED })
    expect(await caller.answer(caller.send('ping'))).toMatchObject({ result: {} })
  })

  test('come to an end when their caller hangs up', async () => {
    call('ask_form')
    await question('elicitation/create')
    await caller.stop()
    const cancelled = await until(() => server.cancelled.ids[0], 'the cancellation upstream')
    expect(cancelled).toBe(server.calls('ask_form')[0]?.id)
  })

  test('of a call in a batch come by themselves', async () => {
    await caller.stop()
    const old = new StdioCaller({
      node: { name: 'edge', organisation: 'acme', state: 'memory' },
      upstreams: { fixture: { http: { url: server.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['fx'], names: 'plain' } },
    })
    caller = old
    await old.open('2025-03-26', { roots: {} })
    const params = { name: 'ask_roots', arguments: {} }
    old.write([
      { jsonrpc: '2.0', id: 'a', method: 'tools/call', params },
      { jsonrpc: '2.0', id: 'b', method: 'ping' },
    ])
    const id = await question('roots/list')
    old.write([{ jsonrpc: '2.0', id, result: { roots: [] } }])
    const answers = await old.message((message) => Array.isArray(message), 'the batch')
    expect(JSON.stringify(answers)).toContain('roots')
    expect(answers).toHaveLength(2)
  })
})

test('changes of all three lists are told in a session unasked', async () => {
  await caller.open()
  await until(() => server.openStreams > 0, 'that the node hears of changes')
  server.tools.add(plainTool('fresh'))
  server.prompts.add(plainPrompt('fresh'))
  server.resources.add(plainResource('test://fresh'))
  for (const of of LIST_KINDS) {
    const [told] = await until(() => {
      const found = ofMethod(`notifications/${of}/list_changed`)
      return found.length > 0 && found
    }, of)
    expect(told).toEqual({ jsonrpc: '2.0', method: `notifications/${of}/list_changed` })
  }
})

describe('resources', () => {
  test('that a session is subscribed to are told of, until it unsubscribes', async () => {
    await caller.open()
    const subscribed = caller.send('resources/subscribe', { uri: HERE })
    expect(await caller.answer(subscribed)).toMatchObject({ result: {} })
    server.touch(HERE)
    await until(() => ofMethod(UPDATED).length > 0, 'the update')
    expect(ofMethod(UPDATED)).toEqual([{ jsonrpc: '2.0', method: UPDATED, params: { uri: HERE } }])
    await caller.answer(caller.send('resources/unsubscribe', { uri: HERE }))
    await until(() => server.watchers(HERE) === 0, 'that it is unsubscribed upstream')
  })

  test('that a session is subscribed to are let go when it hangs up', async () => {
    await caller.open()
    await caller.answer(caller.send('resources/subscribe', { uri: HERE }))
    expect(server.watchers(HERE)).toBe(1)
    await caller.hangUp()
    await until(() => server.watchers(HERE) === 0, 'that it is unsubscribed upstream')
  })

  test('row 39: of two listens on the pipe, each hears of its own under its id', async () => {
    const uris = [HERE, 'test://static/2']
    const ids = uris.map((uri, index) =>
      caller.sendModern(
        'subscriptions/listen',
        { notifications: { resourceSubscriptions: [uri] } },
        `L${index}`,
      ),
    )
    await until(() => ofMethod(ACKNOWLEDGED).length === 2, 'both acknowledgements')
    for (const uri of uris) server.touch(uri)
    await until(() => ofMethod(UPDATED).length === 2, 'both updates')
    const told = ofMethod(UPDATED).map((message) => objectAt(message, 'params'))
    expect(told.map(({ uri, _meta: meta }) => [uri, meta])).toEqual(
      expect.arrayContaining([
        [HERE, { [META.subscriptionId]: ids[0] }],
        ['test://static/2', { [META.subscriptionId]: ids[1] }],
      ]),
    )
    caller.notify('notifications/cancelled', { requestId: ids[0] })
    await until(() => server.watchers(HERE) === 0, 'that the first is let go')
    expect(server.watchers('test://static/2')).toBe(1)
  })
})

test('row 46: a log level is that of the session, and must be one', async () => {
  await caller.open()
  const bad = await caller.answer(caller.send('logging/setLevel', { level: 'loud' }))
  expect(errorOf(bad)).toBe(-32_602)
  const good = await caller.answer(caller.send('logging/setLevel', { level: 'error' }))
  expect(good).toMatchObject({ result: {} })
})

test.each([
  ['resources/subscribe', { uri: 5 }],
  ['resources/unsubscribe', {}],
  ['resources/subscribe', { uri: LONG }],
])('%s with bad params is refused: %#', async (method, params) => {
  await caller.open()
  expect(errorOf(await caller.answer(caller.send(method, params)))).toBe(-32_602)
  expect(server.received('resources/subscribe')).toEqual([])
})
