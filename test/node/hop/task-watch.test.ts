// Listens to tasks at upstreams: what is granted, what is told, and what comes of a listen that drops.
import { UNKNOWN_HINTS } from '../../../protocol/policy/policy.ts'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import type { Entry, Subscribed } from '../../../node/core/stages.ts'
import type { Upstreams } from '../../../node/hop/exchange.ts'
import { TaskIds } from '../../../node/hop/task-ids.ts'
import { watchTasks, type TaskWatchParts } from '../../../node/hop/task-watch.ts'
import type { FrameSink, OutFrame } from '../../../node/outbound/connection.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { Fault } from '../../../protocol/errors.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'
import { META, objectAt, type JsonObject } from '../../fixtures/wire.ts'
import { visible } from './calls.ts'

const CAPABILITIES = { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } }
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const TASKS = 'notifications/tasks'

/** A request an upstream got. */
interface Got {
  readonly frame: OutFrame
  readonly params: JsonObject
  readonly cancelled: string[]
  readonly sink: FrameSink
  readonly notify: (method: string, params: object) => void
  readonly grant: (taskIds: readonly unknown[]) => void
  readonly tell: (params: object) => void
  readonly respond: (body: object) => void
}

/** An upstream that is up unless the test says otherwise, and says what the test wants. */
class FakeUpstream {
  readonly got: Got[] = []
  era: '2025' | '2026' = '2026'
  isUp = true

  get link(): object {
    const connection = {
      era: this.era,
      meta: (offered: string) => `"offered":{${offered}}`,
      server: { capabilities: {}, name: 'fake', federation: undefined },
      send: (frame: OutFrame, sink: FrameSink) => this.#take(frame, sink),
    }
    return {
      current: () => (this.isUp ? connection : undefined),
      connection: () => Promise.reject(new Fault('upstream_unavailable', 'it is down')),
    }
  }

  /** The newest request of a method. */
  last(method = 'subscriptions/listen'): Got {
    const found = this.got.findLast(({ frame }) => frame.method === method)
    if (found === undefined) throw new Error(`no ${method}`)
    return found
  }

  #take(frame: OutFrame, sink: FrameSink): { cancel(reason: string): void; resume(): void } {
    const cancelled: string[] = []
    const { params } = JSON.parse(frame.body.toString()) as { params: JsonObject }
    const notify = (method: string, content: object): void => {
      const text = JSON.stringify({ jsonrpc: '2.0', method, params: content })
      sink.notification(readUpstreamMessage(Buffer.from(text)))
    }
    this.got.push({
      frame,
      params,
      cancelled,
      sink,
      notify,
      grant: (taskIds) => notify(ACKNOWLEDGED, { notifications: { taskIds } }),
      tell: (content) => notify(TASKS, content),
      respond: (body) => {
        const text = JSON.stringify({ jsonrpc: '2.0', id: frame.id, ...body })
        sink.response(readUpstreamMessage(Buffer.from(text)))
      },
    })
    return { cancel: (reason) => cancelled.push(reason), resume: () => undefined }
  }
}

let files: FakeUpstream
let mail: FakeUpstream
let tools: Map<string, Entry>
let told: { readonly taskId: string; readonly message: JsonObject }[]
let parts: TaskWatchParts

beforeEach(() => {
  vi.useFakeTimers()
  ;[files, mail, told] = [new FakeUpstream(), new FakeUpstream(), []]
  tools = new Map(['files', 'mail'].map((upstream) => [`${upstream}__a`, entryOf(upstream)]))
  parts = {
    catalogue: {
      find: (_endpoint, _kind, name) => tools.get(name),
      firstLists: () => undefined,
      findResource: () => undefined,
      sightOf: () => undefined,
    },
    tasks: new TaskIds(new Sealer(randomBytes(32), 'task'), 8_192),
    upstreams: () => new Map(Object.entries({ files, mail })) as unknown as Upstreams,
    names: () => 'prefixed',
  }
})

afterEach(() => {
  vi.useRealTimers()
})

function entryOf(upstream: string): Entry {
  return {
    kind: 'tool',
    name: `${upstream}__a`,
    id: { organisation: 'acme', node: 'x', namespace: upstream, name: 'a' },
    source: upstream,
    namespace: upstream,
    paramHeaders: [],
    hints: UNKNOWN_HINTS,
    candidates: [{ upstream, name: 'a', imported: false }],
  }
}

const CALL = visible({
  params: { name: 'files__a' },
  caller: { era: '2026', capabilities: readClientCapabilities(CAPABILITIES) },
})

/** The id under which the caller has a task of an upstream. */
function shown(id: string, upstream = 'files'): string {
  const { principal, received } = CALL
  const place = { tool: `${upstream}__a`, upstream, id }
  return parts.tasks.seal({ endpoint: received.endpoint, principal }, place)
}

function watch(taskIds: readonly string[]): Promise<Subscribed> {
  return watchTasks(parts, CALL, {
    taskIds,
    changed: (taskId, message) => {
      told.push({ taskId, message: JSON.parse(message.toString()) as JsonObject })
    },
  })
}

/** Lets what waits for promises go on. */
function settle(): Promise<unknown> {
  return vi.advanceTimersByTimeAsync(0)
}

/** A watch of one task that is granted. */
async function granted(): Promise<Subscribed> {
  const watching = watch([shown('t')])
  await settle()
  files.last().grant(['t'])
  return watching
}

function statuses(): unknown[] {
  return told.map(({ message }) => objectAt(message, 'params')['status'])
}

describe('what is granted', () => {
  test('row 38: is what each upstream grants, in the order it was asked for', async () => {
    const [a, b, c] = [shown('a'), shown('b', 'mail'), shown('c')]
    const watching = watch([c, b, 'no-such-task', a])
    await settle()
    expect(objectAt(files.last().params, 'notifications')).toEqual({ taskIds: ['c', 'a'] })
    expect(objectAt(mail.last().params, 'notifications')).toEqual({ taskIds: ['b'] })
    // Row 31: in the name of this caller, who has the extension.
    const { offered } = CALL.received.caller.capabilities
    const meta = objectAt(files.last().params, '_meta')
    expect(meta['offered']).toEqual(JSON.parse(`{${offered}}`))
    files.last().grant(['a', 'c', 'not-asked-for'])
    mail.last().grant([])
    expect((await watching).granted).toEqual([c, a])
    // A listen that was granted nothing is not kept.
    expect([files.last().cancelled, mail.last().cancelled.length]).toEqual([[], 1])
  })

  test('row 58: ids that lead nowhere are not, and nobody is asked', async () => {
    tools.delete('mail__a')
    const foreign = new TaskIds(new Sealer(randomBytes(32), 'task'), 8_192)
    const { principal } = CALL
    const other = { tool: 'files__a', upstream: 'files', id: 't' }
    const subscribed = await watch([
      'never-was',
      shown('hidden', 'mail'),
      parts.tasks.seal({ endpoint: 'other', principal }, other),
      foreign.seal({ endpoint: 'main', principal }, other),
      shown('gone', 'vanished'),
    ])
    expect(subscribed.granted).toEqual([])
    expect([files.got, mail.got]).toEqual([[], []])
  })

  test.each([
    {
      what: 'refuses',
      refuse: (got: Got) => got.respond({ error: { code: -32_601, message: '' } }),
    },
    { what: 'ends at once', refuse: (got: Got) => got.respond({ result: {} }) },
    {
      what: 'is lost',
      refuse: (got: Got) => got.sink.failed(new Fault('upstream_unavailable', ''), false),
    },
    {
      what: 'grants it in no way that can be read',
      refuse: (got: Got) => got.notify(ACKNOWLEDGED, {}),
    },
  ])('is nothing where the upstream $what', async ({ refuse }) => {
    const watching = watch([shown('t')])
    await settle()
    refuse(files.last())
    expect((await watching).granted).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(files.got).toHaveLength(1)
  })

  test('is nothing where the upstream is down, of the other era, or gone', async () => {
    files.isUp = false
    mail.era = '2025'
    expect((await watch([shown('t'), shown('t', 'mail')])).granted).toEqual([])
    parts = { ...parts, upstreams: () => new Map() }
    expect((await watch([shown('t')])).granted).toEqual([])
    expect([files.got, mail.got]).toEqual([[], []])
  })

  test('row 38: one that hangs is not waited for, and what it says later is not heard', async () => {
    const watching = watch([shown('t'), shown('u', 'mail')])
    await settle()
    mail.last().grant(['u'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect((await watching).granted).toEqual([shown('u', 'mail')])
    expect(files.last().cancelled).toHaveLength(1)
    files.last().grant(['t'])
    files.last().tell({ taskId: 't', status: 'completed' })
    expect(told).toEqual([])
  })
})

describe('what is told', () => {
  test('row 39: names task and subscription as the caller knows them, and keeps all else', async () => {
    await granted()
    const content = [{ type: 'resource_link', uri: 'file:///a' }]
    const related = { 'io.modelcontextprotocol/related-task': { taskId: 't' } }
    const noted = { _meta: { [META.subscriptionId]: 99, own: 1, ...related } }
    files.last().tell({ taskId: 't', status: 'completed', more: 1, result: { content }, ...noted })
    const [{ taskId, message } = { taskId: '', message: {} }] = told
    expect(taskId).toBe(shown('t'))
    expect(message).toEqual({
      jsonrpc: '2.0',
      method: TASKS,
      params: {
        taskId: shown('t'),
        status: 'completed',
        more: 1,
        result: {
          content: [{ type: 'resource_link', uri: expect.stringMatching(/^file:\/\/.+a$/) }],
        },
        _meta: {
          [META.subscriptionId]: CALL.received.request.id,
          own: 1,
          'io.modelcontextprotocol/related-task': { taskId: shown('t') },
        },
      },
    })
    expect(JSON.stringify(message)).not.toContain('"file:///a"')
  })

  test.each([undefined, null, {}])('is tagged where the upstream says _meta: %j', async (_meta) => {
    await granted()
    files.last().tell({ taskId: 't', status: 'working', _meta })
    const { _meta: meta } = objectAt(told[0]?.message, 'params')
    expect(meta).toEqual({ [META.subscriptionId]: CALL.received.request.id })
  })

  test('row 39: is nothing about other tasks, and nothing that is not about tasks', async () => {
    await granted()
    const { notify, tell } = files.last()
    tell({ taskId: 'other', status: 'working' })
    tell({ taskId: 5, status: 'working' })
    tell({})
    notify('notifications/message', { level: 'info', data: 'x', taskId: 't' })
    notify('notifications/tools/list_changed', { taskId: 't' })
    expect(told).toEqual([])
  })

  test('row 39: is nothing before it is granted, and nothing of a tool that is hidden now', async () => {
    const watching = watch([shown('t')])
    await settle()
    files.last().tell({ taskId: 't', status: 'working' })
    files.last().grant(['t'])
    await watching
    const entry = tools.get('files__a')
    tools.delete('files__a')
    files.last().tell({ taskId: 't', status: 'hidden' })
    if (entry !== undefined) tools.set('files__a', entry)
    files.last().tell({ taskId: 't', status: 'completed' })
    expect(statuses()).toEqual(['completed'])
  })

  test('row 31: is nothing that asks for what the caller did not declare', async () => {
    await granted()
    for (const method of ['sampling/createMessage', 'roots/list', 'vendor/ask']) {
      const inputRequests = { ask: { method, params: {} } }
      files.last().tell({ taskId: 't', status: 'input_required', inputRequests })
    }
    files.last().tell({ taskId: 't', status: 'input_required', inputRequests: 'x' })
    expect(told).toEqual([])
    const inputRequests = { ask: { method: 'elicitation/create', params: {} } }
    files.last().tell({ taskId: 't', status: 'input_required', inputRequests })
    expect(statuses()).toEqual(['input_required'])
  })
})

describe('a listen that drops', () => {
  test('row 40: is opened again, and each task is looked at', async () => {
    await granted()
    files.last().respond({ result: { resultType: 'complete' } })
    await vi.advanceTimersByTimeAsync(100)
    expect(files.got).toHaveLength(2)
    expect(objectAt(files.last().params, 'notifications')).toEqual({ taskIds: ['t'] })
    files.last().grant(['t'])
    const look = files.last('tasks/get')
    expect([look.frame.name, look.params['taskId']]).toEqual(['t', 't'])
    const noted = { _meta: { [META.serverInfo]: {} } }
    look.respond({ result: { resultType: 'complete', taskId: 't', status: 'completed', ...noted } })
    await settle()
    expect(told).toMatchObject([{ taskId: shown('t') }])
    expect(told[0]?.message).toEqual({
      jsonrpc: '2.0',
      method: TASKS,
      params: {
        taskId: shown('t'),
        status: 'completed',
        _meta: { [META.subscriptionId]: CALL.received.request.id },
      },
    })
    files.last().tell({ taskId: 't', status: 'later' })
    expect(statuses()).toEqual(['completed', 'later'])
  })

  test('row 40: is opened again with growing pauses, however it is refused', async () => {
    await granted()
    files.last().sink.failed(new Fault('upstream_unavailable', ''), false)
    await vi.advanceTimersByTimeAsync(100)
    files.last().respond({ error: { code: -32_601, message: '' } })
    await vi.advanceTimersByTimeAsync(199)
    expect(files.got).toHaveLength(2)
    files.isUp = false
    await vi.advanceTimersByTimeAsync(1)
    expect(files.got).toHaveLength(2)
    files.isUp = true
    await vi.advanceTimersByTimeAsync(400)
    expect(files.got).toHaveLength(3)
    // Nor does one that is never acknowledged count.
    await vi.advanceTimersByTimeAsync(2_000 + 800)
    expect([files.got.length, files.got[2]?.cancelled.length]).toEqual([4, 1])
  })

  test('what a look cannot find out is not told', async () => {
    await granted()
    for (const body of [{ error: { code: -32_602, message: '' } }, { result: [] }, {}]) {
      files.last().respond({ result: {} })
      await vi.advanceTimersByTimeAsync(5_000)
      files.last().grant(['t'])
      files.last('tasks/get').respond(body)
      await settle()
    }
    expect(told).toEqual([])
  })

  test('what is left of an older one is not heard', async () => {
    await granted()
    const older = files.last()
    older.respond({ result: {} })
    older.tell({ taskId: 't', status: 'late' })
    await vi.advanceTimersByTimeAsync(100)
    older.sink.failed(new Fault('upstream_unavailable', ''), false)
    older.tell({ taskId: 't', status: 'late' })
    await vi.advanceTimersByTimeAsync(1_000)
    expect([files.got.length, told]).toEqual([2, []])
  })
})

test('the end of a watch ends its listens, and nothing is done any more', async () => {
  const subscribed = await granted()
  subscribed.end()
  expect(files.last().cancelled).toHaveLength(1)
  files.last().tell({ taskId: 't', status: 'late' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect([files.got.length, told, vi.getTimerCount()]).toEqual([1, [], 0])
})

test('the end of a watch while its listen is down ends that too', async () => {
  const subscribed = await granted()
  files.last().respond({ result: {} })
  subscribed.end()
  await vi.advanceTimersByTimeAsync(60_000)
  expect([files.got.length, vi.getTimerCount()]).toEqual([1, 0])
})
