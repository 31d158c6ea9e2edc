// Tasks of the extension of 2026-07-28 (SEP-2663) through nodes, with a server on SDK v2 behind them.
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import type { RawStream } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, decodeHeaderValue, META, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Mesh, type NodePlan } from './mesh.ts'
import { CHAINS, shownAs, styledChain } from './styled-chain.ts'
import { taskCommand } from './task-stdio.ts'
import { TaskCaller, TASKS, TASKS_MISSING, WITH_TASKS } from './task-caller.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const CONFIRMED = { confirmation: { action: 'accept', content: { confirm: true } } }
const ARGS = { seconds: 0, label: 'sum' }
const OF_TASKS = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const

const mesh = new Mesh()
const proxies: CountingProxy[] = []
const streams: RawStream[] = []
let server: RunningFixture

beforeAll(async () => {
  server = await startConformanceV2({ era: '2026' })
})

afterAll(() => server.close())

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close()
  await mesh.close()
  for (const proxy of proxies.splice(0)) await proxy.close()
})

async function proxied(): Promise<CountingProxy> {
  const proxy = await CountingProxy.start(server.url)
  proxies.push(proxy)
  return proxy
}

async function listen(caller: TaskCaller, ...given: Parameters<TaskCaller['listen']>) {
  const stream = await caller.listen(...given)
  streams.push(stream)
  return stream
}

function callerOf(node: BanyanNode, endpoint = 'main'): TaskCaller {
  return new TaskCaller(node.endpointUrl(endpoint), (tool) => `fx__${tool}`)
}

describe.each(CHAINS)('%i nodes, names %s', (depth, style) => {
  async function start(): Promise<TaskCaller> {
    const node = await styledChain(mesh, server.url, { depth, style })
    return new TaskCaller(node.endpointUrl('main'), (tool) => shownAs(style, tool))
  }

  test('row 58: a task is there as soon as it is created, under one id to its end', async () => {
    const caller = await start()
    const { result } = await caller.call('slow_compute', ARGS)
    const { taskId, ...created } = result
    const bare = await new TaskCaller(server.url, (tool) => tool).call('slow_compute', ARGS)
    expect(Object.keys(result).toSorted()).toEqual(Object.keys(bare.result).toSorted())
    expect(created).toMatchObject({ resultType: 'task', ttlMs: 300_000 })
    const ended = await caller.reach(String(taskId), 'completed')
    expect(ended).toMatchObject({
      resultType: 'complete',
      taskId,
      ttlMs: 300_000,
      result: { content: [{ type: 'text', text: 'Computed sum.' }] },
    })
    expect(ended).not.toHaveProperty('cacheScope')
    expect(await caller.get(String(taskId))).toMatchObject({ taskId })
  })

  test('row 58: a task that asks is answered, and tells of nothing in between', async () => {
    const caller = await start()
    const taskId = await caller.start('confirm_delete', { filename: 'a.txt' })
    const asking = await caller.reach(taskId, 'input_required')
    expect(asking).toMatchObject({
      resultType: 'complete',
      taskId,
      inputRequests: { confirmation: { method: 'elicitation/create' } },
    })
    expect(asking).not.toHaveProperty('requestState')
    const update = { taskId, inputResponses: { 'no-such-key': { ignored: true } } }
    for (const inputResponses of [update.inputResponses, CONFIRMED]) {
      const { result } = await caller.ask('tasks/update', { taskId, inputResponses })
      expect(Object.keys(result).toSorted()).toEqual(['_meta', 'resultType'])
    }
    const ended = await caller.reach(taskId, 'completed')
    expect(ended).toMatchObject({ result: { content: [{ text: 'a.txt was deleted.' }] } })
  })

  test('row 58: a task is cancelled, once and again', async () => {
    const caller = await start()
    const taskId = await caller.start('slow_compute', { seconds: 600, label: 'long' })
    for (let round = 0; round < 2; round += 1) {
      const { result } = await caller.ask('tasks/cancel', { taskId })
      expect(result).toMatchObject({ resultType: 'complete' })
      expect(Object.keys(result).toSorted()).toEqual(['_meta', 'resultType'])
    }
    expect(await caller.get(taskId)).toMatchObject({ taskId, status: 'cancelled' })
  })

  test('what a task came to is told as the server tells it', async () => {
    const caller = await start()
    const [job, broken] = [
      await caller.start('failing_job'),
      await caller.start('protocol_error_job'),
    ]
    expect(await caller.reach(job, 'completed')).toMatchObject({ result: { isError: true } })
    const failed = await caller.reach(broken, 'failed')
    expect(failed).toMatchObject({ error: { code: CODE.internal, message: 'The job broke down' } })
    expect(failed).not.toHaveProperty('result')
  })

  test('row 36: a caller without the extension is given no task, and told where it needs one', async () => {
    const caller = await start()
    const without = { capabilities: {} }
    const { result } = await caller.call('slow_compute', { seconds: 0, label: 'plain' }, without)
    expect(result).toMatchObject({ resultType: 'complete', content: [{ text: 'Computed plain.' }] })
    expect(result).not.toHaveProperty('taskId')
    const needing = await caller.call('failing_job', {}, without)
    expect(needing.status).toBe(400)
    expect(needing.error).toMatchObject(TASKS_MISSING)
    // Before anything is looked up: the id is of no task.
    for (const method of OF_TASKS) {
      const refused = await caller.ask(method, { taskId: 'gate-test' }, {})
      expect([refused.status, refused.error]).toMatchObject([400, TASKS_MISSING])
    }
  })

  test('row 36: a call that asks first may become a task then', async () => {
    const caller = await start()
    const first = (await caller.call('test_tool_with_task')).result
    expect(first).toMatchObject({
      resultType: 'input_required',
      inputRequests: { user_name: { method: 'elicitation/create' } },
    })
    const { requestState } = first
    const inputResponses = { user_name: { action: 'accept', content: { name: 'Ada' } } }
    const retry = { inputResponses, ...(requestState !== undefined && { requestState }) }
    const created = (await caller.call('test_tool_with_task', {}, retry)).result
    expect(created).toMatchObject({ resultType: 'task' })
    for (const key of ['requestState', 'inputRequests']) expect(created).not.toHaveProperty(key)
    const ended = await caller.reach(String(created['taskId']), 'completed')
    expect(ended).toMatchObject({ result: { content: [{ text: 'Hello, Ada!' }] } })
  })

  test('what would make a task of a call in era 2025 makes none', async () => {
    const caller = await start()
    const { result } = await caller.call('greet', { name: 'Ada' }, { task: { ttl: 1 } })
    expect(result).toMatchObject({ resultType: 'complete', content: [{ text: 'Hello, Ada!' }] })
  })

  test('row 58: an id that was changed, or never was, is of no task', async () => {
    const caller = await start()
    const taskId = await caller.start('slow_compute', { seconds: 600, label: 'long' })
    const swapped = taskId.startsWith('A') ? `B${taskId.slice(1)}` : `A${taskId.slice(1)}`
    for (const bad of [swapped, `${taskId}A`, taskId.slice(1), 'tasks-nonexistent-12345']) {
      for (const method of OF_TASKS) {
        const { error } = await caller.ask(method, { taskId: bad, inputResponses: {} })
        expect(error.code).toBe(CODE.invalidParams)
      }
    }
    expect(await caller.get(taskId)).toMatchObject({ status: 'working' })
    await caller.ask('tasks/cancel', { taskId })
  })

  test('row 39: a listen hears of the tasks it names, by the ids it names them with', async () => {
    const caller = await start()
    const mine = await caller.start('confirm_delete', { filename: 'mine' })
    const other = await caller.start('confirm_delete', { filename: 'other' })
    const stream = await listen(caller, [mine, 'no-such-task'], 'listen-1')
    const tagged = { _meta: { [META.subscriptionId]: 'listen-1' } }
    expect(await stream.next()).toMatchObject({
      method: ACKNOWLEDGED,
      params: { notifications: { taskIds: [mine] }, ...tagged },
    })
    for (const taskId of [other, mine]) {
      await caller.ask('tasks/update', { taskId, inputResponses: CONFIRMED })
    }
    for (const status of ['working', 'completed']) {
      expect(await stream.next()).toMatchObject({
        method: 'notifications/tasks',
        params: { taskId: mine, status, ...tagged },
      })
    }
    expect(stream.raw).not.toContain('other')
  })

  test('a listen to tasks by a caller without the extension is refused', async () => {
    const caller = await start()
    const stream = await listen(caller, ['any'], 1, {})
    expect(stream.status).toBe(400)
    expect(await stream.next()).toMatchObject({ id: 1, error: TASKS_MISSING })
  })
})

test('row 59: the extension is declared where something behind the endpoint has it', async () => {
  const other = await FixtureServer.start({ era: '2026' })
  const node = await mesh.ready('front', {
    upstreams: { fixture: { http: { url: server.url } }, other: { http: { url: other.url } } },
    namespaces: { fx: { from: ['fixture'] }, bare: { from: ['other'] } },
    endpoints: { main: { namespaces: ['*'] }, bare: { namespaces: ['bare'] } },
  })
  const extensionsAt = async (endpoint: string): Promise<JsonObject> => {
    const { result } = await callerOf(node, endpoint).ask('server/discover', {})
    expect(objectAt(result, 'capabilities')).not.toHaveProperty('tasks')
    return objectAt(objectAt(result, 'capabilities'), 'extensions')
  }
  expect((await extensionsAt('main'))[TASKS]).toEqual({})
  expect(await extensionsAt('bare')).not.toHaveProperty(TASKS)
  await mesh.close()
  await other.close()
})

test('row 59: the extension is not declared for a server of era 2025, whatever that says of itself', async () => {
  const old = await FixtureServer.start({
    era: '2025',
    decorate: (method, result) => {
      if (method !== 'initialize') return result
      const extensions = { [TASKS]: {}, 'io.modelcontextprotocol/ui': {} }
      return { ...result, capabilities: { ...objectAt(result, 'capabilities'), extensions } }
    },
  })
  const node = await mesh.front('front', old.url)
  const { result } = await callerOf(node).ask('server/discover', {})
  const extensions = objectAt(objectAt(result, 'capabilities'), 'extensions')
  expect(extensions).toHaveProperty('io.modelcontextprotocol/ui')
  expect(extensions).not.toHaveProperty(TASKS)
  await mesh.close()
  await old.close()
})

/** Nothing tells the task from one that never was, and nobody upstream is asked. */
async function expectUnknown(caller: TaskCaller, taskId: string, proxy: CountingProxy) {
  const before = proxy.total
  const errors = await Promise.all(OF_TASKS.map((method) => caller.ask(method, { taskId })))
  const never = await caller.ask('tasks/get', { taskId: 'never-was' })
  for (const { error } of errors) expect(error).toEqual(never.error)
  expect(never.error.code).toBe(CODE.invalidParams)
  const stream = await listen(caller, [taskId])
  expect(await stream.next()).toMatchObject({ params: { notifications: { taskIds: [] } } })
  expect(proxy.total).toBe(before)
}

describe('who may not have a task', () => {
  const namespaces = { fx: { from: ['fixture'] } }
  const endpoints = { main: { namespaces: ['fx'] }, twin: { namespaces: ['fx'] } }

  async function front(): Promise<{ node: BanyanNode; proxy: CountingProxy; plan: NodePlan }> {
    const proxy = await proxied()
    const plan = { upstreams: { fixture: { http: { url: proxy.url } } }, namespaces, endpoints }
    return { node: await mesh.ready('front', plan), proxy, plan }
  }

  test('row 58: another endpoint knows nothing of it, and nothing goes upstream', async () => {
    const { node, proxy } = await front()
    const taskId = await callerOf(node).start('slow_compute', { seconds: 600, label: 'long' })
    await expectUnknown(callerOf(node, 'twin'), taskId, proxy)
    expect(await callerOf(node).get(taskId)).toMatchObject({ status: 'working' })
  })

  test('row 58: one whose tool is not shown any more has no task of it', async () => {
    const { node, proxy, plan } = await front()
    const caller = callerOf(node)
    const taskId = await caller.start('confirm_delete', { filename: 'a.txt' })
    const stream = await listen(caller, [taskId])
    expect(await stream.next()).toMatchObject({ params: { notifications: { taskIds: [taskId] } } })
    const other = { other: { from: ['fixture'] } }
    await mesh.replan(node, {
      ...plan,
      namespaces: { ...namespaces, ...other },
      endpoints: { main: { namespaces: ['other'] }, twin: { namespaces: ['fx'] } },
    })
    await expectUnknown(caller, taskId, proxy)
    await mesh.replan(node, plan)
    await caller.ask('tasks/update', { taskId, inputResponses: CONFIRMED })
    expect(await stream.next()).toMatchObject({ params: { taskId, status: 'working' } })
  })
})

test('row 58: an id outlives the node that gave it', async () => {
  const sessionKey = randomBytes(32).toString('base64url')
  const plan: NodePlan = {
    upstreams: { fixture: { http: { url: server.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    node: { sessionKey },
  }
  const before = await mesh.ready('front', plan)
  const taskId = await callerOf(before).start('slow_compute', { seconds: 0, label: 'sum' })
  await mesh.close()
  // Not waited for: the list its tool stands in is still on its way.
  const after = callerOf(await mesh.start('front', plan))
  expect(await after.get(taskId)).toMatchObject({ taskId, status: 'completed' })
})

test('row 31: what a task asks goes to no caller that cannot be asked', async () => {
  const node = await mesh.front('front', server.url)
  const caller = callerOf(node)
  const extensions = { [TASKS]: {} }
  const deaf = { extensions }
  const taskId = await caller.start('confirm_delete', { filename: 'a.txt' })
  await caller.reach(taskId, 'input_required')
  const { error } = await caller.ask('tasks/get', { taskId }, deaf)
  expect(error.code).toBe(-31_005)
  expect(JSON.stringify(error)).not.toContain('a.txt')
  // It can be given up all the same.
  expect((await caller.ask('tasks/cancel', { taskId }, deaf)).result).toMatchObject({
    resultType: 'complete',
  })
})

test('row 28: what a task came to speaks of resources that can be read', async () => {
  const other = await FixtureServer.start({ era: '2026' })
  const task = { taskId: 'Straße 1', status: 'completed', ttlMs: null }
  const content = [{ type: 'resource_link', name: 'one', uri: 'test://static/1' }]
  other.on('tools/call', (exchange) => exchange.result({ resultType: 'task', ...task }))
  other.on('tasks/get', (exchange) => exchange.result({ ...task, result: { content } }))
  const node = await styledChain(mesh, other.url, { depth: 3, style: 'prefixed' })
  const caller = callerOf(node)
  const taskId = await caller.start('echo', { message: 'x' })
  const { result } = await caller.get(taskId)
  const [link] = objectAt({ result }, 'result')['content'] as JsonObject[]
  expect(link?.['uri']).not.toBe('test://static/1')
  const read = await caller.ask('resources/read', { uri: link?.['uri'] })
  expect(read.result).toMatchObject({ contents: [{ uri: link?.['uri'], text: 'static 1' }] })
  const [asked] = other.received('tasks/get')
  expect(asked?.params['taskId']).toBe('Straße 1')
  expect(decodeHeaderValue(String(asked?.headers['mcp-name']))).toBe('Straße 1')
  expect(other.violations).toEqual([])
  await mesh.close()
  await other.close()
})

test('row 40: a listen that drops is opened again, and its caller is told where the task stands', async () => {
  const proxy = await proxied()
  const node = await mesh.front('front', proxy.url)
  const caller = callerOf(node)
  const taskId = await caller.start('confirm_delete', { filename: 'a.txt' })
  const stream = await listen(caller, [taskId])
  expect(await stream.next()).toMatchObject({ method: ACKNOWLEDGED })
  const listens = proxy.count('subscriptions/listen')
  proxy.cut()
  await until(() => proxy.count('subscriptions/listen') > listens, 'the new listen')
  await caller.ask('tasks/update', { taskId, inputResponses: CONFIRMED })
  const seen: unknown[] = []
  while (!seen.includes('completed')) {
    const params = objectAt(await stream.next(), 'params')
    expect(params).toMatchObject({ taskId, _meta: { [META.subscriptionId]: 'my-listen' } })
    seen.push(params['status'])
  }
})

test('a listen ends at the server with the one it was opened for', async () => {
  const proxy = await proxied()
  const node = await mesh.front('front', proxy.url)
  const caller = callerOf(node)
  const taskId = await caller.start('slow_compute', { seconds: 600, label: 'long' })
  const idle = proxy.open
  const stream = await listen(caller, [taskId])
  await stream.next()
  expect(proxy.open).toBe(idle + 1)
  stream.close()
  await until(() => proxy.open === idle, 'the end at the server')
  await caller.ask('tasks/cancel', { taskId }, WITH_TASKS)
})

test('row 39: listens to tasks stay apart on the pipe of a process', async () => {
  const inner = await mesh.ready('inner', {
    upstreams: { fixture: { stdio: taskCommand() } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  const node = { url: inner.endpointUrl('main'), as: '{namespace}' }
  const caller = callerOf(await mesh.ready('outer', { upstreams: { next: { node } } }))
  const taskIds = [await caller.start('job'), await caller.start('job')]
  const both: RawStream[] = []
  for (const taskId of taskIds) both.push(await listen(caller, [taskId], taskId))
  for (const [index, taskId] of taskIds.entries()) {
    expect(await both[index]?.next()).toMatchObject({
      params: { notifications: { taskIds: [taskId] } },
    })
  }
  for (const taskId of taskIds) await caller.ask('tasks/update', { taskId, inputResponses: {} })
  for (const [index, taskId] of taskIds.entries()) {
    expect(await both[index]?.next()).toMatchObject({
      method: 'notifications/tasks',
      params: { taskId, status: 'completed', _meta: { [META.subscriptionId]: taskId } },
    })
  }
})
