import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLoopbackAddress, isPublicAddress } from '../../../node/identity/addresses.ts'
import { DocumentCache } from '../../../node/identity/document-cache.ts'
import { FetchFault } from '../../../node/identity/fetch-fault.ts'
import { Lru } from '../../../node/identity/lru.ts'
import { SingleFlight } from '../../../node/identity/single-flight.ts'

test('law: an LRU holds the entries that were used last', () => {
  const step = fc.tuple(
    fc.constantFrom('get' as const, 'set' as const, 'delete' as const),
    fc.nat(9),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const lru = new Lru<number, number>(4)
      let model: number[] = []
      for (const [what, key] of steps) {
        const rest = model.filter((one) => one !== key)
        const held = rest.length < model.length
        const answers = {
          get: () => lru.get(key) === key,
          delete: () => lru.delete(key),
          set: () => {
            lru.set(key, key)
            return held
          },
        }
        expect(answers[what]()).toBe(held)
        if (what === 'set' || (what === 'get' && held)) model = [...rest, key].slice(-4)
        else if (what === 'delete') model = rest
        expect(lru.size).toBe(model.length)
      }
      expect(lru.deleteWhere((value) => value % 2 === 0)).toBe(
        model.filter((one) => one % 2 === 0).length,
      )
      lru.clear()
      expect(lru.size).toBe(0)
    }),
  )
})

test('work under way is shared, its failure too, and none is kept', async () => {
  const flights = new SingleFlight<string, number>()
  let runs = 0
  const work = async (): Promise<number> => {
    runs += 1
    await Promise.resolve()
    if (runs === 2) throw new Error('failed')
    return runs
  }
  expect(await Promise.all([flights.run('a', work), flights.run('a', work)])).toEqual([1, 1])
  const failed = await Promise.allSettled([flights.run('a', work), flights.run('a', work)])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await flights.run('a', work)).toBe(3)
  expect(flights.size).toBe(0)
})

test('a document that is deleted is fetched again', async () => {
  let loads = 0
  const cache = new DocumentCache<number>({
    clock: () => 1,
    capacity: 2,
    keepSeconds: 10,
    failSeconds: 1,
  })
  const load = (): Promise<number> => Promise.resolve((loads += 1))
  expect([await cache.get('a', load), await cache.get('a', load)]).toEqual([1, 1])
  cache.delete('a')
  expect(await cache.get('a', load)).toBe(2)
})

test('law: a failure that is remembered says when there is another try, and no sooner than the server wants one', async () => {
  const step = fc.integer({ min: 1, max: 40 })
  const wanted = fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), wanted, async (steps, retryAfterMs) => {
      let now = 1_000
      let triedAt = -Infinity
      const [keepSeconds, failSeconds] = [600, 30]
      const options = { clock: () => now, capacity: 2, keepSeconds, failSeconds }
      const cache = new DocumentCache<number>(options)
      const load = (): Promise<number> => {
        triedAt = now
        return Promise.reject(new FetchFault('timeout', 'a.example', 'is slow', retryAfterMs))
      }
      const [hints, expected]: [unknown[], unknown[]] = [[], []]
      for (const by of steps) {
        now += by
        const fault: unknown = await cache.get('a', load).catch((error: unknown) => error)
        hints.push(fault instanceof FetchFault ? fault.retryAfterMs : fault)
        expected.push(Math.max((triedAt + failSeconds - now) * 1_000, retryAfterMs ?? 0))
      }
      expect(hints).toEqual(expected)
    }),
  )
})

test('attack 24: addresses just inside and just outside of what is public', () => {
  const special = [
    ['0.0.0.0', '0.255.255.255', '1.0.0.0'],
    ['10.0.0.0', '10.255.255.255', '11.0.0.0'],
    ['100.64.0.0', '100.127.255.255', '100.128.0.0'],
    ['127.0.0.0', '127.255.255.255', '128.0.0.0'],
    ['169.254.0.0', '169.254.255.255', '169.255.0.0'],
    ['172.16.0.0', '172.31.255.255', '172.32.0.0'],
    ['192.0.0.0', '192.0.0.255', '192.0.1.0'],
    ['192.168.0.0', '192.168.255.255', '192.169.0.0'],
    ['198.18.0.0', '198.19.255.255', '198.20.0.0'],
    ['2001::', '2001:1ff:ffff::', '2001:200::'],
    ['2001:db8::', '2001:db8:ffff::', '2001:db9::'],
    ['2002::', '2002:ffff::', '2003::'],
    ['3fff::', '3fff:fff::', '3fff:1000::'],
  ] as const
  for (const [first, last, next] of special) {
    expect([first, last, next].map((one) => isPublicAddress(one))).toEqual([false, false, true])
  }
  for (const none of ['224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:8.8.8.8', 'fc00::1']) {
    expect([none, isPublicAddress(none)]).toEqual([none, false])
  }
  for (const none of ['fe80::1%eth0', '64:ff9b::8.8.8.8', '4000::', '', 'localhost', '8.8.8.8 ']) {
    expect([none, isPublicAddress(none)]).toEqual([none, false])
  }
  for (const own of ['127.0.0.1', '127.9.9.9', '::1']) expect(isLoopbackAddress(own)).toBe(true)
  for (const other of ['126.0.0.1', '::2', '::', '0.0.0.0', 'localhost', '::ffff:128.0.0.1']) {
    expect([other, isLoopbackAddress(other)]).toEqual([other, false])
  }
})
