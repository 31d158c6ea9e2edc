// Calls that wait for their caller in a node, when that node or that caller does not come back.
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { retryParams } from './exchanges.ts'
import { inspectedNode, NOTHING_HELD } from './inspected-node.ts'
import { Stage } from './stage.ts'
import type { Fault } from './upstreams.ts'
import { Visitor } from './visitor.ts'

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

const FAULTS: readonly Fault[] = ['killed', 'restarted', 'hung', 'half-open', 'era-swapped']
const CELLS = (['http', 'stdio'] as const).flatMap((transport) =>
  FAULTS.map((fault) => ({ transport, fault })),
)

test.concurrent.each(CELLS)(
  'a parked call whose upstream ($transport) is $fault and whose caller never returns is forgotten',
  async ({ transport, fault }) => {
    const kind = { ...KIND, transport }
    const stage = await Stage.set({ kind, fault, caller: '2026', inputTimeout: '1s' })
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
      expect(stage.upstream.violations).toEqual([])
    } finally {
      await stage.close()
    }
  },
  20_000,
)

test('a retry of a call that was parked in a node that died is refused, and nothing runs again', async () => {
  // Between the nodes the link is of era 2026, so that the call waits in the one next to its server.
  const stage = await Stage.set({
    kind: KIND,
    fault: 'middle',
    caller: '2026',
    link: '2026',
    inputTimeout: '1s',
  })
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

const ABANDONED = 1_000

test(`row 35: ${ABANDONED} calls that are parked and never taken up again leave nothing`, async () => {
  const server = await FixtureServer.start({ era: '2025' })
  const front = await inspectedNode('front', {
    limits: { inputTimeout: '1s', parkedCalls: ABANDONED },
    upstreams: { fixture: { http: { url: server.url }, concurrency: ABANDONED } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  try {
    const visitor = await Visitor.of('2026', front.node.endpointUrl('main'))
    const asked = async (): Promise<boolean> => {
      const [answer] = await visitor.send('tools/call', CALL).answers()
      return retryParams(answer) !== undefined
    }
    // In turns, so that none has to wait for long behind the others.
    for (let count = 0; count < ABANDONED; count += 50) {
      const turn = await Promise.all(Array.from({ length: 50 }, asked))
      expect(turn).not.toContain(false)
    }
    await until(() => isDeepStrictEqual(front.held, NOTHING_HELD), 'the node to hold nothing')
    await until(() => server.cancelled.ids.length === ABANDONED, 'the server to be told of each')
    expect(server.runs.filter(({ outcome }) => outcome !== 'cancelled')).toEqual([])
    expect([front.errors, server.violations]).toEqual([[], []])
    expect(await asked()).toBe(true)
  } finally {
    await front.close()
    await server.close()
  }
}, 60_000)
