// How long an answer takes says nothing of what is hidden. No clock is held against a number: two kinds of requests take
// turns, and of their times it is asked how often one of the first takes longer than one of the other.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callModern } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { urisAt } from '../mesh/subscriber.ts'
import { PEOPLE, World } from './two-worlds.ts'

const SAMPLES = 80

/**
 * Where equal distributions may lie: with so many samples chance alone leads out of it less than once in 10^12 (the deviation
 * of the statistic is 0.05), and a wait for an upstream always.
 */
const EQUAL = [0.1, 0.9] as const

type Ask = () => Promise<unknown>

async function timed(ask: Ask): Promise<number> {
  const before = performance.now()
  await ask()
  return performance.now() - before
}

/** How often one of the first takes longer than one of the second, 0 to 1 (Mann and Whitney's U by the number of pairs). */
async function slower(one: Ask, other: Ask, samples = SAMPLES): Promise<number> {
  const [first, second]: [number[], number[]] = [[], []]
  // The first of each may have to make something that is kept.
  for (const ask of [one, other, one, other]) await ask()
  for (let count = 0; count < samples; count += 1) {
    // Whoever comes second profits from what the first left in caches: they take turns in that as well.
    const turns = [
      async (): Promise<unknown> => first.push(await timed(one)),
      async (): Promise<unknown> => second.push(await timed(other)),
    ]
    for (const turn of count % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const won = first.flatMap((a) => second.map((b) => (a === b ? 0.5 : Number(a > b))))
  return won.reduce((sum, each) => sum + each, 0) / won.length
}

function isEqual(share: number): boolean {
  return share > EQUAL[0] && share < EQUAL[1]
}

function asking(world: World, method: string, params: JsonObject, name = 'guest'): Ask {
  const headers = PEOPLE.headers(name)
  return () => callModern(world.url(), method, params, { headers })
}

function calling(world: World, name: string): Ask {
  return asking(world, 'tools/call', { name, arguments: { message: 'x' } }, 'admin')
}

function about(uri: string): JsonObject {
  return { uri, ref: { type: 'ref/resource', uri }, argument: { name: 'id', value: '' } }
}

describe('the time of an answer', () => {
  let [secret, plain]: [World, World] = [] as never
  let hiddenUri: string

  beforeAll(async () => {
    ;[secret, plain] = [await World.start(1, true), await World.start(1, false)]
    const all = await urisAt(secret.url(), { headers: PEOPLE.headers('admin') })
    hiddenUri = [...all.values()].find((uri) => uri.includes('/slow/')) ?? ''
  }, 60_000)

  afterAll(async () => {
    await secret.close()
    await plain.close()
  })

  test('would tell of a call that goes to the slow server', async () => {
    const share = await slower(calling(secret, 'slow__echo'), calling(secret, 'fx__echo'), 20)
    expect(share).toBeGreaterThan(EQUAL[1])
  })

  test.each([
    ['tools/call', { name: 'slow__echo' }, { name: 'slow__none' }],
    ['tools/call', { name: 'fx__secret' }, { name: 'fx__secre' }],
    ['prompts/get', { name: 'slow__greet' }, { name: 'slow__none' }],
  ])('%s of %o is that of %o', async (method, hidden, unknown) => {
    const share = await slower(asking(secret, method, hidden), asking(secret, method, unknown))
    expect(share).toSatisfy(isEqual)
  })

  test.each(['resources/read', 'completion/complete'])('%s of a hidden URI', async (method) => {
    const none = hiddenUri.replace('/slow/', '/slaw/')
    const share = await slower(
      asking(secret, method, about(hiddenUri)),
      asking(secret, method, about(none)),
    )
    expect(share).toSatisfy(isEqual)
  })

  test.each(['tools/list', 'prompts/list', 'resources/list', 'server/discover'])(
    '%s is that of a node without the slow server, whose lists are never fresh',
    async (method) => {
      const share = await slower(asking(secret, method, {}), asking(plain, method, {}))
      expect(share).toSatisfy(isEqual)
    },
  )

  test('an unknown name is that of a node without the slow server', async () => {
    const call = { name: 'fx__none', arguments: {} }
    const share = await slower(
      asking(secret, 'tools/call', call),
      asking(plain, 'tools/call', call),
    )
    expect(share).toSatisfy(isEqual)
  })
})
