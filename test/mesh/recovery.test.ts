// An upstream that goes and comes back, and what becomes of the calls in between.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import type { Era } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const PAIRS: readonly (readonly [Era, Era])[] = ERAS.flatMap((caller) =>
  ERAS.map((upstream) => [caller, upstream] as const),
)

describe.each(PAIRS)('caller of era %s, server of era %s', (era, upstreamEra) => {
  const mesh = new Mesh()
  const fixtures: FixtureServer[] = []

  afterEach(async () => {
    await mesh.close()
    for (const fixture of fixtures.splice(0)) await fixture.close()
  })

  async function start(): Promise<{ fixture: FixtureServer; node: BanyanNode }> {
    const fixture = await FixtureServer.start({ era: upstreamEra })
    fixtures.push(fixture)
    return { fixture, node: await mesh.front('front', fixture.url) }
  }

  test('a server that was restarted is used again by the same callers', async () => {
    const { fixture, node } = await start()
    const caller = await callerOf(era, node.endpointUrl('main'))
    await caller.call('fx__echo', { message: 'before' })
    await fixture.close()
    await until(() => node.status().upstreams[0]?.phase === 'down', 'the loss to be seen')
    const lost = await caller.call('fx__echo', { message: 'lost' })
    expect(lost.error.code).toBe(-31_003)

    fixture.tools.add(plainTool('after-restart'))
    await fixture.listen()
    const backAt = performance.now()
    await until(() => node.status().upstreams[0]?.phase === 'up', 'the link to come back')
    expect(performance.now() - backAt).toBeLessThan(2_000)
    expect(textOf(await caller.call('fx__echo', { message: 'after' }))).toBe('after')
    await until(
      async () => (await caller.names()).includes('fx__after-restart'),
      'what is new in its list',
    )
    expect(fixture.violations).toEqual([])
  })

  test('a call does not wait for the next attempt when the server is back already', async () => {
    const { fixture, node } = await start()
    const caller = await callerOf(era, node.endpointUrl('main'))
    let runs = 0
    fixture.on('tools/call:echo', (_exchange, proceed) => {
      // A session that ended with the old process is refused before anything is done.
      if (fixture.openSessions.length > 0 || upstreamEra === '2026') runs += 1
      return proceed()
    })
    await fixture.restart()
    const reply = await caller.call('fx__echo', { message: 'at once' })
    expect(textOf(reply)).toBe('at once')
    expect(runs).toBe(1)
  })

  test('a call that was under way when the server died fails, and is not sent again', async () => {
    const { fixture, node } = await start()
    const caller = await callerOf(era, node.endpointUrl('main'))
    const pending = caller.begin('fx__slow')
    await until(() => fixture.calls('slow').length === 1, 'the call at the server')
    await fixture.restart()
    const answer = await pending.answer
    expect(answer).toMatchObject({ error: { code: -31_003 } })
    expect(textOf(await caller.call('fx__echo', { message: 'next' }))).toBe('next')
    expect(fixture.calls('slow')).toHaveLength(1)
  })
})

describe.each(ERAS)('a server of era 2025 that forgets its sessions, caller of era %s', (era) => {
  const mesh = new Mesh()
  const fixtures: FixtureServer[] = []

  afterEach(async () => {
    await mesh.close()
    for (const fixture of fixtures.splice(0)) await fixture.close()
  })

  test('the call that finds out is carried out once, in a new session', async () => {
    const fixture = await FixtureServer.start({ era: '2025' })
    fixtures.push(fixture)
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    await caller.call('fx__echo', { message: 'before' })
    const [old] = fixture.openSessions
    fixture.expireSessions()
    expect(textOf(await caller.call('fx__echo', { message: 'after' }))).toBe('after')
    expect(fixture.openSessions).toHaveLength(1)
    expect(fixture.openSessions).not.toContain(old)
    expect(fixture.violations).toEqual([])
  })
})

describe.each(PAIRS)('a node in the middle that is restarted, caller %s, links %s', (era, link) => {
  const mesh = new Mesh()
  const fixtures: FixtureServer[] = []

  afterEach(async () => {
    await mesh.close()
    for (const fixture of fixtures.splice(0)) await fixture.close()
  })

  test('its callers go on, though it knows none of their sessions any more', async () => {
    const fixture = await FixtureServer.start({ era: link })
    fixtures.push(fixture)
    const [outer, middle, inner] = await mesh.chain(fixture.url, 3, [link, link, link])
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    expect(textOf(await caller.call('fx__echo', { message: 'before' }))).toBe('before')
    const upstreams = {
      next: { node: { url: inner?.endpointUrl('main') ?? '', as: '{namespace}' }, era: link },
    }
    const { host } = new URL(middle?.url ?? '')
    await middle?.close()
    await until(() => outer?.status().upstreams[0]?.phase === 'down', 'the loss to be seen')
    expect((await caller.call('fx__echo', { message: 'lost' })).error.code).toBe(-31_003)
    expect((await caller.names()).length).toBe(fixture.tools.names.length)

    // Another key, so another node: what it lists lies on another path, under the same names.
    const again = await mesh.ready('again', { upstreams, node: { listen: host } })
    expect(again.id).not.toBe(middle?.id)
    await until(() => outer?.status().upstreams[0]?.phase === 'up', 'the link to come back')
    expect(textOf(await caller.call('fx__echo', { message: 'after' }))).toBe('after')
    expect(await caller.names()).toEqual(
      fixture.tools.names.map((name) => `fx__${name}`).toSorted(),
    )
    expect(fixture.violations).toEqual([])
  })
})
