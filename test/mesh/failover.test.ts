// The same tool over several paths: one tool, and another path when one is dead.
import { afterEach, describe, expect, test } from 'vitest'
import { FEDERATION } from '../../protocol/federation.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { CountingProxy, type Fate } from './counting-proxy.ts'
import { Mesh } from './mesh.ts'

function importing(urls: Readonly<Record<string, string>>): {
  upstreams: Record<string, object>
} {
  const entries = Object.entries(urls).map(([label, url]) => {
    return [label, { node: { url, as: '{namespace}' } }] as const
  })
  return { upstreams: Object.fromEntries(entries) }
}

describe('several paths', () => {
  const mesh = new Mesh()
  const cleanups: (() => Promise<void>)[] = []

  afterEach(async () => {
    await mesh.close()
    for (const cleanup of cleanups.splice(0)) await cleanup()
  })

  async function home(
    annotations: object = {},
  ): Promise<{ node: BanyanNode; fixture: FixtureServer }> {
    const tools = [plainTool('who', { annotations }, 'home')]
    const fixture = await FixtureServer.start({ tools })
    cleanups.push(() => fixture.close())
    return { fixture, node: await mesh.front('home', fixture.url) }
  }

  test.each(ERAS)(
    'a diamond shows the tool once and survives the loss of a side (%s)',
    async (era) => {
      const { node, fixture } = await home()
      const target = node.endpointUrl('main')
      const left = await mesh.ready('left', importing({ home: target }))
      const right = await mesh.ready('right', importing({ home: target }))
      const top = await mesh.ready(
        'top',
        importing({ left: left.endpointUrl('main'), right: right.endpointUrl('main') }),
      )
      const caller = await callerOf(era, top.endpointUrl('main'))
      expect(await caller.names()).toEqual(['fx__who'])
      expect(textOf(await caller.call('fx__who'))).toBe('home')

      await left.close()
      const isDown = (): boolean => top.status().upstreams[0]?.phase === 'down'
      await until(isDown, 'the loss of the left side to be seen')
      expect(await caller.names()).toEqual(['fx__who'])
      expect(textOf(await caller.call('fx__who'))).toBe('home')
      expect(fixture.calls()).toHaveLength(2)
    },
  )

  test.each(ERAS)(
    'a node does not fail over to one that has passed the call already (%s)',
    async (era) => {
      const { node, fixture } = await home()
      const target = node.endpointUrl('main')
      const names = ['a', 'b', 'c'] as const
      const taps = new Map<string, CountingProxy>()
      const nodes = new Map<string, BanyanNode>()
      for (const name of names) {
        const tap = await CountingProxy.start(target)
        cleanups.push(() => tap.close())
        taps.set(name, tap)
        nodes.set(name, await mesh.start(name, { endpoints: {} }))
      }
      for (const [name, self] of nodes) {
        const others = [...nodes].filter(([other]) => other !== name)
        const urls = others.map(([other, peer]) => [other, peer.endpointUrl('main')] as const)
        const direct = { home: taps.get(name)?.url ?? '' }
        await mesh.replan(self, importing({ ...direct, ...Object.fromEntries(urls) }))
      }
      const caller = await callerOf(era, nodes.get('a')?.endpointUrl('main') ?? '')
      await until(async () => (await caller.names()).length === 1, 'the tool at a')

      // Only c still reaches it. b, asked by a, has a before c in its file.
      await taps.get('a')?.close()
      await taps.get('b')?.close()
      const isCut = (name: string): boolean =>
        nodes.get(name)?.status().upstreams[0]?.phase === 'down'
      await until(() => isCut('a') && isCut('b'), 'both to see the loss')
      expect(textOf(await caller.call('fx__who'))).toBe('home')
      expect(fixture.calls()).toHaveLength(1)
    },
  )

  async function proxied(url: string): Promise<CountingProxy> {
    const made = await CountingProxy.start(url)
    cleanups.push(() => made.close())
    return made
  }

  /** A node over two others that lead to one tool; what lies between them and the tool, and before the left one. */
  async function diamond(annotations: object = {}): Promise<Diamond> {
    const { node, fixture } = await home(annotations)
    const behindLeft = await proxied(node.endpointUrl('main'))
    const left = await mesh.ready('left', importing({ home: behindLeft.url }))
    const right = await mesh.ready('right', importing({ home: node.endpointUrl('main') }))
    const beforeLeft = await proxied(left.endpointUrl('main'))
    const urls = { left: beforeLeft.url, right: right.endpointUrl('main') }
    const top = await mesh.ready('top', importing(urls))
    return { fixture, top, behindLeft, beforeLeft }
  }

  test.each(ERAS)(
    'a node that does not know a tool tells other nodes that it is not done (%s)',
    async (era) => {
      const { node } = await home()
      const caller = await callerOf(era, node.endpointUrl('main'))
      const { error } = await caller.call('fx__gone')
      expect(error).toMatchObject({ code: -32_602, message: 'unknown tool: fx__gone' })
      expect(error.data).not.toHaveProperty('taken')
      const meta = { [FEDERATION]: { budget: 3, path: ['A'.repeat(43)] } }
      const { error: told } = await caller.call('fx__gone', {}, { meta })
      expect(told).toEqual({ ...error, data: { name: 'fx__gone', taken: false } })
    },
  )

  describe.each(ERAS)('a call that nothing came of (%s)', (era) => {
    test('goes another way when its node could not pass it on', async () => {
      const { fixture, top, behindLeft } = await diamond()
      behindLeft.fate = calls('busy')
      const caller = await callerOf(era, top.endpointUrl('main'))
      expect(textOf(await caller.call('fx__who'))).toBe('home')
      expect(behindLeft.count('tools/call')).toBeGreaterThan(0)
      expect(fixture.calls()).toHaveLength(1)
    })

    test('goes another way when the node did not take it', async () => {
      const { fixture, top, beforeLeft } = await diamond()
      beforeLeft.fate = calls('busy')
      const caller = await callerOf(era, top.endpointUrl('main'))
      expect(textOf(await caller.call('fx__who'))).toBe('home')
      expect(beforeLeft.count('tools/call')).toBeGreaterThan(0)
      expect(fixture.calls()).toHaveLength(1)
    })

    test.each([['beforeLeft'], ['behindLeft']] as const)(
      'is not made twice when its answer is lost (%s)',
      async (place) => {
        const { fixture, top, [place]: lossy } = await diamond({ destructiveHint: false })
        lossy.fate = calls('lost')
        const caller = await callerOf(era, top.endpointUrl('main'))
        const { error } = await caller.call('fx__who')
        expect(error).toMatchObject({ code: -31_003 })
        expect(error).not.toMatchObject({ data: { taken: false } })
        expect(fixture.calls()).toHaveLength(1)
      },
    )

    test.each([
      ['beforeLeft', { readOnlyHint: true }],
      ['behindLeft', { readOnlyHint: true }],
      ['beforeLeft', { idempotentHint: true }],
    ] as const)('is made again where that does no harm (%s, %o)', async (place, annotations) => {
      const { fixture, top, [place]: lossy } = await diamond(annotations)
      lossy.fate = calls('lost')
      const caller = await callerOf(era, top.endpointUrl('main'))
      expect(textOf(await caller.call('fx__who'))).toBe('home')
      expect(lossy.count('tools/call')).toBe(1)
      expect(fixture.calls()).toHaveLength(2)
    })
  })
})

/** What becomes of calls of tools alone. */
function calls(fate: Fate): (method: string) => Fate {
  return (method) => (method === 'tools/call' ? fate : 'passed')
}

interface Diamond {
  readonly fixture: FixtureServer
  readonly top: BanyanNode
  readonly beforeLeft: CountingProxy
  readonly behindLeft: CountingProxy
}
