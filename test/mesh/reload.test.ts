// Another configuration for a running node: the difference is applied, nobody is disconnected.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh, type NodePlan } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  for (const fixture of fixtures) fixture.gate.open()
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

/** A server of tools alone, so that one that comes or goes is one change. */
async function server(): Promise<FixtureServer> {
  const toolsAlone = { prompts: [], resources: [], templates: [] }
  const fixture = await FixtureServer.start({ era: '2025', ...toolsAlone })
  fixtures.push(fixture)
  return fixture
}

function planOf(servers: Readonly<Record<string, FixtureServer>>): NodePlan {
  const labels = Object.entries(servers)
  return {
    upstreams: Object.fromEntries(labels.map(([label, { url }]) => [label, { http: { url } }])),
    namespaces: Object.fromEntries(labels.map(([label]) => [label, { from: [label] }])),
  }
}

async function running(): Promise<{ node: BanyanNode; kept: FixtureServer }> {
  const kept = await server()
  return { node: await mesh.ready('front', planOf({ kept })), kept }
}

describe.each(ERAS)('a reload under a caller of era %s', (era) => {
  test('what stays keeps its session, calls and listeners', async () => {
    const { node, kept } = await running()
    const caller = await callerOf(era, node.endpointUrl('main'))
    const changes = await caller.changes()
    const [session] = kept.openSessions
    const call = caller.begin('kept__slow', { message: 'through' })
    await until(() => kept.calls().length === 1, 'the call')

    const added = await server()
    await mesh.replan(node, planOf({ kept, added }))
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await caller.names()).toContain('added__echo')
    expect(textOf(await caller.call('added__echo', { message: 'new' }))).toBe('new')
    expect(kept.openSessions).toEqual([session])
    kept.gate.open()
    expect(textOf({ result: objectAt(await call.answer, 'result') })).toBe('through')
    expect(kept.cancelled.ids).toEqual([])

    kept.tools.add(plainTool('later'))
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    changes.close()
  })

  test('what goes finishes its calls first, then its session is ended', async () => {
    const { node, kept } = await running()
    const going = await server()
    await mesh.replan(node, planOf({ kept, going }))
    const caller = await callerOf(era, node.endpointUrl('main'))
    const call = caller.begin('going__slow', { message: 'last words' })
    await until(() => going.calls().length === 1, 'the call')

    const reloaded = mesh.replan(node, planOf({ kept }))
    await until(async () => !(await caller.names()).includes('going__slow'), 'its tools to go')
    expect((await caller.call('going__slow')).error.code).toBe(-32_602)
    expect(going.openSessions).toHaveLength(1)
    going.gate.open()
    expect(textOf({ result: objectAt(await call.answer, 'result') })).toBe('last words')
    await reloaded
    expect(going.openSessions).toEqual([])
    expect(going.calls()).toHaveLength(1)
  })

  test('an upstream under the same label with another URL is another one', async () => {
    const { node, kept } = await running()
    const other = await server()
    other.tools.replace([plainTool('who', {}, 'other')])
    const caller = await callerOf(era, node.endpointUrl('main'))
    await mesh.replan(node, planOf({ kept: other }))
    await until(async () => (await caller.names()).join() === 'kept__who', 'the other list')
    expect(textOf(await caller.call('kept__who'))).toBe('other')
    expect(kept.openSessions).toEqual([])
  })

  test('a bad configuration is refused whole, and nothing changes', async () => {
    const { node, kept } = await running()
    const caller = await callerOf(era, node.endpointUrl('main'))
    const names = await caller.names()
    const [session] = kept.openSessions
    const bad = { ...planOf({ kept }), endpoints: { main: { namespaces: ['nowhere'] } } }
    await expect(mesh.replan(node, bad)).rejects.toThrow('nowhere')
    expect(await caller.names()).toEqual(names)
    expect(kept.openSessions).toEqual([session])
    expect(textOf(await caller.call('kept__echo', { message: 'x' }))).toBe('x')
  })

  test('an endpoint that goes is gone, the others stay', async () => {
    const { node, kept } = await running()
    const plan = planOf({ kept })
    const endpoints = { main: { namespaces: ['*'] }, side: { namespaces: ['*'] } }
    await mesh.replan(node, { ...plan, endpoints })
    const [main, side] = [
      await callerOf(era, node.endpointUrl('main')),
      await callerOf(era, node.endpointUrl('side')),
    ]
    expect(textOf(await side.call('kept__echo', { message: 'x' }))).toBe('x')
    await mesh.replan(node, plan)
    expect((await side.call('kept__echo', { message: 'x' })).status).toBe(404)
    expect(textOf(await main.call('kept__echo', { message: 'x' }))).toBe('x')
  })
})

test('a closed node takes no other configuration, and starts nothing', async () => {
  const { node, kept } = await running()
  await node.close()
  const added = await server()
  await expect(mesh.replan(node, planOf({ kept, added }))).rejects.toThrow('closed')
  expect(added.requests).toEqual([])
})

function sealedWith(byte: number): NodePlan {
  return {
    node: { sessionKey: Buffer.alloc(32, byte).toString('base64url') },
    endpoints: {},
  }
}

test('another session key takes a restart, and is not taken for the same because it is secret', async () => {
  const node = await mesh.ready('sealed', sealedWith(1))
  await mesh.replan(node, sealedWith(1))
  await expect(mesh.replan(node, sealedWith(2))).rejects.toThrow('restart')
})
