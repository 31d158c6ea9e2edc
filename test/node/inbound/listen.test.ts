// subscriptions/listen: the acknowledgement first, honest, and after it only what was asked for.
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { Fault } from '../../../protocol/errors.ts'
import { LIST_KINDS } from '../../../protocol/capability.ts'
import { META, objectAt } from '../../fixtures/wire.ts'
import { Desk, type Heard } from './desk.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const UPDATED = 'notifications/resources/updated'

let desk: Desk

beforeEach(() => {
  desk = new Desk()
})

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } }

function listen(notifications: unknown, id = 'L', capabilities: object = {}) {
  return desk.send('subscriptions/listen', { notifications }, { id, capabilities })
}

function change(...kinds: (typeof LIST_KINDS)[number][]): void {
  for (const of of kinds) for (const tell of desk.watchers) tell(of)
}

function methods({ messages }: Heard): unknown[] {
  return messages.map(({ method }) => method)
}

function acknowledged({ messages }: Heard): unknown {
  const [first] = messages
  expect(first).toMatchObject({ method: ACKNOWLEDGED })
  return objectAt(first ?? {}, 'params')['notifications']
}

describe('lists', () => {
  test('row 39: all three are told, those that were asked for, tagged with the id', () => {
    const { heard } = listen({ toolsListChanged: true, resourcesListChanged: true })
    change('prompts', 'resources', 'tools')
    expect(methods(heard)).toEqual([
      ACKNOWLEDGED,
      'notifications/resources/list_changed',
      'notifications/tools/list_changed',
    ])
    for (const { params } of heard.messages) {
      expect(params).toMatchObject({ _meta: { [META.subscriptionId]: 'L' } })
    }
    expect(acknowledged(heard)).toEqual({ toolsListChanged: true, resourcesListChanged: true })
  })

  test('row 39: several listens of one caller stay apart', () => {
    const [tools, prompts] = [
      listen({ toolsListChanged: true }, 'a').heard,
      listen({ promptsListChanged: true }, 'b').heard,
    ]
    change(...LIST_KINDS)
    expect(methods(tools)).toEqual([ACKNOWLEDGED, 'notifications/tools/list_changed'])
    expect(methods(prompts)).toEqual([ACKNOWLEDGED, 'notifications/prompts/list_changed'])
  })

  test('that were not asked for are not watched', () => {
    const { heard } = listen({ toolsListChanged: false, more: 1 })
    expect(acknowledged(heard)).toEqual({})
    expect(desk.watchers.size).toBe(0)
  })
})

describe('resources', () => {
  test('row 38: what upstreams grant is acknowledged, in the order it was asked for', async () => {
    const { heard, run } = listen({ resourceSubscriptions: ['x:3', 'x:1', 'x:2', 'x:1'] })
    expect(desk.subscriptions[0]?.uris).toEqual(['x:3', 'x:1', 'x:2'])
    expect(heard.messages).toEqual([])
    await desk.subscriptions[0]?.grant(['x:2', 'x:3'])
    await run
    expect(acknowledged(heard)).toEqual({ resourceSubscriptions: ['x:3', 'x:2'] })
    desk.subscriptions[0]?.updated('x:2')
    expect(heard.messages[1]).toEqual({
      jsonrpc: '2.0',
      method: UPDATED,
      params: { uri: 'x:2', _meta: { [META.subscriptionId]: 'L' } },
    })
  })

  test('row 38: none granted is said so', async () => {
    const { heard, run } = listen({ toolsListChanged: true, resourceSubscriptions: ['x:1'] })
    await desk.subscriptions[0]?.grant([])
    await run
    expect(acknowledged(heard)).toEqual({ toolsListChanged: true, resourceSubscriptions: [] })
  })

  test('row 38: nothing goes before the acknowledgement, and what changed goes after it', async () => {
    const { heard, run } = listen({ toolsListChanged: true, resourceSubscriptions: ['x:1'] })
    change('tools', 'tools', 'prompts')
    for (const uri of ['x:1', 'x:1']) desk.subscriptions[0]?.updated(uri)
    expect(heard.messages).toEqual([])
    await desk.subscriptions[0]?.grant()
    await run
    expect(methods(heard)).toEqual([ACKNOWLEDGED, 'notifications/tools/list_changed', UPDATED])
  })

  test('beyond limits.subscriptions are not granted', async () => {
    desk = new Desk({ subscriptions: 2 })
    const { heard, run } = listen({ resourceSubscriptions: ['x:1', 'x:2', 'x:3'] })
    await desk.subscriptions[0]?.grant()
    await run
    expect(acknowledged(heard)).toEqual({ resourceSubscriptions: ['x:1', 'x:2'] })
  })
})

function listenToTasks(filter: object): ReturnType<typeof listen> {
  return listen(filter, 'L', TASKS)
}

function messageOf(status: string): Buffer {
  return Buffer.from(JSON.stringify({ method: 'notifications/tasks', params: { status } }))
}

describe('tasks', () => {
  test.each([[['t']], [[]], ['t'], [null]])(
    'are refused to a caller without the extension, whatever it names: %j',
    (taskIds) => {
      const { heard } = listen({ toolsListChanged: true, taskIds })
      expect(heard.error).toMatchObject({ code: -32_021, data: { requiredCapabilities: TASKS } })
      expect(heard.errorCode).toBe(-32_021)
      expect([desk.watchers.size, desk.taskWatches, desk.parts.listens.size]).toEqual([0, [], 0])
    },
  )

  test('row 38: those that are granted are acknowledged, with the resources', async () => {
    const { heard, run } = listenToTasks({
      taskIds: ['c', 'a', 'b', 'a'],
      resourceSubscriptions: ['x:1'],
    })
    expect(desk.taskWatches[0]?.taskIds).toEqual(['c', 'a', 'b'])
    await desk.taskWatches[0]?.grant(['b', 'c'])
    expect(heard.messages).toEqual([])
    await desk.subscriptions[0]?.grant()
    await run
    expect(acknowledged(heard)).toEqual({ resourceSubscriptions: ['x:1'], taskIds: ['c', 'b'] })
  })

  test('what becomes of them follows the acknowledgement, the latest of each', async () => {
    const { heard, run } = listenToTasks({ taskIds: ['a', 'b'] })
    const [watch] = desk.taskWatches
    watch?.changed('a', messageOf('working'))
    watch?.changed('a', messageOf('completed'))
    watch?.changed('b', messageOf('working'))
    await watch?.grant()
    await run
    expect(heard.messages.slice(1).map(({ params }) => params)).toEqual([
      { status: 'completed' },
      { status: 'working' },
    ])
  })

  test('beyond limits.subscriptions are not granted', async () => {
    desk = new Desk({ subscriptions: 2 })
    const { heard, run } = listenToTasks({ taskIds: ['a', 'b', 'c'] })
    await desk.taskWatches[0]?.grant()
    await run
    expect(acknowledged(heard)).toEqual({ taskIds: ['a', 'b'] })
  })

  test.each([['t'], [{}], [[5]], [['']], [['123456789']]])('%j are no ids', (taskIds) => {
    desk = new Desk({ uriBytes: 8 })
    const { heard } = listenToTasks({ taskIds })
    expect(heard.error).toMatchObject({ code: -32_602 })
    expect(desk.taskWatches).toEqual([])
  })

  test('of a caller who leaves are let go, also when they are granted later', async () => {
    const left = new Fault('cancelled', 'the caller closed the stream')
    const [early, late] = [listenToTasks({ taskIds: ['a'] }), listenToTasks({ taskIds: ['b'] })]
    await desk.taskWatches[0]?.grant()
    await early.run
    for (const { scope } of [early, late]) scope.stop(left)
    expect(desk.taskWatches.map(({ ended }) => ended)).toEqual([true, false])
    await desk.taskWatches[1]?.grant()
    await late.run
    expect(desk.taskWatches.map(({ ended }) => ended)).toEqual([true, true])
    expect(late.heard.messages).toEqual([])
  })
})

describe('the end', () => {
  const left = new Fault('cancelled', 'the caller closed the stream')
  const closing = new Fault('shutting_down', 'this node is shutting down')

  test('of a caller who leaves frees what was held, and nothing more is said', async () => {
    const { heard, scope, run } = listen({
      toolsListChanged: true,
      resourceSubscriptions: ['x:1'],
    })
    await desk.subscriptions[0]?.grant()
    await run
    scope.stop(left)
    expect([desk.watchers.size, desk.parts.listens.size]).toEqual([0, 0])
    expect([desk.subscriptions[0]?.ended, heard.done]).toEqual([true, false])
    expect(heard.messages).toHaveLength(1)
  })

  test('of a caller who leaves before anything is granted frees it when it is', async () => {
    const { heard, scope, run } = listen({ resourceSubscriptions: ['x:1'] })
    scope.stop(left)
    await desk.subscriptions[0]?.grant()
    await run
    expect([desk.subscriptions[0]?.ended, heard.messages]).toEqual([true, []])
  })

  test('row 42: of the node is a complete result for a listen that has begun', async () => {
    const { heard, scope, run } = listen({ resourceSubscriptions: ['x:1'] })
    await desk.subscriptions[0]?.grant()
    await run
    scope.stop(closing)
    expect(heard.answer).toMatchObject({
      id: 'L',
      result: { resultType: 'complete', _meta: { [META.subscriptionId]: 'L' } },
    })
    expect(desk.subscriptions[0]?.ended).toBe(true)
  })

  test('of what the caller came with is a complete result, and frees what was held', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    try {
      const principal = { ...LOCAL_CALLER, expiresAt: Date.now() + 60_000 }
      const params = { notifications: { resourceSubscriptions: ['x:1'] } }
      const { heard, run } = desk.send('subscriptions/listen', params, { id: 'L', principal })
      await desk.subscriptions[0]?.grant()
      await run
      vi.advanceTimersByTime(59_999)
      expect(heard.done).toBe(false)
      vi.advanceTimersByTime(1)
      expect(heard.answer).toMatchObject({ id: 'L', result: { resultType: 'complete' } })
      expect([desk.subscriptions[0]?.ended, vi.getTimerCount()]).toEqual([true, 0])
    } finally {
      vi.useRealTimers()
    }
  })

  test('row 42: of the node is an error for one that has not', () => {
    const { heard, scope } = listen({ resourceSubscriptions: ['x:1'] })
    scope.stop(closing)
    expect(heard.messages).toMatchObject([{ id: 'L', error: { code: -31_008 } }])
  })
})

test('a caller that does not keep up is told of each thing once', async () => {
  const { heard, run } = listen({ toolsListChanged: true, resourceSubscriptions: ['x:1', 'x:2'] })
  await desk.subscriptions[0]?.grant()
  await run
  heard.block()
  change('tools')
  for (let round = 0; round < 100; round += 1) {
    change('tools')
    for (const uri of ['x:1', 'x:2']) desk.subscriptions[0]?.updated(uri)
  }
  expect(heard.messages).toHaveLength(2)
  heard.drain()
  expect(methods(heard).slice(2)).toEqual(['notifications/tools/list_changed', UPDATED, UPDATED])
})

test.each([
  undefined,
  null,
  5,
  [],
  'tools',
  { toolsListChanged: 'yes' },
  { promptsListChanged: 1 },
  { resourcesListChanged: {} },
  { resourceSubscriptions: 'x:1' },
  { resourceSubscriptions: {} },
  { resourceSubscriptions: [5] },
  { resourceSubscriptions: ['x:1', null] },
  { resourceSubscriptions: [''] },
  { resourceSubscriptions: ['x:1234567'] },
  { toolsListChanged: true, resourceSubscriptions: [['x:1']] },
])('%j is no filter, and nothing is begun', (notifications) => {
  desk = new Desk({ uriBytes: 8 })
  const { heard } = listen(notifications)
  expect(heard.error).toMatchObject({ code: -32_602 })
  expect([desk.watchers.size, desk.subscriptions, desk.parts.listens.size]).toEqual([0, [], 0])
})

test('a listen for which there is no room is refused', () => {
  desk.hasRoom = false
  const { heard } = listen({ toolsListChanged: true })
  expect(heard.error).toMatchObject({ code: -31_006 })
  expect(desk.watchers.size).toBe(0)
})
