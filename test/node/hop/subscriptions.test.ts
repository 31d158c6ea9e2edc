// Who hears of which resource, over upstreams that come and go.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { PATIENCE_MS } from '../../../node/hop/subscriptions.ts'
import { FakeUpstream } from './fake-upstream.ts'
import { Bench, settled, there } from './subscription-bench.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('one upstream', () => {
  test('row 41: all share one subscription upstream, freed by the last to leave', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const one = await bench.subscribe(['a'])
    const two = await bench.subscribe(['a'])
    expect([one.granted, two.granted]).toEqual([['a'], ['a']])
    expect(bench.at('u').asked).toEqual(['+there-a'])
    bench.update('u', 'there-a')
    expect([one.told, two.told]).toEqual([['a'], ['a']])
    one.end()
    bench.update('u', 'there-a')
    expect([one.told, two.told]).toEqual([['a'], ['a', 'a']])
    expect(bench.at('u').subscribed).toEqual(['there-a'])
    two.end()
    two.end()
    expect(bench.at('u').asked).toEqual(['+there-a', '-there-a'])
    expect(bench.sizes).toEqual([0, 0])
  })

  test('two at once ask once', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const both = await Promise.all([bench.subscribe(['a']), bench.subscribe(['a'])])
    expect(both.map(({ granted }) => granted)).toEqual([['a'], ['a']])
    expect(bench.at('u').asked).toEqual(['+there-a'])
  })

  test('a URI that is asked for twice is granted and told once', async () => {
    const bench = new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['b', 'a', 'b'])
    expect(listener.granted).toEqual(['b', 'a'])
    bench.update('u', 'there-b')
    expect(listener.told).toEqual(['b'])
    listener.end()
    expect(bench.sizes).toEqual([0, 0])
  })

  test('row 39: what is hidden or unknown is not granted, and nothing is asked upstream', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const unknown = await bench.subscribe(['nowhere', 'there-a'])
    const elsewhere = await bench.subscribe(['a'], { endpoint: 'other' })
    expect([unknown.granted, elsewhere.granted]).toEqual([[], []])
    expect(bench.at('u').asked).toEqual([])
    expect(bench.sizes).toEqual([0, 0])
  })

  test('a change of a part is told to those who subscribed to the nearest whole', async () => {
    const bench = new Bench({ 'x://d': ['u'], 'x://d/e/': ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['x://d', 'x://d/e/'])
    for (const part of [
      'x://d/f/g',
      'x://d/e/h',
      'x://d/e',
      'x://dd',
      'x://',
      `x://d${'/'.repeat(99)}`,
    ])
      bench.update('u', there(part))
    expect(listener.told).toEqual(['x://d', 'x://d/e/', 'x://d'])
  })

  test('what the upstream refuses is not granted, the rest is', async () => {
    const bench = new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
    bench.at('u').verdict = (uri) => uri === 'there-b'
    const listener = await bench.subscribe(['a', 'b'])
    expect(listener.granted).toEqual(['b'])
    bench.update('u', 'there-a')
    expect(listener.told).toEqual([])
    expect(bench.sizes).toEqual([1, 1])
  })

  test('an upstream that is down is tried, and what it then grants stands', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream({ up: false }) })
    expect((await bench.subscribe(['a'])).granted).toEqual([])
    bench.at('u').onConnect = () => Promise.resolve(bench.at('u').connect())
    expect((await bench.subscribe(['a'])).granted).toEqual(['a'])
  })

  test('a resource whose list is on its way is waited for', async () => {
    const bench = new Bench({}, { u: new FakeUpstream() })
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.lists = promise
    const pending = bench.subscribe(['a'])
    bench.shown.set('a', ['u'])
    resolve()
    expect((await pending).granted).toEqual(['a'])
  })

  test('ten thousand come and go', async () => {
    const uris = Array.from({ length: 10_000 }, (_, index) => `r${index}`)
    const shown = Object.fromEntries(uris.map((uri) => [uri, ['u'] as const]))
    const bench = new Bench(shown, { u: new FakeUpstream() })
    const listener = await bench.subscribe(uris)
    expect(listener.granted).toHaveLength(10_000)
    bench.at('u').connect()
    await bench.review()
    expect(listener.told).toHaveLength(10_000)
    expect(bench.sizes).toEqual([10_000, 10_000])
    listener.end()
    expect(bench.sizes).toEqual([0, 0])
    expect(bench.at('u').subscribed).toEqual([])
  })

  test('closing forgets everything: connections are closed next, and need not be told', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    bench.subscriptions.close()
    bench.update('u', 'there-a')
    listener.end()
    await bench.review()
    expect(listener.told).toEqual([])
    expect(bench.sizes).toEqual([0, 0])
    expect(bench.at('u').asked).toEqual(['+there-a'])
  })
})

function never(): Promise<boolean> {
  return new Promise(() => undefined)
}

describe('an upstream that hangs', () => {
  test('row 38: the wait is bounded, what the others grant is granted', async () => {
    vi.useFakeTimers()
    const upstreams = { stuck: new FakeUpstream(), good: new FakeUpstream() }
    const bench = new Bench({ a: ['stuck'], b: ['good'] }, upstreams)
    bench.at('stuck').verdict = never
    const pending = bench.subscribe(['a', 'b'])
    await vi.advanceTimersByTimeAsync(PATIENCE_MS.client)
    const listener = await pending
    expect(listener.granted).toEqual(['b'])
    // It may be granted late: nobody would end it then.
    expect(bench.at('stuck').asked).toEqual(['+there-a', '-there-a'])
    bench.update('stuck', 'there-a')
    expect(listener.told).toEqual([])
    expect(bench.sizes).toEqual([1, 1])
  })

  test('row 38: the same for one that hangs in connecting', async () => {
    vi.useFakeTimers()
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream({ up: false }) })
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.at('u').onConnect = () => promise
    const pending = bench.subscribe(['a'])
    await vi.advanceTimersByTimeAsync(PATIENCE_MS.client)
    expect((await pending).granted).toEqual([])
    bench.at('u').connect()
    resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(bench.at('u').asked).toEqual([])
    expect(bench.sizes).toEqual([0, 0])
  })

  test('whoever is nearer to it gives up sooner, so that the nodes before it need not', async () => {
    vi.useFakeTimers()
    const upstreams = { server: new FakeUpstream(), peer: new FakeUpstream({ node: 'p' }) }
    const bench = new Bench({ own: ['server'], far: ['peer'] }, upstreams)
    bench.servers.add('server')
    bench.at('server').verdict = never
    bench.at('peer').verdict = never
    const done: string[] = []
    const ask = (name: string, uri: string, node?: string): Promise<unknown> =>
      bench.subscribe([uri], node === undefined ? {} : { node }).then(() => done.push(name))
    const all = [
      ask('client', 'own'),
      ask('node before a node', 'far', 'n'),
      ask('node before a server', 'own', 'n'),
    ]
    await vi.advanceTimersByTimeAsync(PATIENCE_MS.client)
    await Promise.all(all)
    expect(done).toEqual(['node before a server', 'node before a node', 'client'])
  })

  test('one that hangs after a reconnect is asked again, later', async () => {
    vi.useFakeTimers()
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    bench.at('u').verdict = never
    bench.at('u').connect()
    bench.subscriptions.review()
    await vi.advanceTimersByTimeAsync(PATIENCE_MS.client)
    expect(bench.at('u').subscribed).toEqual([])
    expect(listener.told).toEqual([])
    bench.at('u').verdict = () => true
    await vi.advanceTimersByTimeAsync(10_000)
    expect(bench.at('u').subscribed).toEqual(['there-a'])
    expect(listener.told).toEqual(['a'])
    listener.end()
    expect(bench.sizes).toEqual([0, 0])
  })

  test('news in the meantime do not keep it waiting for ever', async () => {
    vi.useFakeTimers()
    const upstreams = { first: new FakeUpstream(), second: new FakeUpstream() }
    const bench = new Bench({ a: ['first', 'second'] }, upstreams)
    const listener = await bench.subscribe(['a'])
    bench.at('first').verdict = never
    bench.at('first').connect()
    for (let passed = 0; passed < PATIENCE_MS.client; passed += 100) {
      bench.subscriptions.review()
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(bench.at('second').subscribed).toEqual(['there-a'])
    expect(listener.told).toEqual(['a'])
  })
})

describe('upstreams that come and go', () => {
  test('row 40: a reconnect subscribes anew, and is told as a change, to each once', async () => {
    const bench = new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
    const one = await bench.subscribe(['a', 'b'])
    const two = await bench.subscribe(['a'])
    bench.at('u').lose()
    await bench.review()
    expect([one.told, two.told]).toEqual([[], []])
    bench.at('u').connect()
    await bench.review()
    expect(bench.at('u').subscribed).toEqual(['there-a', 'there-b'])
    expect(one.told.toSorted()).toEqual(['a', 'b'])
    expect(two.told).toEqual(['a'])
    expect(bench.at('u').connections[1]?.asked).toHaveLength(2)
  })

  test('row 40: one who subscribes just before the others are seen to takes nothing from them', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const old = await bench.subscribe(['a'])
    bench.at('u').connect()
    const pending = bench.subscribe(['a'])
    await bench.review()
    const young = await pending
    expect(old.told).toEqual(['a'])
    expect(young.told).toEqual([])
    expect(bench.at('u').connections[1]?.asked).toEqual(['+there-a'])
  })

  test('a dead path fails over, and back', async () => {
    const upstreams = { first: new FakeUpstream(), second: new FakeUpstream() }
    const bench = new Bench({ a: ['first', 'second'] }, upstreams)
    const listener = await bench.subscribe(['a'])
    expect(bench.at('second').asked).toEqual([])
    bench.at('first').lose()
    await bench.review()
    expect(bench.at('second').subscribed).toEqual(['there-a'])
    expect(listener.told).toEqual(['a'])
    bench.at('first').connect()
    await bench.review()
    expect(bench.at('first').subscribed).toEqual(['there-a'])
    expect(bench.at('second').subscribed).toEqual([])
    expect(listener.told).toEqual(['a', 'a'])
    bench.update('second', 'there-a')
    expect(listener.told).toEqual(['a', 'a'])
    bench.update('first', 'there-a')
    expect(listener.told).toEqual(['a', 'a', 'a'])
  })

  test('a resource that is shown no more is let go, and taken up when it is back', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    bench.shown.delete('a')
    await bench.review()
    expect(bench.at('u').subscribed).toEqual([])
    bench.update('u', 'there-a')
    expect(listener.told).toEqual([])
    bench.shown.set('a', ['u'])
    await bench.review()
    expect(bench.at('u').subscribed).toEqual(['there-a'])
    expect(listener.told).toEqual(['a'])
  })

  test('an upstream whose configuration is replaced is another one', async () => {
    const [old, young] = [new FakeUpstream(), new FakeUpstream()]
    const bench = new Bench({ a: ['u'] }, { u: old })
    const listener = await bench.subscribe(['a'])
    bench.upstreams.set('u', young)
    await bench.review()
    expect(old.subscribed).toEqual([])
    expect(young.subscribed).toEqual(['there-a'])
    bench.subscriptions.updated(old, 'there-a')
    expect(listener.told).toEqual(['a'])
  })

  test('news that change nothing are not told, and cost the upstream nothing', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    await bench.review()
    await bench.review()
    expect(listener.told).toEqual([])
    expect(bench.at('u').asked).toEqual(['+there-a'])
  })

  test('one that refuses is passed over until it reconnects', async () => {
    const upstreams = { first: new FakeUpstream(), second: new FakeUpstream() }
    const bench = new Bench({ a: ['first', 'second'] }, upstreams)
    bench.at('first').verdict = () => false
    const listener = await bench.subscribe(['a'])
    expect(listener.granted).toEqual(['a'])
    await bench.review()
    expect(bench.at('first').asked).toEqual(['+there-a', '-there-a'])
    expect(bench.at('second').subscribed).toEqual(['there-a'])
    bench.at('first').verdict = () => true
    bench.at('first').connect()
    await bench.review()
    expect(bench.at('first').subscribed).toEqual(['there-a'])
    expect(bench.at('second').subscribed).toEqual([])
  })

  test('a reconnect in the middle of a reconnect: what comes of the first says nothing', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    const { promise, resolve } = Promise.withResolvers<boolean>()
    bench.at('u').verdict = () => promise
    bench.at('u').connect()
    await bench.review()
    bench.at('u').verdict = () => true
    bench.at('u').connect()
    await bench.review()
    resolve(false)
    await settled()
    await bench.review()
    expect(bench.at('u').connections[2]?.asked).toEqual(['+there-a'])
    expect(listener.told).toEqual(['a'])
  })

  test('ending in the middle of a move leaves nothing behind', async () => {
    const bench = new Bench({ a: ['u'] }, { u: new FakeUpstream() })
    const listener = await bench.subscribe(['a'])
    const { promise, resolve } = Promise.withResolvers<boolean>()
    bench.at('u').verdict = () => promise
    bench.at('u').connect()
    await bench.review()
    listener.end()
    resolve(true)
    await settled()
    expect(listener.told).toEqual([])
    expect(bench.sizes).toEqual([0, 0])
    expect(bench.at('u').subscribed).toEqual([])
  })
})

describe('callers that are nodes', () => {
  test('row 63: no way leads back to the caller, nor to a node that was passed', async () => {
    const upstreams = { b: new FakeUpstream({ node: 'b' }), c: new FakeUpstream({ node: 'c' }) }
    const bench = new Bench({ a: ['b'], x: ['c'] }, upstreams)
    const listener = await bench.subscribe(['a', 'x'], { node: 'b', path: ['c', 'b'] })
    expect(listener.granted).toEqual([])
    expect([...bench.at('b').asked, ...bench.at('c').asked]).toEqual([])
    expect((await bench.subscribe(['a', 'x'])).granted).toEqual(['a', 'x'])
  })

  test('row 63: on behalf of a node only the way it was told of is taken, or a server of our own', async () => {
    const upstreams = {
      b: new FakeUpstream({ node: 'b' }),
      c: new FakeUpstream({ node: 'c' }),
      s: new FakeUpstream(),
    }
    const bench = new Bench({ a: ['b', 'c'], x: ['b', 's'] }, upstreams)
    bench.servers.add('s')
    const node = await bench.subscribe(['a', 'x'], { node: 'n' })
    const client = await bench.subscribe(['a'])
    bench.at('b').lose()
    await bench.review()
    expect(bench.at('c').subscribed).toEqual(['there-a'])
    expect([node.told, client.told]).toEqual([['x'], ['a']])
    bench.update('c', 'there-a')
    expect([node.told, client.told]).toEqual([['x'], ['a', 'a']])
  })
})
