// Lists are asked for, and watched, while their upstream comes to grief.
import { describe, expect, test } from 'vitest'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type JsonObject, type ListKind } from '../fixtures/wire.ts'
import { callerOf } from '../mesh/caller.ts'
import { urisAt } from '../mesh/subscriber.ts'
import { collect } from './collect.ts'
import { Stage, type Staging } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const ERAS: readonly Era[] = ['2025', '2026']
const KINDS: readonly Kind[] = (['http', 'stdio'] as const).flatMap((transport) =>
  ERAS.map((era) => ({ transport, era })),
)
/** Not `middle`: a node answers its callers from what it knows, so that nobody waits for a list that it fetches. */
const FAULTS: readonly Fault[] = ['killed', 'restarted', 'hung', 'half-open', 'era-swapped']
const PAGE_SIZE = 4

/** A list, and which of its pages is being fetched. */
interface Fetch {
  readonly method: string
  /** What has changed when it is fetched. */
  readonly of: ListKind
  readonly items: string
  readonly later?: boolean
}

const TOOLS: Fetch = { method: 'tools/list', of: 'tools', items: 'tools' }
const RESOURCES: Fetch = { method: 'resources/list', of: 'resources', items: 'resources' }
/** Those that travel as tools do have one caller. */
const OTHERS: readonly Fetch[] = [
  { ...TOOLS, later: true },
  { method: 'prompts/list', of: 'prompts', items: 'prompts' },
  RESOURCES,
  { ...RESOURCES, later: true },
  { method: 'resources/templates/list', of: 'resources', items: 'resourceTemplates' },
]

function callersFor({ transport, era }: Kind): readonly Era[] {
  // A process costs much to start, and a caller of the other era shows more.
  return transport === 'http' ? ERAS : ERAS.filter((one) => one !== era)
}

function cellsOf(kind: Kind): { fault: Fault; caller: Era }[] {
  return FAULTS.flatMap((fault) => callersFor(kind).map((caller) => ({ fault, caller })))
}

function fetchesOf(kind: Kind): { fault: Fault; caller: Era; fetch: Fetch; page: string }[] {
  const tools = cellsOf(kind).map((cell) => ({ ...cell, fetch: TOOLS }))
  const others = FAULTS.flatMap((fault) =>
    OTHERS.map((fetch) => ({ fault, caller: callersFor(kind)[0] ?? kind.era, fetch })),
  )
  return [...tools, ...others].map((cell) => {
    return { ...cell, page: cell.fetch.later === true ? 'a later page' : 'its first page' }
  })
}

async function staged(staging: Staging, work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await Stage.set({ ...staging, options: { pageSize: PAGE_SIZE } })
  try {
    await stage.works()
    await work(stage)
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

/** What stands in the one answer to the request for a list. What is said of an entry may be another thing in another era. */
async function listed({ visitor }: Stage, { method, items }: Fetch): Promise<unknown[]> {
  const answers = await visitor.send(method, {}).answers()
  expect(answers).toHaveLength(1)
  const entries = objectAt(answers[0], 'result')[items] as JsonObject[]
  return entries.map(({ name, uri, uriTemplate }) => uri ?? uriTemplate ?? name)
}

/** How a caller of that era asks to hear of a resource. */
function subscribing(era: Era, uri: string): [method: string, params: JsonObject] {
  if (era === '2025') return ['resources/subscribe', { uri }]
  return ['subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } }]
}

describe.each(KINDS)('$transport upstream of era $era', (kind) => {
  const { era } = kind

  test.concurrent.each(fetchesOf(kind))(
    'a list that is being fetched is answered as it was: $fetch.method, $page, $fault, caller of $caller',
    ({ fault, caller, fetch }) =>
      staged({ kind, fault, caller }, async (stage) => {
        const { upstream } = stage
        const before = await listed(stage, fetch)
        expect(before.length).toBeGreaterThan(fetch.later === true ? PAGE_SIZE : 1)
        upstream.hold(fetch.method, fetch.later)
        await upstream.announce(fetch.of)
        await until(() => upstream.isHolding, 'the node to fetch')
        const during = listed(stage, fetch)
        await stage.strike()
        expect(await during).toEqual(before)
        await stage.mend()
        await upstream.release()
        await stage.works()
        expect(await listed(stage, fetch)).toEqual(before)
      }),
    20_000,
  )

  test.concurrent.each(cellsOf(kind))(
    'changes of lists are heard of again: $fault, caller of $caller',
    ({ fault, caller }) =>
      staged({ kind, fault, caller }, async (stage) => {
        const watcher = await callerOf(caller, stage.url)
        const stream = await watcher.changes()
        await stage.strike()
        await stage.mend()
        // A stream on which nothing is said is found out by TCP, after minutes.
        if (fault === 'half-open') stage.upstream.reset()
        await stage.works()
        const heard = collect(() => stream.next())
        const times = (): number =>
          heard.filter(({ method }) => method === 'notifications/tools/list_changed').length
        const before = times()
        expect(await watcher.names()).not.toContain('fx__after_the_storm')
        await stage.upstream.add('after_the_storm')
        await until(() => times() > before, 'word of it')
        await until(
          async () => (await watcher.names()).includes('fx__after_the_storm'),
          'the new tool',
        )
        stream.close()
      }),
    20_000,
  )

  test.concurrent.each(cellsOf(kind))(
    'a subscription that nobody grants yet is answered once: $fault, caller of $caller',
    ({ fault, caller }) =>
      staged({ kind, fault, caller }, async (stage) => {
        const { upstream } = stage
        const uri = (await urisAt(stage.url)).get('static 1') ?? ''
        upstream.hold(era === '2025' ? 'resources/subscribe' : 'subscriptions/listen')
        const [method, params] = subscribing(caller, uri)
        const visit = stage.visitor.send(method, params)
        await until(() => upstream.isHolding, 'the node to ask')
        await stage.strike()
        // The acknowledgement of a listen is its first message, and no response.
        const said = caller === '2025' ? await visit.answers() : [await visit.next()]
        visit.close()
        const wanted = caller === '2025' ? { id: visit.id } : { method: ACKNOWLEDGED }
        expect(said).toEqual([expect.objectContaining(wanted)])
        await stage.mend()
        await upstream.release()
        await stage.works()
      }),
    20_000,
  )
})

test('answers of a caller are not sent to a server of era 2025, which would not know what they are', () =>
  staged(
    { kind: { transport: 'http', era: '2026' }, fault: 'era-swapped', caller: '2025' },
    async (stage) => {
      const { fixture } = stage.upstream
      const visit = stage.visitor.call('ask_form')
      const question = await visit.next()
      await stage.strike()
      const accepted = { action: 'accept', content: { name: 'Ada' } }
      await stage.visitor.answer(String(question['id']), accepted)
      const again = await visit.next()
      await stage.visitor.answer(String(again['id']), accepted)
      expect(await visit.answers()).toHaveLength(1)
      const ofSessions = fixture
        ?.calls('ask_form')
        .filter(({ headers }) => headers['mcp-session-id'])
      expect(ofSessions).toHaveLength(1)
      expect(ofSessions?.[0]?.params).not.toHaveProperty('inputResponses')
    },
  ))
