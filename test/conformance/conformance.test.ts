// The official conformance suite: bare fixtures as the baseline, then the same servers behind one node and behind three.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startConformanceV1 } from '../fixtures/conformance-v1.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import type { Era } from '../fixtures/wire.ts'
import { startChain, type Chain } from './chain.ts'
import { judge, loadExpected } from './expected.ts'
import { REVISIONS, runSuite, type Revision } from './suite.ts'

/** Far beyond any healthy run of the suite, ms. */
const TIMEOUT_MS = 120_000

const SERVERS: Record<Era, () => Promise<RunningFixture>> = {
  '2025': () => startConformanceV1(),
  '2026': () => startConformanceV2({ era: '2026' }),
}
const ERAS: readonly Era[] = ['2025', '2026']
const NEWEST: Record<Era, Revision> = { '2025': '2025-11-25', '2026': '2026-07-28' }

/** What cannot work depends on the caller's revision, and in one case on the server's era as well. */
function expectations(revision: Revision, server: Era): string[] {
  const more =
    revision === '2026-07-28' && server === '2025' ? [`client-${revision}-server-2025`] : []
  return [`client-${revision}`, ...more]
}

/** What went against the expectations of those files; nothing at all in a good run. */
async function surprises(
  url: string,
  revision: Revision,
  files: readonly string[],
): Promise<readonly string[]> {
  const urls = files.map((file) => new URL(`expected/${file}.yaml`, import.meta.url))
  const expected = await loadExpected(...urls)
  const { lines, unexpected, stale, summary } = judge(await runSuite(url, revision), expected)
  process.stdout.write(`${[`${files.join(' + ')}: ${summary}`, ...lines].join('\n  ')}\n`)
  return [
    ...unexpected.map((failure) => `unexpected ${failure}`),
    ...stale.map((name) => `stale ${name}`),
  ]
}

for (const upstreamEra of ERAS) {
  describe(`server of era ${upstreamEra}`, () => {
    let server: RunningFixture

    beforeAll(async () => {
      server = await SERVERS[upstreamEra]()
    })

    afterAll(() => server.close())

    test('the bare fixture', { timeout: TIMEOUT_MS }, async () => {
      const found = await surprises(server.url, NEWEST[upstreamEra], [`bare-${upstreamEra}`])
      expect(found).toEqual([])
    })

    describe.each([1, 3])('behind %i node(s)', (depth) => {
      let chain: Chain

      beforeAll(async () => {
        chain = await startChain(depth, server.url)
      })

      afterAll(() => chain.close())

      test.each(REVISIONS)('for a client of %s', { timeout: TIMEOUT_MS }, async (revision) => {
        const files = expectations(revision, upstreamEra)
        expect(await surprises(chain.url, revision, files)).toEqual([])
      })
    })
  })
}
