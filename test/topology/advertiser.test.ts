import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Advertiser, ADVERT_TIMING } from '../../topology/advertiser.ts'
import { linkMessageJson, readLinkMessage, type LinkMessage } from '../../topology/link-message.ts'
import { keyText, type Route } from '../../topology/route.ts'

const PEER = { id: 'p', organisation: 'acme' }

function route(namespace: string, hops: number, revision = 'r'): Route {
  return {
    key: { origin: 'o', namespace },
    revision,
    path: Array.from({ length: hops }, (_, at) => ({ id: `n${at}`, inc: 1, epoch: 1 })),
    organisations: ['acme'],
    cost: hops,
    tags: [],
  }
}

function adverts(): Advertiser {
  const one = new Advertiser(PEER, ADVERT_TIMING, () => 0.5)
  one.flush(0, [])
  return one
}

type Routes = Extract<LinkMessage, { type: 'routes' }>

/** What the other end has after a message. */
function take(held: Map<string, Route>, message: LinkMessage | undefined): void {
  if (message === undefined) return
  const { full, routes } = readLinkMessage(
    JSON.parse(JSON.stringify(linkMessageJson(message))),
  ) as Routes
  if (full) held.clear()
  for (const { key, route: to } of routes) {
    if (to === undefined) held.delete(keyText(key))
    else held.set(keyText(key), to)
  }
}

const step = fc.record({
  namespace: fc.constantFrom('a', 'b'),
  hops: fc.integer({ min: 0, max: 4 }),
  revision: fc.constantFrom('r', 's'),
  wait: fc.integer({ min: 0, max: 150 }),
  restart: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
})

describe('what a downstream node is told', () => {
  test('law: in the end it has what is so, whatever came between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const one = adverts()
        const [held, so] = [new Map<string, Route>(), new Map<string, Route>()]
        let now = 0
        for (const { namespace, hops, revision, wait, restart } of steps) {
          now += wait
          const key = `o ${namespace}`
          const to = hops === 0 ? undefined : route(namespace, hops, revision)
          if (to === undefined) so.delete(key)
          else so.set(key, to)
          one.update(key, to, now)
          if (restart) one.restart()
          take(held, one.flush(now, []))
        }
        take(held, one.flush(now + 1_000, []))
        expect(Object.fromEntries(held)).toEqual(Object.fromEntries(so))
        expect(one.due).toBe(Infinity)
      }),
    )
  })

  test('law: of one key, nothing but withdrawals and better ways goes out twice within the interval', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const one = adverts()
        let now = 0
        let last: { at: number; hops: number } | undefined
        const early: unknown[] = []
        for (const { hops, revision, wait } of steps) {
          now += wait
          one.update('o a', hops === 0 ? undefined : route('a', hops, revision), now)
          for (const { route: to } of (one.flush(now, []) as Routes | undefined)?.routes ?? []) {
            const length = to?.path.length ?? 0
            const isQuiet = last !== undefined && now - last.at < ADVERT_TIMING.interval
            if (to !== undefined && isQuiet && length >= (last?.hops ?? 0)) early.push({ now, to })
            last = to === undefined ? undefined : { at: now, hops: length }
          }
        }
        expect(early).toEqual([])
      }),
    )
  })

  test('what comes back to what was said in time is never said', () => {
    const one = adverts()
    one.update('o a', route('a', 2), 0)
    expect(one.flush(0, [])).toMatchObject({ full: false, seq: 2 })
    one.update('o a', route('a', 3), 10)
    expect(one.flush(10, [])).toBeUndefined()
    one.update('o a', route('a', 2), 20)
    expect(one.flush(1_000, [])).toBeUndefined()
  })

  test('several namespaces with one name outside are one, whose revision is that of all', () => {
    const one = adverts()
    one.update('a public', outside('r'), 0)
    const [first] = (one.flush(0, []) as Routes).routes
    one.update('b public', outside('s'), 1_000)
    const [second] = (one.flush(1_000, []) as Routes).routes
    expect(second?.key).toEqual(first?.key)
    expect(second?.route?.revision).not.toBe(first?.route?.revision)
    one.update('a public', undefined, 2_000)
    one.update('b public', undefined, 2_000)
    expect((one.flush(2_000, []) as Routes).routes.map(({ route: to }) => to)).toEqual([undefined])
  })

  test.each([
    ['a path that repeats a node', { path: [step0('a'), step0('a')] }],
    ['no path', { path: [] }],
    ['an organisation twice', { organisations: ['a', 'a'] }],
    ['a price below nothing', { cost: -1 }],
  ])('a message with %s is none', (_, change) => {
    const { key, ...rest } = route('a', 1)
    const routes = [{ key, route: { ...rest, ...change } }]
    const message = { type: 'routes', seq: 1, full: true, routes, records: [] }
    expect(readLinkMessage(message)).toBeUndefined()
  })
})

function outside(of: string): Route {
  return { ...route('public', 1, of), key: { origin: 'org:acme', namespace: 'public' } }
}

function step0(id: string): Route['path'][number] {
  return { id, inc: 1, epoch: 1 }
}
