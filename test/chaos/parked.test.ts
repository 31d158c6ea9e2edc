// Calls that wait for their caller in a node, when that node or that caller does not come back.
import { expect, test } from 'vitest'
import { until } from '../fixtures/wait.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { retryParams } from './exchanges.ts'
import { Stage } from './stage.ts'
import type { Fault } from './upstreams.ts'

const CALL: JsonObject = { name: 'fx__ask_form', arguments: {} }
const KIND = { transport: 'http', era: '2025' } as const

async function ask({ visitor }: Stage, more: JsonObject = {}): Promise<JsonObject> {
  const answers = await visitor.send('tools/call', { ...CALL, ...more }).answers()
  expect(answers).toHaveLength(1)
  return answers[0] ?? {}
}

/** There is room for one parked call: one that was left behind would be in the way. */
async function parksAgain(stage: Stage): Promise<void> {
  await until(async () => retryParams(await ask(stage)) !== undefined, 'room for a parked call')
}

test.concurrent.each<Fault>(['killed', 'restarted', 'hung', 'half-open', 'era-swapped'])(
  'a parked call whose upstream is %s and whose caller never returns is forgotten',
  async (fault) => {
    const stage = await Stage.set({ kind: KIND, fault, caller: '2026' })
    try {
      await stage.works()
      expect(retryParams(await ask(stage))).toBeDefined()
      await stage.strike()
      await stage.mend()
      await stage.works()
      await stage.letGo()
      expect(stage.upstream.begun('ask_form')).toBe(1)
      // In its new era the upstream parks nothing here.
      if (fault !== 'era-swapped') await parksAgain(stage)
      for (const { errors } of stage.nodes) expect(errors).toEqual([])
    } finally {
      await stage.close()
    }
  },
  20_000,
)

test('a retry of a call that was parked in a node that died is refused, and nothing runs again', async () => {
  // Between the nodes the link is of era 2026, so that the call waits in the one next to its server.
  const stage = await Stage.set({ kind: KIND, fault: 'middle', caller: '2026', link: '2026' })
  try {
    await stage.works()
    const retry = retryParams(await ask(stage))
    await stage.strike()
    await stage.works()
    const answer = await ask(stage, retry)
    expect(objectAt(answer, 'error')['code']).toBe(-32_602)
    expect(stage.upstream.begun('ask_form')).toBe(1)
    await stage.letGo()
    await parksAgain(stage)
  } finally {
    await stage.close()
  }
})
