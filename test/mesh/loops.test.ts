// Nodes that are their own upstreams, openly or over others.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh, type NodePlan } from './mesh.ts'

const FEDERATION = 'io.github.banyan-mcp/federation'
const LOOP = -31_001

interface Side {
  readonly node: BanyanNode
  readonly fixture: FixtureServer
}

function planOf({ fixture }: Pick<Side, 'fixture'>, more: NodePlan): NodePlan {
  return {
    upstreams: { fixture: { http: { url: fixture.url } }, ...more.upstreams },
    namespaces: { fx: { from: ['fixture'] }, ...more.namespaces },
  }
}

describe('loops', () => {
  const mesh = new Mesh()
  const fixtures: FixtureServer[] = []

  afterEach(async () => {
    await mesh.close()
    for (const fixture of fixtures.splice(0)) await fixture.close()
  })

  /** A node before a server of its own whose one tool answers with the name of the node. */
  async function side(name: string): Promise<Side> {
    const fixture = await FixtureServer.start({ tools: [plainTool('who', {}, name)] })
    fixtures.push(fixture)
    return { node: await mesh.ready(name, planOf({ fixture }, {})), fixture }
  }

  /** Two nodes, each of which has the other as an upstream of that kind. */
  async function pair(kind: 'node' | 'http'): Promise<[Side, Side]> {
    const [a, b] = [await side('a'), await side('b')]
    const ring: [Side, Side][] = [
      [a, b],
      [b, a],
    ]
    await Promise.all(
      ring.map(([from, to]) => {
        const upstreams = { [to.node.name]: { [kind]: { url: to.node.endpointUrl('main') } } }
        const namespaces = kind === 'http' ? { [to.node.name]: { from: [to.node.name] } } : {}
        return mesh.replan(from.node, planOf(from, { upstreams, namespaces }))
      }),
    )
    return [a, b]
  }

  test.each(ERAS)('row 63: two nodes that import each other answer for both (%s)', async (era) => {
    const [a, b] = await pair('node')
    const caller = await callerOf(era, a.node.endpointUrl('main'))
    await until(async () => (await caller.names()).length === 2, 'both tools at a')
    expect(await caller.names()).toEqual(['b-fx__who', 'fx__who'])
    expect(textOf(await caller.call('b-fx__who'))).toBe('b')
    const other = await callerOf(era, b.node.endpointUrl('main'))
    await until(async () => (await other.names()).length === 2, 'both tools at b')
    expect(textOf(await other.call('a-fx__who'))).toBe('a')
  })

  test.each(ERAS)(
    'row 63: two nodes that take each other for plain servers do not grow (%s)',
    async (era) => {
      const [a, b] = await pair('http')
      const callers = [
        await callerOf(era, a.node.endpointUrl('main')),
        await callerOf(era, b.node.endpointUrl('main')),
      ] as const
      const expected = [
        ['b__fx__who', 'fx__who'],
        ['a__fx__who', 'fx__who'],
      ]
      await until(async () => (await callers[0].names()).length >= 2, 'the tool of b at a')
      await until(async () => (await callers[1].names()).length >= 2, 'the tool of a at b')
      // Each change at one of them sets off a list at the other: a list that can grow has grown after a few.
      for (let round = 0; round < 5; round += 1) {
        const asked = a.fixture.received('tools/list').length
        a.fixture.announce()
        await until(() => a.fixture.received('tools/list').length > asked, 'the next list')
        expect([await callers[0].names(), await callers[1].names()]).toEqual(expected)
      }
      expect(textOf(await callers[0].call('b__fx__who'))).toBe('b')
    },
  )

  test.each(ERAS)(
    'row 63: a node registered with itself under another host name (%s)',
    async (era) => {
      const { node, fixture } = await side('narcissus')
      const alias = node.endpointUrl('main').replace('127.0.0.1', 'localhost')
      await mesh.replan(
        node,
        planOf({ fixture }, { upstreams: { mirror: { node: { url: alias } } } }),
      )
      const caller = await callerOf(era, node.endpointUrl('main'))
      expect(await caller.names()).toEqual(['fx__who'])
      expect(textOf(await caller.call('fx__who'))).toBe('narcissus')
      const status = node.status().upstreams.find(({ label }) => label === 'mirror')
      expect(status?.problem).toMatch(/this node itself/)
    },
  )

  test.each(ERAS)('row 63: a node registered with itself as a plain server (%s)', async (era) => {
    const { node, fixture } = await side('narcissus')
    const url = node.endpointUrl('main')
    const more = {
      upstreams: { mirror: { http: { url } } },
      namespaces: { mirror: { from: ['mirror'] } },
    }
    await mesh.replan(node, planOf({ fixture }, more))
    const caller = await callerOf(era, url)
    expect(await caller.names()).toEqual(['fx__who'])
    expect(textOf(await caller.call('fx__who'))).toBe('narcissus')
  })

  test.each(ERAS)(
    'row 63: a call that comes back is refused before anything is sent (%s)',
    async (era) => {
      const { node, fixture } = await side('a')
      const caller = await callerOf(era, node.endpointUrl('main'))
      const meta = { [FEDERATION]: { budget: 5, path: ['somebody', node.id, 'else'] } }
      const reply = await caller.call('fx__who', {}, { meta })
      expect(reply.error).toMatchObject({ code: LOOP, data: { node: node.id } })
      expect(fixture.calls()).toEqual([])
    },
  )
})
