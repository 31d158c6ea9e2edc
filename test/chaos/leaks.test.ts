// The same disaster again and again: a node that kept a little of each would be found out.
import { expect, test } from 'vitest'
import { until } from '../fixtures/wait.ts'
import { EXCHANGES, type Exchange } from './exchanges.ts'
import { Stage } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

/** Processes cost more. */
const TIMES = { http: 50, stdio: 15 }
const WARM = 5

/** What the process holds open: sockets, servers and timers, of the test and of the nodes in it. */
function handles(): number {
  return process.getActiveResourcesInfo().length
}

function exchangeOf(name: string): Exchange {
  const found = EXCHANGES.find((exchange) => exchange.name === name)
  if (found === undefined) throw new Error(`no exchange is called ${name}`)
  return found
}

const ROUNDS = 'two rounds of a caller of 2026 (ask_form)'
const WORST: readonly (readonly [Kind['transport'], Fault, string])[] = [
  ['http', 'restarted', ROUNDS],
  ['http', 'restarted', 'a stream of the upstream that was cut and resumed'],
  ['stdio', 'restarted', ROUNDS],
  ['stdio', 'half-open', ROUNDS],
]

test.each(WORST)(
  'an upstream over %s that is %s many times in %s leaves nothing',
  async (transport, fault, name) => {
    const stage = await Stage.set({ kind: { transport, era: '2025' }, fault, caller: '2026' })
    const times = TIMES[transport]
    const exchange = exchangeOf(name)
    let flat = Number.POSITIVE_INFINITY
    try {
      await stage.works()
      for (let time = 1; time <= times; time += 1) {
        stage.upstream.fixture?.requests.splice(0)
        const finish = await exchange.begin(stage)
        await stage.strike()
        expect(await finish()).toHaveLength(1)
        await stage.works()
        if (time === WARM) flat = handles()
      }
      await stage.upstream.release()
      await stage.letGo()
      expect(stage.upstream.begun(exchange.counted)).toBe(times)
      // As many as after a few; what is on its way out may still be there for a moment.
      await until(() => handles() <= flat, `no more than ${flat} handles`)
    } finally {
      await stage.close()
    }
  },
  30_000,
)
