// Five nodes, each of which imports everything from each other one: the worst mesh an operator can write down.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Mesh, type NodePlan } from './mesh.ts'

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'omega'] as const
type Name = (typeof NAMES)[number]

function own(fixture: FixtureServer): Required<Pick<NodePlan, 'upstreams' | 'namespaces'>> {
  return {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
}

describe('a clique of five', () => {
  let mesh: Mesh
  let fixtures: Map<Name, FixtureServer>
  let nodes: Map<Name, BanyanNode>
  let proxies: Map<Name, CountingProxy>

  beforeEach(async () => {
    mesh = new Mesh()
    fixtures = new Map()
    nodes = new Map()
    proxies = new Map()
    for (const name of NAMES) {
      const tools = [plainTool('who', {}, name), plainTool(`only-${name}`, {}, name)]
      const fixture = await FixtureServer.start({ tools })
      const node = await mesh.start(name, own(fixture))
      fixtures.set(name, fixture)
      nodes.set(name, node)
      proxies.set(name, await CountingProxy.start(node.endpointUrl('main')))
    }
    // All at once, as five operators would who know nothing of each other.
    await Promise.all(NAMES.map((name) => mesh.replan(nodeOf(name), planOf(name))))
    await until(() => NAMES.every((name) => isWhole(name)), 'every node shows every tool')
  })

  afterEach(async () => {
    await mesh.close()
    for (const proxy of proxies.values()) await proxy.close()
    for (const fixture of fixtures.values()) await fixture.close()
  })

  function planOf(name: Name): NodePlan {
    const { upstreams, namespaces } = own(fixtureOf(name))
    const others = NAMES.filter((other) => other !== name).map((other) => {
      const url = proxies.get(other)?.url ?? ''
      return [other, { node: { url, import: ['*'] } }] as const
    })
    return {
      upstreams: { ...upstreams, ...Object.fromEntries(others) },
      namespaces,
    }
  }

  function nodeOf(name: Name): BanyanNode {
    const node = nodes.get(name)
    if (node === undefined) throw new Error(`no node ${name}`)
    return node
  }

  function fixtureOf(name: Name): FixtureServer {
    const fixture = fixtures.get(name)
    if (fixture === undefined) throw new Error(`no fixture ${name}`)
    return fixture
  }

  function isWhole(name: Name): boolean {
    return nodeOf(name).status().endpoints[0]?.tools === 2 * NAMES.length
  }

  /** Messages so far at each node and server. That a way has no WebSocket is looked at anew from time to time, and asks nothing. */
  function traffic(): number[] {
    return NAMES.flatMap((name) => {
      const { total = 0 } = proxies.get(name) ?? {}
      const looks = proxies.get(name)?.count('GET') ?? 0
      return [total - looks, fixtureOf(name).requests.length]
    })
  }

  /** Resolves when nobody has asked anybody anything for a while. */
  async function quiet(): Promise<number[]> {
    let last = traffic()
    let still = 0
    await until(() => {
      const now = traffic()
      still = now.join() === last.join() ? still + 1 : 0
      last = now
      // The first fifty polls are event-loop turns, the others 5 ms apart.
      return still > 120
    }, 'the mesh to fall silent')
    return last
  }

  test.each(ERAS)(
    'row 63: every node shows each tool once, under a short name (%s)',
    async (era) => {
      for (const name of NAMES) {
        const caller = await callerOf(era, nodeOf(name).endpointUrl('main'))
        const expected = NAMES.flatMap((other) => {
          const namespace = other === name ? 'fx' : `${other}-fx`
          return [`${namespace}__only-${other}`, `${namespace}__who`]
        })
        expect(await caller.names()).toEqual(expected.toSorted())
      }
    },
  )

  test.each(ERAS)('row 63: every node reaches every server (%s)', async (era) => {
    for (const name of NAMES) {
      const caller = await callerOf(era, nodeOf(name).endpointUrl('main'))
      for (const other of NAMES) {
        const tool = other === name ? 'fx__who' : `${other}-fx__who`
        expect(textOf(await caller.call(tool))).toBe(other)
      }
    }
  })

  test('row 63: the start cost a bounded number of lists, and then nobody asks any more', async () => {
    await quiet()
    for (const name of NAMES) {
      // Four importers; each may see a handful of intermediate states of the others while they come up.
      expect(proxies.get(name)?.count('tools/list')).toBeLessThanOrEqual(24)
      expect(fixtureOf(name).received('tools/list').length).toBeLessThanOrEqual(4)
    }
  })

  test.each(ERAS)('row 63: a list asked of one node costs the mesh nothing (%s)', async (era) => {
    const before = await quiet()
    const caller = await callerOf(era, nodeOf('alpha').endpointUrl('main'))
    for (let round = 0; round < 10; round += 1) {
      expect(await caller.names()).toHaveLength(2 * NAMES.length)
    }
    expect(await quiet()).toEqual(before)
  })

  test('row 63: a new tool is seen everywhere, at a bounded cost', async () => {
    const before = sum(await quiet())
    fixtureOf('gamma').tools.add(plainTool('fresh'))
    await until(
      () => NAMES.every((name) => nodeOf(name).status().endpoints[0]?.tools === 11),
      'the new tool everywhere',
    )
    const cost = sum(await quiet()) - before
    expect(cost).toBeGreaterThan(0)
    expect(cost).toBeLessThanOrEqual(60)
  })

  test('row 63: a tool that is gone goes everywhere, at a bounded cost', async () => {
    const before = sum(await quiet())
    fixtureOf('gamma').tools.remove('who')
    await until(
      () => NAMES.every((name) => nodeOf(name).status().endpoints[0]?.tools === 9),
      'the tool gone everywhere',
    )
    expect(sum(await quiet()) - before).toBeLessThanOrEqual(200)
  })
})

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
