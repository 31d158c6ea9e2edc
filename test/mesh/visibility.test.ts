// Rules of visibility over whole nodes: what is hidden looks as what never was, for every way in, and rules change at once.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import type { RawReply } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { Era } from '../fixtures/wire.ts'
import { ERAS, textOf, type MeshCaller } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'

const mesh = new Mesh()
const people = new Keyholders('analyst', 'admin', 'nobody')
let fixture: FixtureServer
let node: RunningNode

const RULES: readonly RuleInput[] = [
  { for: 'admin' },
  { for: 'analyst', tools: { allow: ['fx__*'], deny: ['fx__meta'] }, prompts: ['fx__greet'] },
]

function configured(visibility: readonly RuleInput[]): object {
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['*'], auth: people.auth() } },
  }
  return { ...configOf('edge', plan), issuer: {}, clients: people.clients(), visibility }
}

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  node = await mesh.startConfig(configured(RULES))
  await node.ready()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

function as(era: Era, name: string): Promise<MeshCaller> {
  return people.caller(era, node.endpointUrl('main'), name)
}

/** An answer without what differs in any two requests. */
function bare({ status, headers, answer }: RawReply, name: string): unknown {
  const { date: _, 'mcp-session-id': __, ...rest } = headers
  const text = JSON.stringify({ ...answer, id: 0 })
  return {
    status,
    headers: { ...rest, 'content-length': '' },
    text: text.replaceAll(name, '<name>'),
  }
}

describe.each(ERAS)('a caller of era %s', (era) => {
  test('lists and calls what its class may, and nothing else', async () => {
    const [analyst, admin] = [await as(era, 'analyst'), await as(era, 'admin')]
    const all = await admin.names()
    expect(all).toContain('fx__meta')
    expect(await analyst.names()).toEqual(all.filter((name) => name !== 'fx__meta'))
    expect(textOf(await analyst.call('fx__echo', { message: 'seen' }))).toBe('seen')
    const { result } = await analyst.ask('prompts/list')
    expect(result['prompts']).toHaveLength(1)
    expect((await analyst.ask('resources/list')).result['resources']).toEqual([])
  })

  test.each([
    ['tools/call', 'fx__meta', { arguments: {} }],
    ['prompts/get', 'fx__with_resource', {}],
  ] as const)('%s: what is hidden looks as what never was', async (method, hidden, more) => {
    const [analyst, admin] = [await as(era, 'analyst'), await as(era, 'admin')]
    const calls = fixture.requests.length
    const answers = [hidden, 'fx__none'].map(async (name) =>
      bare(await analyst.ask(method, { name, ...more }), name),
    )
    const [one, other] = await Promise.all(answers)
    expect(one).toEqual(other)
    expect(fixture.requests).toHaveLength(calls)
    const { answer } = await admin.ask(method, { name: hidden, ...more })
    expect(answer).toHaveProperty('result')
  })

  test('hears of changes it can see, and of no other', async () => {
    const analyst = await as(era, 'analyst')
    await analyst.names()
    const changes = await analyst.changes()
    await node.reload(configured([...RULES, { for: 'analyst', tools: { deny: ['fx__secret*'] } }]))
    fixture.tools.add(plainTool('secret-1'))
    await until(async () => (await (await as(era, 'admin')).names()).includes('fx__secret-1'), 'it')
    fixture.tools.add(plainTool('open-1'))
    await until(async () => (await analyst.names()).includes('fx__open-1'), 'the other')
    // The end of the node is the end of the stream: what was told is all there is.
    await mesh.close()
    const told: unknown[] = []
    for (let one = await changes.next(); one !== undefined; one = await changes.next()) {
      told.push(one['method'] ?? 'answered')
    }
    const ended = era === '2026' ? ['answered'] : []
    expect(told).toEqual(['notifications/tools/list_changed', ...ended])
  })

  test('is under new rules with its next request, and told of it', async () => {
    const analyst = await as(era, 'analyst')
    expect(await analyst.names()).toContain('fx__echo')
    const changes = await analyst.changes()
    await node.reload(configured([{ for: 'analyst', tools: ['fx__meta'] }]))
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await analyst.names()).toEqual(['fx__meta'])
    expect((await analyst.call('fx__echo', { message: 'x' })).error.code).toBe(-32_602)
    changes.close()
  })

  test('for whom there is no rule finds no endpoint at all', async () => {
    await expect(as(era, 'nobody').then((caller) => caller.names())).rejects.toThrow(
      /404|unknown|no such|undefined/,
    )
    const url = node.endpointUrl('main')
    const headers = { ...people.headers('nobody'), 'content-type': 'application/json' }
    const post = (where: string): Promise<Response> =>
      fetch(where, { method: 'POST', headers, body: '{}' })
    const [hidden, none] = [await post(url), await post(url.replace('main', 'none'))]
    expect([hidden.status, await hidden.text()]).toEqual([none.status, await none.text()])
  })
})

test('a call under way when its tool is hidden is finished', async () => {
  const analyst = await as('2026', 'analyst')
  const call = analyst.begin('fx__slow', { message: 'through' })
  await until(() => fixture.calls().length === 1, 'the call')
  await node.reload(configured([{ for: 'analyst', tools: ['fx__echo'] }]))
  fixture.gate.open()
  expect(await call.answer).toHaveProperty('result')
})
