// How deep nodes can be nested, and what meets a request whose budget ends on the way.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callerOf, ERAS, paramsSeen, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const FEDERATION = 'io.github.banyan-mcp/federation'
const HOP_BUDGET = -31_002

describe.each(ERAS)('nesting under a caller of era %s', (era) => {
  const mesh = new Mesh()
  const fixtures: FixtureServer[] = []

  afterEach(async () => {
    await mesh.close()
    for (const fixture of fixtures.splice(0)) await fixture.close()
  })

  async function chain(hops: number): Promise<{ fixture: FixtureServer; nodes: BanyanNode[] }> {
    const fixture = await FixtureServer.start()
    fixtures.push(fixture)
    return { fixture, nodes: await mesh.chain(fixture.url, hops) }
  }

  test('eight nodes deep, names and calls are those of one', async () => {
    const { fixture, nodes } = await chain(8)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    expect(await caller.names()).toEqual(
      fixture.tools.names.map((name) => `fx__${name}`).toSorted(),
    )
    expect(textOf(await caller.call('fx__echo', { message: 'deep' }))).toBe('deep')
  })

  test('the budget shrinks by one at each node, and the path names them all', async () => {
    const { nodes } = await chain(8)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    const { _meta: meta } = paramsSeen(await caller.call('fx__meta'))
    expect(meta).toMatchObject({ [FEDERATION]: { budget: 0, path: nodes.map(({ id }) => id) } })
  })

  test('nine nodes deep is out of reach: not offered, refused by our own error, nothing is sent', async () => {
    const { fixture, nodes } = await chain(9)
    const [outermost, second] = nodes
    const caller = await callerOf(era, outermost?.endpointUrl('main') ?? '')
    expect(await caller.names()).toEqual([])
    expect(second?.status().endpoints[0]?.tools).toBe(fixture.tools.names.length)
    const problems = outermost?.status().endpoints[0]?.problems ?? []
    const tools = problems.filter(({ kind }) => kind === 'tool')
    expect(tools).toHaveLength(fixture.tools.names.length)
    expect(tools[0]?.reason).toMatch(/hop budget/)
    const reply = await caller.call('fx__echo', { message: 'too deep' })
    expect(reply.error).toMatchObject({ code: HOP_BUDGET, data: { name: 'fx__echo' } })
    expect((await caller.call('fx__nonsense')).error.code).toBe(-32_602)
    expect(second?.status().upstreams[0]?.callsInFlight).toBe(0)
    expect(fixture.calls()).toEqual([])
  })

  test('a request whose budget does not reach ends at the node that sees it, with our error', async () => {
    const { fixture, nodes } = await chain(4)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    const meta = { [FEDERATION]: { budget: 3, path: [] } }
    const reply = await caller.call('fx__echo', { message: 'short' }, { meta })
    expect(reply.error).toMatchObject({
      code: HOP_BUDGET,
      data: { node: nodes[2]?.id, path: nodes.slice(0, 3).map(({ id }) => id) },
    })
    expect(fixture.calls()).toEqual([])
    const enough = { [FEDERATION]: { budget: 4, path: [] } }
    const served = await caller.call('fx__echo', { message: 'enough' }, { meta: enough })
    expect(textOf(served)).toBe('enough')
  })

  test('a caller cannot give itself a larger budget than the node allows', async () => {
    const { nodes } = await chain(2)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    const meta = { [FEDERATION]: { budget: 1_000, path: [] } }
    const { _meta: seen } = paramsSeen(await caller.call('fx__meta', {}, { meta }))
    expect(seen).toMatchObject({ [FEDERATION]: { budget: 6 } })
  })

  test.each([
    ['no integer', { budget: '8', path: [] }],
    ['no path', { budget: 8 }],
    ['a path of anything', { budget: 8, path: [{}] }],
    ['no object', 'x'],
  ])('a malformed trail is no way round the budget: %s', async (_what, trail) => {
    const { fixture, nodes } = await chain(1)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    const reply = await caller.call('fx__echo', { message: 'x' }, { meta: { [FEDERATION]: trail } })
    expect(reply.error.code).toBe(-32_602)
    expect(fixture.calls()).toEqual([])
  })
})
