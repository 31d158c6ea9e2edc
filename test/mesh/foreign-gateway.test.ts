// A gateway of another make between two nodes, and in a circle with one.
import { isDeepStrictEqual } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { ForeignGateway, type ForeignOptions } from './foreign-gateway.ts'
import { Mesh } from './mesh.ts'

const MAKES: readonly ForeignOptions[] = ERAS.flatMap((era) => [
  { era, keepsMeta: true },
  { era, keepsMeta: false },
])

describe.each(MAKES)('a foreign gateway of era $era, keeping _meta: $keepsMeta', (make) => {
  const mesh = new Mesh()
  const cleanups: (() => Promise<void>)[] = []

  afterEach(async () => {
    await mesh.close()
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  })

  async function server(...names: string[]): Promise<FixtureServer> {
    const tools = names.map((name) => plainTool(name))
    const fixture = await FixtureServer.start(tools.length === 0 ? {} : { tools })
    cleanups.push(() => fixture.close())
    return fixture
  }

  async function gatewayBefore(node: BanyanNode): Promise<ForeignGateway> {
    const gateway = await ForeignGateway.start(node.endpointUrl('main'), make)
    cleanups.push(() => gateway.close())
    return gateway
  }

  test.each(ERAS)('in the middle of a chain it is a plain server (%s)', async (era) => {
    const fixture = await server()
    const inner = await mesh.front('inner', fixture.url)
    const gateway = await gatewayBefore(inner)
    const outer = await mesh.front('outer', gateway.url)
    const caller = await callerOf(era, outer.endpointUrl('main'))

    expect(await caller.names()).toEqual(
      fixture.tools.names.map((name) => `fx__gw_fx__${name}`).toSorted(),
    )
    expect(textOf(await caller.call('fx__gw_fx__echo', { message: 'über' }))).toBe('über')
    const { result } = await caller.call('fx__gw_fx__add', { a: 1, b: 2 })
    expect(result['structuredContent']).toEqual({ sum: 3 })
    const error = { code: 4711, message: 'no', data: { kept: [true] } }
    expect((await caller.call('fx__gw_fx__error', error)).error).toEqual(error)
    expect(gateway.server.violations).toEqual([])
    expect(fixture.violations).toEqual([])
  })

  test.each(ERAS)('a change behind it is seen before it (%s)', async (era) => {
    const fixture = await server('first')
    const inner = await mesh.front('inner', fixture.url)
    const outer = await mesh.front('outer', (await gatewayBefore(inner)).url)
    const caller = await callerOf(era, outer.endpointUrl('main'))
    const changes = await caller.changes()
    fixture.tools.add(plainTool('second'))
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await caller.names()).toEqual(['fx__gw_fx__first', 'fx__gw_fx__second'])
    changes.close()
  })

  test.each(ERAS)('row 63: a circle through it is bounded (%s)', async (era) => {
    const fixture = await server('who')
    const node = await mesh.front('node', fixture.url)
    const gateway = await gatewayBefore(node)
    const limits = { toolsPerUpstream: 12, listTimeout: '400ms' }
    const ring = await mesh.ready('ring', {
      limits,
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
    })
    const back = await gatewayBefore(ring)
    await mesh.replan(ring, {
      limits,
      upstreams: { fixture: { http: { url: fixture.url } }, back: { http: { url: back.url } } },
      namespaces: { fx: { from: ['fixture'] }, back: { from: ['back'] } },
    })
    expect(gateway.server.violations).toEqual([])
    const caller = await callerOf(era, ring.endpointUrl('main'))
    let names: string[] = []
    const isStill = async (): Promise<boolean> => {
      names = await caller.names()
      const asked = back.server.received('tools/list').length
      const again = await caller.names()
      return (
        isDeepStrictEqual(again, names) && back.server.received('tools/list').length <= asked + 1
      )
    }
    await until(isStill, 'one more question to be answered from what is there')
    expect(names.length).toBeLessThanOrEqual(13)
    expect(names).toContain('fx__who')
    expect(textOf(await caller.call('fx__who'))).toBe('who')
  })
})
