// What each era can ask for, and what is refused before anything is asked upstream.
import { beforeEach, describe, expect, test } from 'vitest'
import { Desk, SESSION, type DeskCall } from './desk.ts'

const TASKS = 'io.modelcontextprotocol/tasks'
const SKILLS = 'io.modelcontextprotocol/skills'
const ERAS = ['2025', '2026'] as const
const DECLARING_TASKS = { extensions: { [TASKS]: {} } }

let desk: Desk

beforeEach(() => {
  desk = new Desk()
})

/** Nothing was asked of the node. */
function expectNoTraffic(): void {
  expect([desk.relayed, desk.lists, desk.subscriptions, desk.memory.held]).toEqual([[], [], [], 0])
}

describe.each(ERAS)('era %s', (era) => {
  test.each(['tools/call', 'prompts/get', 'resources/read', 'completion/complete'])(
    '%s is relayed',
    async (method) => {
      const heard = await desk.ask(method, { name: 'x' }, { era })
      expect(heard.answer).toHaveProperty('result')
      expect(desk.relayed.map(({ received }) => received.request.method)).toEqual([method])
    },
  )

  test.each([
    ['tools/list', 'tool'],
    ['prompts/list', 'prompt'],
    ['resources/list', 'resource'],
    ['resources/templates/list', 'template'],
  ])('%s is the list of its kind', async (method, kind) => {
    const { answer } = await desk.ask(method, {}, { era })
    expect(answer).toMatchObject({ result: { of: kind } })
    expect(Object.keys(answer['result'] as object).toSorted()).toEqual(
      era === '2025' ? ['of'] : ['_meta', 'cacheScope', 'of', 'resultType', 'ttlMs'],
    )
    expect(desk.lists).toEqual([kind])
  })

  test.each(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])(
    '%s with a cursor that is no text is refused',
    async (method) => {
      const { error } = await desk.ask(method, { cursor: 5 }, { era })
      expect(error).toMatchObject({ code: -32_602 })
      expectNoTraffic()
    },
  )

  test.each([
    'no/such',
    'toString',
    '__proto__',
    'constructor',
    'tools/CALL',
    'roots/list',
    'sampling/createMessage',
    'elicitation/create',
    'tasks/list',
    'notifications/initialized',
  ])('row 3: %s is no method', async (method) => {
    const { answer, errorCode } = await desk.ask(method, {}, { era, id: 'mine' })
    expect(answer).toMatchObject({ id: 'mine', error: { code: -32_601 } })
    expect(errorCode).toBe(-32_601)
    expectNoTraffic()
  })

  test('skills/list is a list where the endpoint has skills, and is no method elsewhere', async () => {
    expect((await desk.ask('skills/list', {}, { era })).error).toMatchObject({ code: -32_601 })
    expectNoTraffic()
    desk.description = { ...desk.description, extensions: { [SKILLS]: {} } }
    await desk.ask('skills/list', {}, { era })
    expect(desk.lists).toEqual(['skill'])
  })

  test.each(['skills/get', 'resources/directory/read'])(
    '%s is relayed where the endpoint has skills, and is no method elsewhere',
    async (method) => {
      expect((await desk.ask(method, {}, { era })).error).toMatchObject({ code: -32_601 })
      expectNoTraffic()
      desk.description = { ...desk.description, extensions: { [SKILLS]: {} } }
      await desk.ask(method, {}, { era })
      expect(desk.relayed).toHaveLength(1)
    },
  )

  test('skills/list is the list of its kind where the endpoint has skills, and no method elsewhere', async () => {
    expect((await desk.ask('skills/list', {}, { era })).error).toMatchObject({ code: -32_601 })
    expectNoTraffic()
    desk.description = { ...desk.description, extensions: { [SKILLS]: {} } }
    await desk.ask('skills/list', {}, { era })
    expect([desk.lists, desk.relayed]).toEqual([['skill'], []])
  })

  test('nothing is taken while the node closes', async () => {
    desk.isOpen = false
    const { error } = await desk.ask('tools/call', { name: 'x' }, { era })
    expect(error).toMatchObject({ code: -31_008 })
    expectNoTraffic()
  })
})

test.each([
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'initialize',
  'tasks/result',
])('row 3: %s is gone in 2026', async (method) => {
  const params = { uri: 'x:1', level: 'info', taskId: 't' }
  const { error } = await desk.ask(method, params, { capabilities: DECLARING_TASKS })
  expect(error).toMatchObject({ code: -32_601 })
  expectNoTraffic()
})

test.each(['server/discover', 'subscriptions/listen', 'tasks/update'])(
  '%s is not there in 2025',
  async (method) => {
    const call: DeskCall = { era: '2025', capabilities: DECLARING_TASKS }
    const { error } = await desk.ask(method, { notifications: {}, taskId: 't' }, call)
    expect(error).toMatchObject({ code: -32_601 })
    expectNoTraffic()
  },
)

describe('tasks', () => {
  test.each(['tasks/get', 'tasks/update', 'tasks/cancel'])(
    'row 36: %s of 2026 is for callers who declare the extension',
    async (method) => {
      const { error, errorCode } = await desk.ask(method, { taskId: 't' })
      expect(error).toMatchObject({
        code: -32_021,
        data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
      })
      expect(errorCode).toBe(-32_021)
      expectNoTraffic()
      await desk.ask(method, { taskId: 't' }, { capabilities: DECLARING_TASKS })
      expect(desk.relayed).toHaveLength(1)
    },
  )

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel'])(
    '%s of 2025 exists since the last revision of that era',
    async (method) => {
      for (const revision of ['2025-03-26', '2025-06-18']) {
        const { error } = await desk.ask(method, { taskId: 't' }, { era: '2025', revision })
        expect(error).toMatchObject({ code: -32_601 })
      }
      expectNoTraffic()
      await desk.ask(method, { taskId: 't' }, { era: '2025' })
      expect(desk.relayed).toHaveLength(1)
    },
  )
})

describe('log levels', () => {
  test('row 46: the level of a session is that of its calls from then on', async () => {
    await desk.ask('tools/call', { name: 'x' }, { era: '2025' })
    for (const level of ['debug', 'emergency']) {
      const { answer } = await desk.ask('logging/setLevel', { level }, { era: '2025' })
      expect(answer).toEqual({ jsonrpc: '2.0', id: 1, result: {} })
      await desk.ask('tools/call', { name: 'x' }, { era: '2025' })
    }
    const levels = desk.relayed.map(({ received }) => received.caller.logLevel)
    expect(levels).toEqual([undefined, 'debug', 'emergency'])
  })

  test.each([undefined, null, 5, '', 'loud', 'INFO', ['info'], { level: 'info' }])(
    'row 46: %j is none',
    async (level) => {
      const { error } = await desk.ask('logging/setLevel', { level }, { era: '2025' })
      expect(error).toMatchObject({ code: -32_602 })
      expect(desk.memory.logLevel(SESSION)).toBeUndefined()
    },
  )
})

function of(uri: unknown, method = 'resources/subscribe') {
  return desk.send(method, { uri }, { era: '2025' })
}

describe('resources/subscribe', () => {
  test('is answered once it is granted, and tells the session of updates', async () => {
    const { heard, run } = of('x:1')
    expect(heard.done).toBe(false)
    await desk.subscriptions[0]?.grant()
    await run
    expect(heard.answer).toMatchObject({ result: {} })
    desk.subscriptions[0]?.updated('x:1')
    expect(desk.told).toEqual([
      { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'x:1' } },
    ])
    expect(heard.messages).toHaveLength(1)
  })

  test('that is not granted is refused, and nothing is kept', async () => {
    const { heard, run } = of('x:1')
    await desk.subscriptions[0]?.grant([])
    await run
    expect(heard.error).toMatchObject({
      code: -32_602,
      message: 'the resource cannot be subscribed',
    })
    expect([desk.memory.held, desk.subscriptions[0]?.ended]).toEqual([0, true])
  })

  test('twice is asked for once, and both are answered with what comes of it', async () => {
    const [first, second] = [of('x:1'), of('x:1')]
    expect(second.heard.done).toBe(false)
    await desk.subscriptions[0]?.grant()
    await Promise.all([first.run, second.run])
    expect(first.heard.answer).toMatchObject({ result: {} })
    expect(second.heard.answer).toMatchObject({ result: {} })
    const third = of('x:1')
    await third.run
    expect(third.heard.answer).toMatchObject({ result: {} })
    expect(desk.subscriptions).toHaveLength(1)
  })

  test('is undone by resources/unsubscribe, also before it is granted', async () => {
    const granted = of('x:1')
    await desk.subscriptions[0]?.grant()
    await granted.run
    expect(of('x:1', 'resources/unsubscribe').heard.answer).toMatchObject({ result: {} })
    expect([desk.memory.held, desk.subscriptions[0]?.ended]).toEqual([0, true])

    const pending = of('x:2')
    of('x:2', 'resources/unsubscribe')
    desk.subscriptions[1]?.updated('x:2')
    await desk.subscriptions[1]?.grant()
    await pending.run
    expect([desk.memory.held, desk.subscriptions[1]?.ended]).toEqual([0, true])
    expect(desk.told).toEqual([])
  })

  test('that is refused does not end one that was made anew meanwhile', async () => {
    const first = of('x:1')
    of('x:1', 'resources/unsubscribe')
    const second = of('x:1')
    await desk.subscriptions[0]?.grant([])
    await first.run
    expect(desk.memory.held).toBe(1)
    await desk.subscriptions[1]?.grant()
    await second.run
    expect(second.heard.answer).toMatchObject({ result: {} })
    expect(desk.subscriptions[1]?.ended).toBe(false)
  })

  test('does not outlive its session, whenever it is granted', async () => {
    const pending = of('x:1')
    desk.memory.end(SESSION)
    await desk.subscriptions[0]?.grant()
    await pending.run
    expect([desk.memory.held, desk.subscriptions[0]?.ended]).toEqual([0, true])
  })

  test('beyond limits.subscriptions is refused, and nothing is asked', async () => {
    desk = new Desk({ subscriptions: 2 })
    for (const uri of ['x:1', 'x:2']) of(uri)
    const { heard, run } = of('x:3')
    await run
    expect(heard.error).toMatchObject({ code: -32_602 })
    expect(desk.subscriptions).toHaveLength(2)
    of('x:1', 'resources/unsubscribe')
    of('x:3')
    expect(desk.subscriptions).toHaveLength(3)
  })

  test.each(['resources/subscribe', 'resources/unsubscribe'])(
    '%s of what is no URI is refused, and nothing is asked',
    async (method) => {
      desk = new Desk({ uriBytes: 8 })
      for (const uri of [undefined, null, 5, '', ['x:1'], { uri: 'x:1' }, 'x:1234567', 'x:éééé']) {
        const { heard, run } = of(uri, method)
        await run
        expect(heard.error).toMatchObject({ code: -32_602 })
      }
      expectNoTraffic()
    },
  )

  test('of a URI that nobody subscribed is unsubscribed without a word', () => {
    expect(of('x:1', 'resources/unsubscribe').heard.answer).toMatchObject({ result: {} })
  })
})

test('ping is answered at once', () => {
  const { heard } = desk.send('ping', {}, { era: '2025', id: 'p' })
  expect(heard.answer).toEqual({ jsonrpc: '2.0', id: 'p', result: {} })
})
