// Calls by way of `call_tool`, over whole nodes: nothing tells them from direct ones.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema, CreateTaskResultSchema } from '@modelcontextprotocol/sdk/types.js'
import type { BanyanNode } from '../../node/main/index.ts'
import { startConformanceV1 } from '../fixtures/conformance-v1.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { guestOf, type Guest } from '../fixtures/guest.ts'
import { CODE, type JsonObject } from '../fixtures/wire.ts'
import { byCallTool, wrapped } from './by-call-tool.ts'
import { callMatrix, type MatrixSubject } from './call-matrix.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { configOf, Mesh, type NodePlan } from './mesh.ts'
import { Records } from './records.ts'
import { TaskCaller, WITH_TASKS } from './task-caller.ts'

const SEARCHED = { main: { namespaces: ['*'], tools: 'search' } }

const mesh = new Mesh()
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await mesh.close()
})

function planOf(url: string): NodePlan {
  return {
    upstreams: { fixture: { http: { url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: SEARCHED,
  }
}

async function front(url: string, records?: Records): Promise<BanyanNode> {
  return mesh.ready('front', planOf(url), records === undefined ? {} : { log: records.log })
}

async function fixtureOf(...given: Parameters<typeof FixtureServer.start>): Promise<FixtureServer> {
  const fixture = await FixtureServer.start(...given)
  cleanups.push(() => fixture.close())
  return fixture
}

/** An answer without what differs in any two. */
function bare({ raw }: { readonly raw: string }): string {
  return raw.replaceAll(/id: .*\n|"requestState":"[^"]*"/g, '')
}

function accept(): JsonObject {
  return { action: 'accept', content: { name: 'Ada' } }
}

describe.each(ERAS)('over two nodes, before a server of era %s', (upstreamEra) => {
  const own = new Mesh()
  let subject: MatrixSubject

  beforeAll(async () => {
    const fixture = await FixtureServer.start({ era: upstreamEra })
    const behind = await own.ready('behind', planOf(fixture.url))
    const node = { url: behind.endpointUrl('main'), as: '{namespace}' }
    const outer = await own.ready('front', { upstreams: { next: { node } }, endpoints: SEARCHED })
    subject = { fixture, nodes: [outer, behind], url: outer.endpointUrl('main') }
  })

  afterAll(async () => {
    await own.close()
    await subject.fixture.close()
  })

  for (const era of ERAS) {
    callMatrix(era, () => subject, byCallTool)

    test.each([
      ['echo', { message: 'x' }],
      ['add', { a: 1, b: 2 }],
      ['fail', {}],
      ['error', { code: 7, message: 'm', data: [1] }],
      ['link_resource', {}],
      ['region', { region: 'eu' }],
      ['none', {}],
      ['ask_form', {}],
    ])(`${era} caller: %s answers as if it was called directly`, async (name, args) => {
      const caller = await callerOf(era, subject.url)
      const headers = name === 'region' ? { 'mcp-param-region': 'eu' } : {}
      const direct = await caller.call(`fx__${name}`, args, { id: 7, headers })
      const through = await byCallTool(caller).call(`fx__${name}`, args, { id: 7 })
      expect(bare(through)).toBe(bare(direct))
      expect(through.status).toBe(direct.status)
      expect(subject.fixture.violations).toEqual([])
    })
  }
})

describe.each(ERAS)('a caller of era %s', (era) => {
  test('may leave arguments out', async () => {
    const fixture = await fixtureOf()
    const caller = await callerOf(era, (await front(fixture.url)).endpointUrl('main'))
    const reply = await byCallTool(caller).ask('tools/call', { name: 'fx__meta' })
    expect(JSON.parse(textOf(reply))).not.toHaveProperty('arguments')
  })

  test('is told in words what is wrong with its arguments', async () => {
    const fixture = await fixtureOf()
    const caller = await callerOf(era, (await front(fixture.url)).endpointUrl('main'))
    const wrong = [
      {},
      { name: 7 },
      { name: 'fx__echo', arguments: '{}' },
      { name: 'x', message: 'y' },
    ]
    for (const args of wrong) {
      const { result } = await caller.call('call_tool', args)
      expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
      expect('resultType' in result).toBe(era === '2026')
    }
    expect(fixture.calls()).toEqual([])
  })

  test('calls no tool of the endpoint itself that way', async () => {
    const fixture = await fixtureOf()
    const caller = await callerOf(era, (await front(fixture.url)).endpointUrl('main'))
    for (const name of ['call_tool', 'search_tools', 'describe_tools']) {
      const { error } = await byCallTool(caller).call(name, { query: 'x' })
      expect(error).toMatchObject({ code: CODE.invalidParams, message: `unknown tool: ${name}` })
    }
  })

  test('is asked what the tool asks, and answered when it has answered', async () => {
    for (const upstream of ERAS) {
      const fixture = await fixtureOf({ era: upstream })
      const url = (await front(fixture.url)).endpointUrl('main')
      const guest: Guest = await guestOf(era, url, { answer: accept })
      const { result, asked } = await guest.request(
        'tools/call',
        wrapped({ name: 'fx__ask_form', arguments: {} }),
      )
      expect(asked).toHaveLength(1)
      expect(JSON.parse(textOf({ result }))).toEqual({ form: accept() })
      expect(fixture.calls('ask_form').length).toBe(upstream === '2026' ? 2 : 1)
      await mesh.close()
    }
  })

  test('leaves a line in the audit that names the tool', async () => {
    const records = new Records()
    const fixture = await fixtureOf()
    const config = { ...configOf('edge', planOf(fixture.url)), audit: {} }
    const node = await mesh.startConfig(config, { log: records.log })
    await node.ready()
    const caller = await callerOf(era, node.endpointUrl('main'))
    await byCallTool(caller).call('fx__echo', { message: 'x' })
    await byCallTool(caller).call('fx__none')
    await caller.call('search_tools', { query: 'echo' })
    await caller.call('describe_tools', { names: 7 })
    expect(records.calls.map(({ tool, decision, upstream }) => [tool, decision, upstream])).toEqual(
      [
        ['fx__echo', 'allowed', 'fixture'],
        ['fx__none', 'refused', undefined],
        ['search_tools', 'allowed', undefined],
        ['describe_tools', 'allowed', undefined],
      ],
    )
    expect(records.text).not.toContain('call_tool')
  })
})

describe('tasks', () => {
  test('of the extension: the call becomes one, whose id leads to it', async () => {
    const server = await startConformanceV2({ era: '2026' })
    cleanups.push(() => server.close())
    const url = (await front(server.url)).endpointUrl('main')
    const caller = new TaskCaller(url, (tool) => tool)
    const args = { name: 'fx__slow_compute', arguments: { seconds: 0, label: 'sum' } }
    const taskId = await caller.start('call_tool', args)
    expect(await caller.reach(taskId, 'completed')).toMatchObject({
      result: { content: [{ type: 'text', text: 'Computed sum.' }] },
    })
    const none = { capabilities: { ...WITH_TASKS, extensions: {} } }
    expect(textOf(await caller.call('call_tool', args, none))).toBe('Computed sum.')
  })

  test('of 2025-11-25: likewise, and the list says that a call may become one', async () => {
    const server = await startConformanceV1()
    cleanups.push(() => server.close())
    const url = (await front(server.url)).endpointUrl('main')
    const client = new Client({ name: 'referee', version: '1' }, { capabilities: { tasks: {} } })
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    cleanups.push(() => client.close())
    const { tools } = await client.listTools()
    expect(tools.find(({ name }) => name === 'call_tool')).toMatchObject({
      execution: { taskSupport: 'optional' },
    })
    const params = {
      ...wrapped({ name: 'fx__failing_job', arguments: {} }),
      task: { ttl: 60_000 },
    } as never
    const { task } = await client.request({ method: 'tools/call', params }, CreateTaskResultSchema)
    const result = client.experimental.tasks.getTaskResult(task.taskId, CallToolResultSchema)
    expect(await result).toMatchObject({ content: [{ text: 'The job failed.' }] })
  })
})

test('a retry may change over from one way of calling to the other, and to no other call', async () => {
  const fixture = await fixtureOf({ era: '2026' })
  const url = (await front(fixture.url)).endpointUrl('main')
  const caller = new TaskCaller(url, (tool) => tool)
  const { result } = await caller.call('call_tool', { name: 'fx__ask_stateful', arguments: {} })
  const inputResponses = { form: { action: 'accept', content: { name: 'Ada' } } }
  const retry = { inputResponses, requestState: result['requestState'] }
  const other = await caller.call('call_tool', { name: 'fx__ask_form', arguments: {} }, retry)
  expect(other.error.code).toBe(CODE.invalidParams)
  const done = await caller.call('fx__ask_stateful', {}, retry)
  expect(textOf(done)).toContain('Ada')
})
