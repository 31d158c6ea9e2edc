// Lists are asked for, and watched, while their upstream comes to grief.
import { describe, expect, test } from 'vitest'
import { plainTool } from '../fixtures/fixture-tools.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf } from '../mesh/caller.ts'
import { urisAt } from '../mesh/subscriber.ts'
import { Stage, type Staging } from './stage.ts'
import type { Fault } from './upstreams.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const ERAS: readonly Era[] = ['2025', '2026']
const FAULTS: readonly Fault[] = ['killed', 'restarted', 'hung', 'half-open', 'era-swapped']
const CELLS = FAULTS.flatMap((fault) => ERAS.map((caller) => ({ fault, caller })))

async function staged(
  staging: Staging,
  work: (stage: Stage, fixture: FixtureServer) => Promise<void>,
): Promise<void> {
  const stage = await Stage.set(staging)
  try {
    const { fixture } = stage.upstream
    if (fixture === undefined) throw new Error('these need a server that does as it is told')
    await stage.works()
    await work(stage, fixture)
    await stage.visitor.leave()
    await stage.letGo()
    for (const { errors } of stage.nodes) expect(errors).toEqual([])
    // What may have been granted after all is withdrawn, also where it was not.
    const wrong = stage.upstream.violations.filter((one) => !one.includes('unsubscribe'))
    expect(wrong).toEqual([])
  } finally {
    await stage.close()
  }
}

/** How a caller of that era asks to hear of a resource. */
function subscribing(era: Era, uri: string): [method: string, params: JsonObject] {
  if (era === '2025') return ['resources/subscribe', { uri }]
  return ['subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } }]
}

describe.each(ERAS)('http upstream of era %s', (era) => {
  const kind = { transport: 'http', era } as const

  test.concurrent.each(CELLS)(
    'a list that is being fetched is answered as it was: $fault, caller of $caller',
    ({ fault, caller }) =>
      staged({ kind, fault, caller }, async (stage, fixture) => {
        fixture.once('tools/list', async (_exchange, proceed) => {
          await fixture.gate.opened
          await proceed()
        })
        const asked = fixture.received('tools/list').length
        fixture.announce('tools')
        await until(() => fixture.received('tools/list').length > asked, 'the node to fetch')
        const visit = stage.visitor.send('tools/list', {})
        await stage.strike()
        const answers = await visit.answers()
        expect(answers).toHaveLength(1)
        const listed = objectAt(answers[0], 'result')['tools'] as JsonObject[]
        expect(listed).toHaveLength(fixture.tools.names.length)
        await stage.mend()
        await stage.upstream.release()
        await stage.works()
      }),
    20_000,
  )

  test.concurrent.each(CELLS)(
    'changes of lists are heard of again: $fault, caller of $caller',
    ({ fault, caller }) =>
      staged({ kind, fault, caller }, async (stage, fixture) => {
        const watcher = await callerOf(caller, stage.url)
        const stream = await watcher.changes()
        await stage.strike()
        await stage.mend()
        // A stream on which nothing is said is found out by TCP, after minutes.
        if (fault === 'half-open') stage.upstream.reset()
        await stage.works()
        const heard = stream.next()
        fixture.tools.add(plainTool('after_the_storm'))
        expect(await heard).toMatchObject({ method: 'notifications/tools/list_changed' })
        await until(
          async () => (await watcher.names()).includes('fx__after_the_storm'),
          'the new tool',
        )
        stream.close()
      }),
    20_000,
  )

  test.concurrent.each(CELLS)(
    'a subscription that nobody grants yet is answered once: $fault, caller of $caller',
    ({ fault, caller }) =>
      staged({ kind, fault, caller }, async (stage, fixture) => {
        const uri = (await urisAt(stage.url)).get('static 1') ?? ''
        const asks = era === '2025' ? 'resources/subscribe' : 'subscriptions/listen'
        const before = fixture.received(asks).length
        fixture.once(asks, async (exchange) => {
          exchange.openStream()
          await fixture.gate.opened
        })
        const [method, params] = subscribing(caller, uri)
        const visit = stage.visitor.send(method, params)
        await until(() => fixture.received(asks).length > before, 'the node to ask')
        await stage.strike()
        // The acknowledgement of a listen is its first message, and no response.
        const said = caller === '2025' ? await visit.answers() : [await visit.next()]
        visit.close()
        const wanted = caller === '2025' ? { id: visit.id } : { method: ACKNOWLEDGED }
        expect(said).toEqual([expect.objectContaining(wanted)])
        await stage.mend()
        await stage.upstream.release()
        await stage.works()
      }),
    20_000,
  )
})

test('answers of a caller are not sent to a server of era 2025, which would not know what they are', () =>
  staged(
    { kind: { transport: 'http', era: '2026' }, fault: 'era-swapped', caller: '2025' },
    async (stage, fixture) => {
      const visit = stage.visitor.call('ask_form')
      const question = await visit.next()
      await stage.strike()
      const accepted = { action: 'accept', content: { name: 'Ada' } }
      await stage.visitor.answer(String(question['id']), accepted)
      const again = await visit.next()
      await stage.visitor.answer(String(again['id']), accepted)
      expect(await visit.answers()).toHaveLength(1)
      const ofSessions = fixture
        .calls('ask_form')
        .filter(({ headers }) => headers['mcp-session-id'])
      expect(ofSessions).toHaveLength(1)
      expect(ofSessions[0]?.params).not.toHaveProperty('inputResponses')
    },
  ))
