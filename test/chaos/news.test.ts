// What was granted once is kept, whatever befalls the upstream: who listens is told that something may have been missed,
// and hears of changes again.
import { describe, expect, test } from 'vitest'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era } from '../fixtures/wire.ts'
import { subscriberOf, urisAt, UPDATED } from '../mesh/subscriber.ts'
import { collect } from './collect.ts'
import { Stage } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

const ERAS: readonly Era[] = ['2025', '2026']
const KINDS: readonly Kind[] = (['http', 'stdio'] as const).flatMap((transport) =>
  ERAS.map((era) => ({ transport, era })),
)
const FAULTS: readonly Fault[] = [
  'killed',
  'restarted',
  'hung',
  'half-open',
  'era-swapped',
  'middle',
]
/** More than there are of updates that only say that one may have been missed. */
const AT_LEAST = 4
const URI = 'test://static/1'

describe.each(KINDS)('$transport upstream of era $era', (kind) => {
  const cells = FAULTS.flatMap((fault) => ERAS.map((caller) => ({ fault, caller })))
  test.concurrent.each(cells)(
    'a subscription outlives it: $fault, caller of $caller',
    async ({ fault, caller }) => {
      const stage = await Stage.set({ kind, fault, caller })
      try {
        await stage.works()
        const uri = (await urisAt(stage.url)).get('static 1') ?? ''
        const subscriber = await subscriberOf(caller, stage.url, [uri])
        expect(subscriber.granted).toEqual([uri])
        const heard = collect(() => subscriber.stream.next())
        await stage.strike()
        await stage.mend()
        // A stream on which nothing is said is found out by TCP, after minutes.
        if (fault === 'half-open') stage.upstream.reset()
        await stage.works()
        const before = heard.length
        await until(async () => {
          // Until the node has subscribed again, nobody is told.
          await touch(stage)
          return heard.slice(before).filter(({ method }) => method === UPDATED).length > AT_LEAST
        }, 'updates')
        const uris = heard
          .filter(({ method }) => method === UPDATED)
          .map((update) => objectAt(update, 'params')['uri'])
        expect(new Set(uris)).toEqual(new Set([uri]))
        await subscriber.leave()
        await stage.visitor.leave()
        await stage.letGo()
      } finally {
        await stage.close()
      }
    },
    20_000,
  )
})

async function touch({ upstream, visitor }: Stage): Promise<void> {
  if (upstream.fixture === undefined) await visitor.call('touch', { uri: URI }).answers()
  else upstream.fixture.touch(URI)
}
