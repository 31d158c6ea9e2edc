// Who hears of what happens in processes besides that of the node.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { PATIENCE_MS } from '../../../node/hop/subscriptions.ts'
import { FakeUpstream, type FakeSubscribed, type Verdict } from './fake-upstream.ts'
import { Bench, settled, there } from './subscription-bench.ts'

afterEach(() => {
  vi.useRealTimers()
})

function newBench(): Bench {
  return new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
}

function subscribed(...processes: FakeSubscribed[]): string[][] {
  return processes.map((one) => [...one.subscribed].toSorted())
}

test('they are subscribed to where they are of the same people, until the last of those leaves', async () => {
  const bench = newBench()
  const before = bench.open('u', 'ada')
  const one = await bench.subscribeAs('ada', 'a')
  const two = await bench.subscribeAs('ada', 'a')
  const later = bench.open('u', 'ada')
  const foreign = bench.open('u', 'bob')
  expect(subscribed(before, later, foreign)).toEqual([['there-a'], ['there-a'], []])
  one.end()
  one.end()
  expect(subscribed(before, later)).toEqual([['there-a'], ['there-a']])
  two.end()
  expect(subscribed(before, later)).toEqual([[], []])
  expect(bench.sizes).toEqual([0, 0])
})

test('who leaves takes nothing from others', async () => {
  const bench = newBench()
  const [adas, bobs] = [bench.open('u', 'ada'), bench.open('u', 'bob')]
  const ada = await bench.subscribeAs('ada', 'a', 'b')
  const bob = await bench.subscribeAs('bob', 'a')
  ada.end()
  expect(subscribed(adas, bobs)).toEqual([[], ['there-a']])
  expect(bench.at('u').subscribed).toEqual(['there-a'])
  bench.subscriptions.updated(bench.at('u'), 'there-a', 'ada')
  expect([ada.told, bob.told]).toEqual([[], []])
})

test('row 39: what one says is told to its people alone', async () => {
  const bench = newBench()
  const [ada, bob] = [await bench.subscribeAs('ada', 'a'), await bench.subscribeAs('bob', 'a')]
  const all = await bench.subscribe(['a'])
  bench.subscriptions.updated(bench.at('u'), 'there-a', 'bob')
  bench.subscriptions.updated(bench.at('u'), 'there-a', '')
  bench.subscriptions.updated(bench.at('u'), 'there-a', 'carol')
  expect([ada.told, bob.told, all.told]).toEqual([[], ['a'], ['a']])
  bench.update('u', 'there-a')
  expect([ada.told, bob.told, all.told]).toEqual([['a'], ['a', 'a'], ['a', 'a']])
})

test('a change of a part is told to those of its people who subscribed to the nearest whole', async () => {
  const bench = new Bench({ 'x://d/': ['u'], 'x://d/e': ['u'] }, { u: new FakeUpstream() })
  const ada = await bench.subscribeAs('ada', 'x://d/')
  const bob = await bench.subscribeAs('bob', 'x://d/e')
  bench.subscriptions.updated(bench.at('u'), there('x://d/e'), 'ada')
  expect([ada.told, bob.told]).toEqual([['x://d/'], []])
})

test.each<[string, Verdict, number]>([
  ['refuses', () => false, 0],
  ['hangs', () => new Promise(() => undefined), PATIENCE_MS.client],
])('one that %s takes nothing away from what the node was granted', async (_what, verdict, ms) => {
  vi.useFakeTimers()
  const bench = newBench()
  bench.open('u', 'ada', verdict)
  const subscribing = bench.subscribeAs('ada', 'a')
  await vi.advanceTimersByTimeAsync(ms)
  expect((await subscribing).granted).toEqual(['a'])
})

test('what the node itself is not granted is asked for nowhere else, and left nowhere', async () => {
  const bench = newBench()
  const process = bench.open('u', 'ada')
  bench.at('u').verdict = (uri) => uri === 'there-b'
  const listener = await bench.subscribeAs('ada', 'a', 'b')
  expect(listener.granted).toEqual(['b'])
  expect(subscribed(process)).toEqual([['there-b']])
})

test('one that opens while the node waits for its own is asked, and let go when that refuses', async () => {
  const bench = newBench()
  const answered = Promise.withResolvers<boolean>()
  bench.at('u').verdict = () => answered.promise
  const subscribing = bench.subscribeAs('ada', 'a')
  await settled()
  const process = bench.open('u', 'ada')
  expect(subscribed(process)).toEqual([['there-a']])
  answered.resolve(false)
  expect((await subscribing).granted).toEqual([])
  expect(subscribed(process)).toEqual([[]])
  expect(bench.sizes).toEqual([0, 0])
})

test('a subscription that is lost while one is waited for is moved', async () => {
  const bench = newBench()
  const answered = Promise.withResolvers<boolean>()
  bench.open('u', 'ada', () => answered.promise)
  const subscribing = bench.subscribeAs('ada', 'a')
  await settled()
  bench.at('u').lose()
  bench.at('u').connect()
  await bench.review()
  answered.resolve(true)
  const listener = await subscribing
  await settled()
  expect(bench.at('u').subscribed).toEqual(['there-a'])
  bench.update('u', 'there-a')
  expect(listener.told).toContain('a')
})

test('who leaves while one is waited for leaves nothing behind', async () => {
  const bench = newBench()
  const listener = await bench.subscribeAs('ada', 'a')
  const answered = Promise.withResolvers<boolean>()
  const process = bench.open('u', 'ada', () => answered.promise)
  bench.at('u').connect()
  await bench.review()
  listener.end()
  answered.resolve(true)
  await settled()
  expect(listener.told).toEqual([])
  expect(subscribed(process)).toEqual([[]])
  expect(bench.at('u').subscribed).toEqual([])
  expect(bench.sizes).toEqual([0, 0])
})

test('row 40: one that takes the place of another is told as a change, to its people once', async () => {
  const bench = newBench()
  const [ada, bob] = [await bench.subscribeAs('ada', 'a'), await bench.subscribeAs('bob', 'a')]
  const first = bench.open('u', 'ada')
  const second = bench.open('u', 'ada')
  expect([ada.told, bob.told]).toEqual([[], []])
  bench.at('u').processes.delete(first)
  const third = bench.open('u', 'ada')
  bench.open('u', 'ada')
  expect([ada.told, bob.told]).toEqual([['a'], []])
  expect(subscribed(second, third)).toEqual([['there-a'], ['there-a']])
})

test('row 40: nor is it forgotten when somebody subscribes in between', async () => {
  const bench = newBench()
  const gone = bench.open('u', 'ada')
  bench.open('u', 'ada')
  const old = await bench.subscribeAs('ada', 'a')
  bench.at('u').processes.delete(gone)
  const young = await bench.subscribeAs('ada', 'a')
  bench.open('u', 'ada')
  expect([old.told, young.told]).toEqual([['a'], ['a']])
})

describe('when the node goes over to another process', () => {
  test('the one before stays subscribed for those who share it, until they leave', async () => {
    const bench = newBench()
    const all = await bench.subscribe(['a'])
    const ada = await bench.subscribeAs('ada', 'a', 'b')
    const before = bench.goOver('u')
    await bench.review()
    expect([...(before?.subscribed ?? [])]).toEqual(['there-a'])
    expect(bench.at('u').subscribed).toEqual(['there-a', 'there-b'])
    expect([all.told, ada.told.toSorted()]).toEqual([['a'], ['a', 'b']])
    all.end()
    expect(before?.subscribed.size).toBe(0)
    expect(bench.at('u').subscribed).toEqual(['there-a', 'there-b'])
  })

  test('who leaves before it has subscribed there leaves nothing behind', async () => {
    const bench = newBench()
    const all = await bench.subscribe(['a'])
    const before = bench.goOver('u')
    bench.subscriptions.review()
    all.end()
    await settled()
    expect(before?.subscribed.size).toBe(0)
    expect(bench.at('u').subscribed).toEqual([])
    expect(bench.sizes).toEqual([0, 0])
  })
})
