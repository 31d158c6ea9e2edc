// The core tasks of 2025-11-25 (utilities/tasks) through nodes, and what callers and servers of the other era see of them.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startConformanceV1 } from '../fixtures/conformance-v1.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { callModern, legacySession } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { callerOf } from './caller.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Mesh } from './mesh.ts'
import { CHAINS, shownAs, styledChain } from './styled-chain.ts'
import { TASKS, TASKS_MISSING, WITH_TASKS } from './task-caller.ts'

const RELATED = 'io.modelcontextprotocol/related-task'

const mesh = new Mesh()
const cleanups: (() => Promise<unknown>)[] = []
let [old, modern]: [RunningFixture, RunningFixture] = [] as never

beforeAll(async () => {
  old = await startConformanceV1()
  modern = await startConformanceV2({ era: '2026' })
})

afterAll(async () => {
  await old.close()
  await modern.close()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await mesh.close()
})

/** A client on SDK v1, the referee of its era. */
class Referee {
  readonly client: Client = new Client(
    { name: 'referee', version: '1.0.0' },
    { capabilities: { elicitation: {}, tasks: {} } },
  )
  /** Which task each question said it belongs to. */
  readonly related: unknown[] = []

  static async at(url: string): Promise<Referee> {
    const referee = new Referee()
    referee.client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      referee.related.push(objectAt(objectAt(params, '_meta'), RELATED)['taskId'])
      return { action: 'accept', content: { confirm: true } }
    })
    await referee.client.connect(new StreamableHTTPClientTransport(new URL(url)))
    cleanups.push(() => referee.client.close())
    return referee
  }

  async start(name: string, args: JsonObject = {}): Promise<string> {
    const params = { name, arguments: args, task: { ttl: 60_000 } }
    const request = { method: 'tools/call', params } as const
    const { task } = await this.client.request(request, CreateTaskResultSchema)
    return task.taskId
  }

  get(taskId: string): Promise<JsonObject> {
    return this.client.experimental.tasks.getTask(taskId)
  }

  result(taskId: string): Promise<JsonObject> {
    return this.client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema)
  }
}

describe.each(CHAINS)('%i nodes, names %s', (depth, style) => {
  async function start(): Promise<{
    url: string
    referee: Referee
    name: (tool: string) => string
  }> {
    const node = await styledChain(mesh, old.url, { depth, style, era: '2025' })
    const url = node.endpointUrl('main')
    return { url, referee: await Referee.at(url), name: (tool) => shownAs(style, tool) }
  }

  test('row 58: a task runs to its result, under one id', async () => {
    const { referee, name } = await start()
    const taskId = await referee.start(name('failing_job'))
    expect(await referee.result(taskId)).toMatchObject({
      content: [{ type: 'text', text: 'The job failed.' }],
      isError: true,
      _meta: { [RELATED]: { taskId } },
    })
    expect(await referee.get(taskId)).toMatchObject({ taskId, status: 'completed', ttl: 60_000 })
  })

  test('row 58: what a task asks comes to whoever waits for its result, and names that task', async () => {
    const { referee, name } = await start()
    const taskId = await referee.start(name('confirm_delete'), { filename: 'a.txt' })
    const asks = async () => (await referee.get(taskId))['status'] === 'input_required'
    await until(asks, 'the task to ask')
    expect(await referee.result(taskId)).toMatchObject({
      content: [{ text: 'a.txt was deleted.' }],
    })
    expect(referee.related).toEqual([taskId])
  })

  test('row 58: a task is cancelled, once', async () => {
    const { referee, name } = await start()
    const taskId = await referee.start(name('confirm_delete'), { filename: 'a.txt' })
    const { tasks } = referee.client.experimental
    expect(await tasks.cancelTask(taskId)).toMatchObject({ taskId, status: 'cancelled' })
    await expect(tasks.cancelTask(taskId)).rejects.toMatchObject({ code: CODE.invalidParams })
  })

  test('an error of the protocol is the failure of the task', async () => {
    const { referee, name } = await start()
    const taskId = await referee.start(name('protocol_error_job'))
    await expect(referee.result(taskId)).rejects.toMatchObject({ code: CODE.internal })
    expect(await referee.get(taskId)).toMatchObject({ status: 'failed' })
  })

  test('row 59: tasks are declared, and which tools have them; a list of several is not', async () => {
    const { url, name } = await start()
    const session = await legacySession(url)
    expect(objectAt(session.initialized, 'capabilities')['tasks']).toEqual({
      cancel: {},
      requests: { tools: { call: {} } },
    })
    expect((await session.call('tasks/list')).error.code).toBe(CODE.methodNotFound)
    const tools = await (await callerOf('2025', url)).tools()
    const job = tools.find((tool) => tool['name'] === name('failing_job'))
    expect(job).toMatchObject({ execution: { taskSupport: 'required' } })
  })

  test('a tool called in the way it has not is refused by the server', async () => {
    const { referee, name } = await start()
    const params = { name: name('failing_job'), arguments: {} }
    const call = referee.client.request({ method: 'tools/call', params }, CallToolResultSchema)
    await expect(call).rejects.toMatchObject({ code: CODE.methodNotFound })
    await expect(referee.start(name('greet'))).rejects.toMatchObject({ code: CODE.methodNotFound })
  })

  test('row 58: an id that never was is of no task', async () => {
    const { referee } = await start()
    await expect(referee.get('never-was')).rejects.toMatchObject({ code: CODE.invalidParams })
    await expect(referee.result('never-was')).rejects.toMatchObject({ code: CODE.invalidParams })
  })
})

describe.each(CHAINS)('callers of the other era, %i nodes, names %s', (depth, style) => {
  const name = (tool: string): string => shownAs(style, tool)

  test('row 59: a caller of 2026 is told nothing of core tasks, and calls work', async () => {
    const proxy = await CountingProxy.start(old.url)
    cleanups.push(() => proxy.close())
    const node = await styledChain(mesh, proxy.url, { depth, style })
    const url = node.endpointUrl('main')
    const options = { capabilities: WITH_TASKS }
    const { result } = await callModern(url, 'server/discover', {}, options)
    const declared = objectAt(result, 'capabilities')
    expect(declared).not.toHaveProperty('tasks')
    expect(declared['extensions']).not.toHaveProperty([TASKS])
    const tools = await (await callerOf('2026', url)).tools()
    const shown = tools.map((tool) => tool['name'])
    expect(shown).toContain(name('confirm_delete'))
    expect(shown).not.toContain(name('failing_job'))
    expect(JSON.stringify(tools)).not.toContain('taskSupport')
    // What would make a task of it in the other era, too.
    for (const more of [{}, { task: { ttl: 1_000 } }]) {
      const greet = { name: name('greet'), arguments: { name: 'Ada' }, ...more }
      expect((await callModern(url, 'tools/call', greet, options)).result).toMatchObject({
        resultType: 'complete',
        content: [{ text: 'Hello, Ada!' }],
      })
      const remove = { name: name('confirm_delete'), arguments: { filename: 'a.txt' }, ...more }
      expect((await callModern(url, 'tools/call', remove, options)).result).toMatchObject({
        resultType: 'input_required',
      })
    }
    // Row 19: what is not shown is unknown, and nothing goes upstream.
    const calls = proxy.count('tools/call')
    const hidden = await callModern(url, 'tools/call', { name: name('failing_job') }, options)
    expect(hidden.error.code).toBe(CODE.invalidParams)
    expect(proxy.count('tools/call')).toBe(calls)
  })

  test('row 59: a caller of a revision before them is told nothing of core tasks, and calls work', async () => {
    const node = await styledChain(mesh, old.url, { depth, style, era: '2025' })
    const session = await legacySession(node.endpointUrl('main'), { version: '2025-06-18' })
    expect(session.initialized['capabilities']).not.toHaveProperty('tasks')
    const tools = (await session.call('tools/list')).result['tools'] as JsonObject[]
    expect(tools.filter((tool) => 'execution' in tool)).toEqual([])
    const names = tools.map((tool) => tool['name'])
    expect(names).toContain(shownAs(style, 'confirm_delete'))
    expect(names).not.toContain(shownAs(style, 'failing_job'))
    const call = (tool: string) =>
      session.call('tools/call', { name: shownAs(style, tool), arguments: { name: 'Ada' } })
    expect((await call('failing_job')).error.code).toBe(CODE.invalidParams)
    expect((await call('greet')).result).toMatchObject({ content: [{ text: 'Hello, Ada!' }] })
  })

  test('row 59: where a link between nodes is of 2026, a caller of 2025 is told nothing of core tasks', async () => {
    const inner = await styledChain(mesh, old.url, { depth, style })
    const node = { url: inner.endpointUrl('main'), as: '{namespace}' }
    const outer = await mesh.ready('outer', {
      upstreams: { next: { node, era: '2026' } },
      endpoints: { main: { namespaces: ['fx'], names: style } },
    })
    const session = await legacySession(outer.endpointUrl('main'))
    expect(session.initialized['capabilities']).not.toHaveProperty('tasks')
    const tools = (await session.call('tools/list')).result['tools'] as JsonObject[]
    const names = tools.map((tool) => tool['name'])
    expect(names).toContain(name('confirm_delete'))
    expect(names).not.toContain(name('failing_job'))
    expect(JSON.stringify(tools)).not.toContain('taskSupport')
    const greet = { name: name('greet'), arguments: { name: 'Ada' } }
    expect((await session.call('tools/call', greet)).result).toMatchObject({
      content: [{ text: 'Hello, Ada!' }],
    })
  })

  test('row 59: a caller of 2025 is told nothing of the extension, and calls work', async () => {
    const node = await styledChain(mesh, modern.url, { depth, style })
    const capabilities = { extensions: { [TASKS]: {} } }
    const session = await legacySession(node.endpointUrl('main'), { capabilities })
    const declared = objectAt(session.initialized, 'capabilities')
    expect(declared).not.toHaveProperty('tasks')
    expect(objectAt(declared, 'extensions')).not.toHaveProperty(TASKS)
    // Row 36: also one that claims the extension is given no task, for it could do nothing with it.
    for (const more of [{}, { task: { ttl: 1_000 } }]) {
      const slow = { name: name('slow_compute'), arguments: { seconds: 0, label: 'sum' }, ...more }
      const { result } = await session.call('tools/call', slow)
      expect(result).toMatchObject({ content: [{ text: 'Computed sum.' }] })
      expect(result).not.toHaveProperty('taskId')
    }
    const { error } = await session.call('tools/call', { name: name('failing_job') })
    expect(error).toMatchObject(TASKS_MISSING)
  })
})
