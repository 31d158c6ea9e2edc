// Who hears that a call is given up: the one server that works on it, and nobody else.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era } from '../fixtures/wire.ts'
import { cancelsOf } from './call-matrix.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function two(
  era: Era,
): Promise<{ node: BanyanNode; left: FixtureServer; right: FixtureServer }> {
  const [left, right] = [await FixtureServer.start({ era }), await FixtureServer.start({ era })]
  fixtures.push(left, right)
  const node = await mesh.ready('front', {
    upstreams: { left: { http: { url: left.url } }, right: { http: { url: right.url } } },
    namespaces: { left: { from: ['left'] }, right: { from: ['right'] } },
  })
  return { node, left, right }
}

describe.each(ERAS)('servers of era %s', (upstream) => {
  test.each(ERAS)('row 43: a cancel reaches its own server only (%s)', async (era) => {
    const { node, left, right } = await two(upstream)
    const [a, b] = [
      await callerOf(era, node.endpointUrl('main')),
      await callerOf(era, node.endpointUrl('main')),
    ]
    // Equal ids of two callers, and of calls to two servers.
    const given = a.begin('left__slow', {}, { id: 7 })
    const others = [
      b.begin('left__slow', { message: 'b' }, { id: 7 }),
      a.begin('right__slow', { message: 'a' }, { id: 8 }),
      b.begin('right__slow', { message: 'b' }, { id: 8 }),
    ]
    await until(() => left.calls().length === 2 && right.calls().length === 2, 'all four calls')
    await given.cancel()
    await until(() => cancelsOf(left).length === 1, 'the cancel')
    const doomed = left.calls().find(({ params }) => !('message' in objectAt(params, 'arguments')))
    expect(cancelsOf(left)).toEqual([doomed?.id])
    left.gate.open()
    right.gate.open()
    for (const other of others) expect(await other.answer).toHaveProperty('result')
    expect(await given.answer).toBeUndefined()
    expect(cancelsOf(right)).toEqual([])
    expect(right.cancelled.closed).toEqual([])
    expect([...left.violations, ...right.violations]).toEqual([])
  })

  test('row 43: a caller of 2026 that hangs up has cancelled', async () => {
    const { node, left } = await two(upstream)
    const caller = await callerOf('2026', node.endpointUrl('main'))
    const call = caller.begin('left__slow')
    await until(() => left.calls().length === 1, 'the call')
    call.hangUp()
    await until(() => cancelsOf(left).length === 1, 'the cancel')
    expect(cancelsOf(left)).toEqual([left.calls()[0]?.id])
  })

  test('row 43: a caller of 2025 that hangs up has not', async () => {
    const { node, left } = await two(upstream)
    const caller = await callerOf('2025', node.endpointUrl('main'))
    const call = caller.begin('left__slow')
    await until(() => left.calls().length === 1, 'the call')
    call.hangUp()
    // The session is alive, and the call goes on to its end.
    expect(textOf(await caller.call('left__echo', { message: 'still here' }))).toBe('still here')
    expect(node.status().upstreams[0]?.callsInFlight).toBe(1)
    left.gate.open()
    await until(() => node.status().upstreams[0]?.callsInFlight === 0, 'the call to end')
    expect(left.cancelled).toEqual({ ids: [], closed: [] })
  })

  test.each(ERAS)('row 43: a cancel is heard through three hops (%s)', async (era) => {
    const fixture = await FixtureServer.start({ era: upstream })
    fixtures.push(fixture)
    const nodes = await mesh.chain(fixture.url, 3)
    const caller = await callerOf(era, nodes[0]?.endpointUrl('main') ?? '')
    const call = caller.begin('fx__slow')
    await until(() => fixture.calls().length === 1, 'the call')
    await call.cancel()
    await until(() => cancelsOf(fixture).length === 1, 'the cancel')
    const inFlight = (): number[] =>
      nodes.map((node) => node.status().upstreams[0]?.callsInFlight ?? -1)
    await until(() => inFlight().every((count) => count === 0), 'nothing left in flight')
    expect(cancelsOf(fixture)).toEqual([fixture.calls()[0]?.id])
  })

  test.each(ERAS)(
    'row 43: over stdio it is a notification, and the process lives on (%s)',
    async (era) => {
      const node = await mesh.ready('front', {
        upstreams: { child: { stdio: stdioCommand({ era: upstream }) } },
        namespaces: { fx: { from: ['child'] } },
      })
      const caller = await callerOf(era, node.endpointUrl('main'))
      const kept = caller.begin('fx__slow', { message: 'kept' })
      const given = caller.begin('fx__slow', { message: 'given up' })
      await until(() => node.status().upstreams[0]?.callsInFlight === 2, 'both calls')
      const pid = textOf(await caller.call('fx__pid'))
      await given.cancel()
      await until(() => node.status().upstreams[0]?.callsInFlight === 1, 'the cancel')
      expect(textOf(await caller.call('fx__release'))).toBe('released')
      expect(textOf({ result: objectAt(await kept.answer, 'result') })).toBe('kept')
      expect(textOf(await caller.call('fx__pid'))).toBe(pid)
      expect(textOf(await caller.call('fx__violations'))).toBe('[]')
    },
  )

  test.each(ERAS)(
    'row 45: the hard end holds in spite of progress, and is a cancel upstream (%s)',
    async (era) => {
      const fixture = await FixtureServer.start({ era: upstream })
      fixtures.push(fixture)
      fixture.on('tools/call:slow', (exchange) => {
        let step = 0
        const timer = setInterval(() => {
          step += 1
          const { progressToken } = objectAt(exchange.request.params, '_meta')
          exchange.notify('notifications/progress', { progressToken, progress: step })
        }, 20)
        exchange.onClosed(() => clearInterval(timer))
      })
      const limits = { timeout: '150ms', maxTimeout: '500ms' }
      const node = await mesh.front('front', fixture.url, limits)
      const caller = await callerOf(era, node.endpointUrl('main'))
      const { messages, error } = await caller.call('fx__slow', {}, { progressToken: 't' })
      expect(error).toMatchObject({
        code: -31_004,
        data: { afterMs: expect.any(Number) as number },
      })
      // More than the deadline without progress: it was put off.
      expect((error.data as { afterMs: number }).afterMs).toBeGreaterThanOrEqual(400)
      const steps = messages
        .slice(0, -1)
        .map(({ params }) => objectAt({ params }, 'params')['progress'])
      expect(steps).toEqual(steps.map((_, index) => index + 1))
      expect(steps.length).toBeGreaterThan(3)
      await until(() => cancelsOf(fixture).length === 1, 'the cancel')
    },
  )
})
