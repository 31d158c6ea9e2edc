import { afterEach, expect, test } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { Mirror } from '../../../node/hop/mirror.ts'
import { Link } from '../../../node/outbound/link.ts'
import { httpConnector } from '../../contract/http-upstream.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { until } from '../../fixtures/wait.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A mirror of a server, up but not fetched. */
async function mirrorOf(
  fixture: FixtureServer,
  changed: (mirror: Mirror) => void,
): Promise<Mirror> {
  const events = {
    up: () => undefined,
    down: () => undefined,
    listChanged: () => undefined,
    updated: () => undefined,
    openedApart: () => undefined,
  }
  const connector = httpConnector(fixture.url)
  const link = new Link('fx', {
    connector,
    events,
    sessionIdleMs: 600_000,
    sessions: 2,
    log: SILENT,
  })
  cleanups.push(() => link.close())
  await link.start()
  const mirror: Mirror = new Mirror(link, 'tool', {
    listTtl: 60_000,
    listTimeout: 5_000,
    toolsPerUpstream: 100,
    listPagesPerUpstream: 10,
    toolBytes: 65_536,
    trail: { budget: 7, path: ['self'] },
    log: SILENT,
    changed: () => changed(mirror),
    newsSince: () => false,
  })
  return mirror
}

async function server(): Promise<FixtureServer> {
  const fixture = await FixtureServer.start({ era: '2026' })
  cleanups.push(() => fixture.close())
  return fixture
}

test('an eviction just after a fetch has its answer is not lost: the list is fetched once more', async () => {
  const fixture = await server()
  let evictions = 0
  const mirror = await mirrorOf(fixture, (one) => {
    if (evictions > 0) return
    evictions += 1
    queueMicrotask(() => void one.evict())
  })
  await mirror.refresh()
  await until(() => mirror.isFresh(Date.now()), 'the list to be fresh again')
  expect(fixture.received('tools/list')).toHaveLength(2)
})

test('a change that was announced and could not be fetched is due until it is', async () => {
  const fixture = await server()
  const mirror = await mirrorOf(fixture, () => undefined)
  await mirror.refresh()
  expect(mirror.isDue(Date.now() + 3_600_000)).toBe(false)
  fixture.once('tools/list', (exchange) => exchange.error({ code: -32_603, message: 'not now' }))
  await mirror.evict()
  expect(mirror.isDue(Date.now())).toBe(true)
  await mirror.refresh()
  expect(mirror.isDue(Date.now())).toBe(false)
})
