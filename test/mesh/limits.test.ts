// Limits per client over whole nodes: what is counted, for whom, what a refusal says, and what it tells nobody.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, legacySession, post, send, type RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { StdioCaller } from '../node/inbound/stdio-caller.ts'
import { callerOf, ERAS, textOf, type MeshCaller } from './caller.ts'
import {
  LIMITED,
  LimitedNode,
  refusals,
  refusedBy,
  type Limits,
  type LimitedOptions,
} from './limited.ts'
import { configOf, Mesh } from './mesh.ts'
import { Records } from './records.ts'

const mesh = new Mesh()
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  fixture.gate.open()
  await mesh.close()
  await fixture.close()
})

function limited(limits: Limits, options: LimitedOptions = {}): Promise<LimitedNode> {
  return LimitedNode.start(mesh, fixture, limits, options)
}

const FEW: Limits = { few: { for: '*', rate: '2/m' } }

function echo(caller: MeshCaller): Promise<RawReply> {
  return caller.call('fx__echo', { message: 'x' })
}

describe.each(ERAS)('a caller of era %s', (era) => {
  test('that asks too often is told which limit, where and how long, and no upstream is asked', async () => {
    const limits = await limited(FEW)
    const { node } = limits
    const ann = await limits.as(era, 'ann')
    const first = await echo(ann)
    expect(textOf(first)).toBe('x')
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"few";q=2;w=60',
      ratelimit: '"few";r=1;t=30',
    })
    expect(first.headers).not.toHaveProperty('retry-after')
    await echo(ann)
    const before = fixture.requests.length
    const refused = await echo(ann)
    expect(refused.status).toBe(200)
    expect(refused.error).toEqual({
      code: LIMITED,
      message: 'limit "few" of acme/edge is used up: 2 in 1m; come again in 30 s',
      data: { limit: 'few', node: node.id, retryAfterMs: 30_000 },
    })
    expect(refused.headers).toMatchObject({
      'retry-after': '30',
      'ratelimit-policy': '"few";q=2;w=60',
      ratelimit: '"few";r=0;t=30',
    })
    expect(fixture.requests).toHaveLength(before)
    limits.pass(29_999)
    expect(refusedBy(await echo(ann))).toBe('few')
    limits.pass(1)
    expect(textOf(await echo(ann))).toBe('x')
  })

  test('has its own, on all endpoints together and in all its sessions', async () => {
    const limits = await limited(FEW)
    const [ann, again, bob] = [
      await limits.as(era, 'ann'),
      await limits.as(era, 'ann'),
      await limits.as(era, 'bob'),
    ]
    expect(await refusals([ann, again, ann].map((who) => () => echo(who)))).toEqual([
      undefined,
      undefined,
      'few',
    ])
    expect(refusedBy(await echo(bob))).toBeUndefined()
  })

  test('shares what is for all, without being told how much others take', async () => {
    const limits = await limited({ shared: { for: '*', rate: '2/m', per: 'all' } })
    const [ann, bob] = [await limits.as(era, 'ann'), await limits.as(era, 'bob')]
    expect((await echo(ann)).headers).not.toHaveProperty('ratelimit')
    await echo(bob)
    const { error } = await echo(ann)
    expect(error.message).toContain('2 in 1m, for all callers together')
  })

  test('is counted by what it asks for', async () => {
    const limits = await limited(
      {
        lists: { for: 'ann', methods: ['list'], rate: '1/m' },
        echoes: { for: '*', tools: ['fx__ec*'], rate: '1/m' },
        reading: { for: '*', tools: [{ tag: 'sums' }], rate: '1/m' },
        prompts: { for: '*', prompts: ['*'], rate: '1/m' },
        side: { for: '*', endpoints: ['side'], rate: '1/m' },
      },
      { more: { tags: { sums: ['fx__add'] } } },
    )
    const ann = await limits.as(era, 'ann')
    const add = (): Promise<RawReply> => ann.call('fx__add', { a: 1, b: 2 })
    const prompt = (): Promise<RawReply> =>
      ann.ask('prompts/get', { name: 'fx__greet', arguments: { name: 'x' } })
    const list = (): Promise<RawReply> => ann.ask('tools/list')
    const prompts = (): Promise<RawReply> => ann.ask('prompts/list')
    const meta = (): Promise<RawReply> => ann.call('fx__meta')
    expect(
      await refusals([
        list,
        prompts,
        () => echo(ann),
        () => echo(ann),
        add,
        add,
        prompt,
        prompt,
        meta,
        meta,
      ]),
    ).toEqual([
      undefined,
      'lists',
      undefined,
      'echoes',
      undefined,
      'reading',
      undefined,
      'prompts',
      undefined,
      undefined,
    ])
    const bob = await limits.as(era, 'bob')
    expect(await refusals([() => bob.ask('tools/list'), () => bob.ask('tools/list')])).toEqual([
      undefined,
      undefined,
    ])
    const aside = await limits.as(era, 'bob', 'side')
    expect(await refusals([() => echo(aside), () => echo(aside)])).toEqual([undefined, 'side'])
  })

  test('refused by one limit has taken nothing of another', async () => {
    const limits = await limited({
      calls: { for: '*', rate: '3/m' },
      echoes: { for: '*', tools: ['fx__echo'], rate: '1/m' },
    })
    const ann = await limits.as(era, 'ann')
    const all = [echo, echo, echo, echo].map((run) => () => run(ann))
    expect(await refusals(all)).toEqual([undefined, 'echoes', 'echoes', 'echoes'])
    const meta = (): Promise<RawReply> => ann.call('fx__meta')
    expect(await refusals([meta, meta, meta])).toEqual([undefined, undefined, 'calls'])
  })

  test('calls by way of call_tool as directly, and searches in its own name', async () => {
    const limits = await limited(
      {
        echoes: { for: '*', tools: ['fx__echo'], rate: '2/m' },
        searches: { for: '*', tools: ['search_tools'], rate: '1/m' },
      },
      { endpoint: { tools: 'search' } },
    )
    const ann = await limits.as(era, 'ann')
    const inner = (): Promise<RawReply> =>
      ann.call('call_tool', { name: 'fx__echo', arguments: { message: 'x' } })
    const search = (): Promise<RawReply> => ann.call('search_tools', { query: 'echo' })
    expect(
      await refusals([inner, () => echo(ann), inner, () => echo(ann), search, search]),
    ).toEqual([undefined, undefined, 'echoes', 'echoes', undefined, 'searches'])
  })

  test('is under new limits with its next request; what stays as it is keeps what was counted', async () => {
    const limits = await limited(FEW)
    const ann = await limits.as(era, 'ann')
    await echo(ann)
    await limits.reload({ ...FEW, none: { for: 'bob', rate: '1/m' } })
    expect(await refusals([() => echo(ann), () => echo(ann)])).toEqual([undefined, 'few'])
    await limits.reload({ few: { for: '*', rate: '1/m' } })
    expect(await refusals([() => echo(ann), () => echo(ann)])).toEqual([undefined, 'few'])
    await limits.reload({})
    const free = await echo(ann)
    expect(refusedBy(free)).toBeUndefined()
    expect(free.headers).not.toHaveProperty('ratelimit')
  })

  test('finds out whom it talks to, whatever it has used up', async () => {
    const limits = await limited({ none: { for: '*', rate: '1/d' } })
    await echo(await limits.as(era, 'ann'))
    const ann = await limits.as(era, 'ann')
    expect(refusedBy(await echo(ann))).toBe('none')
    const free = era === '2025' ? 'ping' : 'server/discover'
    expect((await ann.ask(free)).answer).toHaveProperty('result')
  })

  test('that is refused by a node behind is told by that one', async () => {
    const inner = await mesh.startConfig({
      ...configOf('inner', {
        upstreams: { fixture: { http: { url: fixture.url } } },
        namespaces: { fx: { from: ['fixture'] } },
      }),
      quotas: { few: { for: '*', methods: ['call'], rate: '1/d' } },
    })
    await inner.ready()
    const url = inner.endpointUrl('main')
    const outer = await mesh.ready('outer', {
      upstreams: { next: { node: { url, as: '{namespace}' } } },
    })
    const caller = await callerOf(era, outer.endpointUrl('main'))
    await echo(caller)
    const { status, error, headers } = await echo(caller)
    expect(status).toBe(200)
    expect(error.message).toContain('limit "few" of acme/inner is used up: 1 in 1d')
    expect(error).toMatchObject({ code: LIMITED, data: { limit: 'few', node: inner.id } })
    expect(headers).not.toHaveProperty('retry-after')
    expect(await caller.names()).toContain('fx__echo')
  })

  test('sees what was listed last where a node behind refuses to list again', async () => {
    const plan = {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
    }
    const limits = { lists: { for: '*', methods: ['list'], rate: '1/d' } }
    const inner = await mesh.startConfig(configOf('inner', plan))
    await inner.ready()
    const url = inner.endpointUrl('main')
    const next = { node: { url, as: '{namespace}' } }
    const outer = await mesh.startConfig(configOf('outer', { upstreams: { next } }))
    await outer.ready()
    const caller = await callerOf(era, outer.endpointUrl('main'))
    const names = await caller.names()
    await inner.reload({ ...configOf('inner', plan), quotas: limits })
    await outer.refresh(['next'])
    await outer.refresh(['next'])
    expect(await caller.names()).toEqual(names)
    expect(textOf(await echo(caller))).toBe('x')
  })

  test('learns nothing of what is hidden, not by a limit on exactly that', async () => {
    const seen = { for: ['ann', 'bob'], tools: { allow: ['*'], deny: ['fx__meta', 'fx__slow'] } }
    const limits = await limited(
      {
        // Each of these would tell, if what is hidden were counted by its name.
        exact: { for: '*', tools: ['fx__meta'], rate: '1/m' },
        places: { for: '*', tools: ['fx__slow'], concurrent: 1 },
        marked: { for: '*', tools: [{ readOnly: false }], per: 'all', rate: '1/m' },
        all: { for: '*', rate: '9/m' },
      },
      { more: { visibility: [seen] } },
    )
    const answers = async (who: 'ann' | 'bob', name: string): Promise<unknown[]> => {
      const caller = await limits.as(era, who)
      const found: unknown[] = []
      for (let count = 0; count < 11; count += 1) {
        const { status, headers, raw } = await caller.call(name)
        const { date: _, ...rest } = headers
        found.push({
          status,
          headers: { ...rest, 'content-length': '' },
          raw: raw.replaceAll(name, '<name>').replaceAll(/"id":\d+/g, '"id":0'),
        })
      }
      return found
    }
    const hidden = await answers('ann', 'fx__meta')
    expect(hidden).toEqual(await answers('bob', 'fx__none'))
    expect(JSON.stringify(hidden.at(-1))).toContain('limit \\\\\\"all\\\\\\"')
    limits.pass(600_000)
    expect(await answers('ann', 'fx__slow')).toEqual(hidden)
  })
})

function callOf(id: number): JsonObject {
  const params = { name: 'fx__echo', arguments: { message: 'x' } }
  return { jsonrpc: '2.0', id, method: 'tools/call', params }
}

test('each request of a batch counts', async () => {
  const { node, people } = await limited({ few: { for: '*', rate: '2/m' } })
  const url = node.endpointUrl('main')
  const session = await legacySession(url, {
    version: '2025-03-26',
    headers: people.headers('ann'),
  })
  const reply = await post(url, [callOf(1), callOf(2), callOf(3)], session.headers)
  expect(reply.status).toBe(200)
  const byId = new Map(reply.messages.map((message) => [message['id'], message]))
  expect([1, 2, 3].map((id) => refusedBy({ answer: byId.get(id) ?? {} }))).toEqual([
    undefined,
    undefined,
    'few',
  ])
})

test('over a pipe both eras share the limits of its one caller', async () => {
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const caller = new StdioCaller({
    ...configOf('edge', plan),
    quotas: { few: { for: '*', rate: '2/d' } },
  })
  await caller.open()
  const params = { name: 'fx__echo', arguments: { message: 'x' } }
  const ids = [
    caller.sendModern('tools/call', params),
    caller.send('tools/call', params),
    caller.sendModern('tools/call', params),
    caller.send('tools/list'),
  ]
  const answers = await Promise.all(ids.map((id) => caller.answer(id)))
  expect(answers.map((answer) => refusedBy({ answer }))).toEqual([
    undefined,
    undefined,
    'few',
    'few',
  ])
  await caller.hangUp()
})

test('a GET has no request to answer: it is refused with 429', async () => {
  const limits = await limited({ streams: { for: '*', methods: ['subscribe'], rate: '1/m' } })
  const url = limits.node.endpointUrl('main')
  const session = await legacySession(url, { headers: limits.people.headers('ann') })
  const stream = await session.get()
  expect(stream.status).toBe(200)
  expect(stream.headers).toMatchObject({ ratelimit: '"streams";r=0;t=60' })
  stream.close()
  const headers = { ...session.headers, accept: 'text/event-stream' }
  const refused = await send(url, { method: 'GET', headers })
  expect(refused.status).toBe(429)
  expect(refused.headers).toMatchObject({
    'retry-after': '60',
    'ratelimit-policy': '"streams";q=1;w=60',
  })
  expect(refused.error).toMatchObject({ code: LIMITED, data: { limit: 'streams' } })
})

test('requests about tasks count, whether there is one or not', async () => {
  const limits = await limited({ polls: { for: '*', methods: ['task'], rate: '2/m' } })
  const url = limits.node.endpointUrl('main')
  const options = {
    headers: { ...limits.people.headers('ann'), 'mcp-name': 'none' },
    capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  }
  const poll = (method: string): Promise<RawReply> =>
    callModern(url, method, { taskId: 'none' }, options)
  const methods = ['tasks/get', 'tasks/cancel', 'tasks/update']
  expect(await refusals(methods.map((method) => () => poll(method)))).toEqual([
    undefined,
    undefined,
    'polls',
  ])
})

test('what is refused is written down as limited, with the name of the limit', async () => {
  const records = new Records()
  const limits = await limited(FEW, { log: records.log })
  const ann = await limits.as('2026', 'ann')
  for (let count = 0; count < 3; count += 1) await echo(ann)
  await ann.ask('tools/list')
  expect(
    records.calls.map(({ decision, reason, method, tool }) => [decision, reason, method, tool]),
  ).toEqual([
    ['allowed', undefined, 'tools/call', 'fx__echo'],
    ['allowed', undefined, 'tools/call', 'fx__echo'],
    ['limited', 'limit few', 'tools/call', 'fx__echo'],
    ['limited', 'limit few', 'tools/list', undefined],
  ])
})
