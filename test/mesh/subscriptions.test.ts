// Subscriptions to resources on their way through nodes, for callers and servers of both eras.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { META, objectAt, type Era } from '../fixtures/wire.ts'
import { callerOf, ERAS } from './caller.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Mesh } from './mesh.ts'
import { subscriberOf, UPDATED, urisAt, type Subscriber } from './subscriber.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []
const subscribers: Subscriber[] = []

const ONE = 'test://static/1'
const TWO = 'test://static/2'

afterEach(async () => {
  for (const { stream } of subscribers.splice(0)) stream.close()
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(options: FixtureOptions = {}): Promise<FixtureServer> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  return fixture
}

/** Subscribes to resources by name; `uri` gives what the endpoint calls one. */
async function subscribe(
  era: Era,
  node: BanyanNode | undefined,
  names: readonly string[],
): Promise<Subscriber & { readonly uri: (name: string) => string }> {
  const url = node?.endpointUrl('main') ?? ''
  const uris = await urisAt(url)
  const uri = (name: string): string => {
    const found = uris.get(name)
    if (found === undefined) throw new Error(`${name} is not listed`)
    return found
  }
  const subscriber = await subscriberOf(era, url, names.map(uri))
  subscribers.push(subscriber)
  return { ...subscriber, uri }
}

const PAIRS: readonly (readonly [Era, Era])[] = ERAS.flatMap((caller) =>
  ERAS.map((upstream) => [caller, upstream] as const),
)
const DEPTHS = PAIRS.flatMap((pair) => [1, 3].map((depth) => [...pair, depth] as const))

describe.each(DEPTHS)('caller %s, server %s, %i nodes', (era, upstream, depth) => {
  test('an update arrives under the URI the caller knows, and no other does', async () => {
    const fixture = await server({ era: upstream })
    const [front] = await mesh.chain(fixture.url, depth)
    const one = await subscribe(era, front, ['static 1'])
    expect(one.granted).toEqual([one.uri('static 1')])
    expect(fixture.watchers(ONE)).toBe(1)
    fixture.touch(TWO)
    fixture.touch(ONE)
    expect(await one.next()).toBe(one.uri('static 1'))
    await one.end()
    await until(() => fixture.watchers(ONE) === 0, 'the end at the server')
    expect(fixture.violations).toEqual([])
  })

  test('the same over stdio', async () => {
    const inner = await mesh.ready('inner', {
      upstreams: { fixture: { stdio: stdioCommand({ era: upstream }) } },
      namespaces: { fx: { from: ['fixture'] } },
    })
    let front = inner
    for (let index = 1; index < depth; index += 1) {
      const node = { url: front.endpointUrl('main'), as: '{namespace}' }
      front = await mesh.ready(`n${index}`, { upstreams: { next: { node } } })
    }
    const one = await subscribe(era, front, ['static 1'])
    expect(one.granted).toEqual([one.uri('static 1')])
    const caller = await callerOf(era, front.endpointUrl('main'))
    await caller.call('fx__touch', { uri: TWO })
    await caller.call('fx__touch', { uri: ONE })
    expect(await one.next()).toBe(one.uri('static 1'))
  })

  test('row 40: a server that was away: what was missed is told, the stream stays open', async () => {
    const fixture = await server({ era: upstream })
    const [front] = await mesh.chain(fixture.url, depth)
    const one = await subscribe(era, front, ['static 1'])
    await fixture.close()
    fixture.touch(ONE)
    await fixture.listen()
    expect(await one.next()).toBe(one.uri('static 1'))
    await until(() => fixture.watchers(ONE) === 1, 'the new subscription')
    fixture.touch(ONE)
    expect(await one.next()).toBe(one.uri('static 1'))
  })

  test('row 40: only its streams are cut', async () => {
    const fixture = await server({ era: upstream })
    const [front] = await mesh.chain(fixture.url, depth)
    const one = await subscribe(era, front, ['static 1'])
    fixture.dropStreams()
    expect(await one.next()).toBe(one.uri('static 1'))
    await until(() => fixture.watchers(ONE) === 1 && fixture.openStreams > 0, 'the new stream')
    fixture.touch(ONE)
    expect(await one.next()).toBe(one.uri('static 1'))
  })
})

const HANGING: readonly (readonly [Era, Era, number])[] = [
  ['2025', '2026', 1],
  ['2025', '2025', 3],
  ['2026', '2026', 3],
]

describe.each(HANGING)('caller %s, servers %s, %i nodes', (era, upstream, depth) => {
  test('row 38: one that hangs holds up no other, and is not granted', async () => {
    const [good, stuck] = [await server({ era: upstream }), await server({ era: upstream })]
    const inner = await mesh.ready('inner', {
      upstreams: { good: { http: { url: good.url } }, stuck: { http: { url: stuck.url } } },
      namespaces: { good: { from: ['good'] }, stuck: { from: ['stuck'] } },
    })
    let front = inner
    for (let index = 1; index < depth; index += 1) {
      const node = { url: front.endpointUrl('main'), as: '{namespace}' }
      front = await mesh.ready(`n${index}`, { upstreams: { next: { node } } })
    }
    stuck.settings.listen = 'silent'
    stuck.on('resources/subscribe', () => undefined)
    const url = front.endpointUrl('main')
    const session = await callerOf('2025', url)
    const { result } = await session.ask('resources/list')
    const uris = (result['resources'] as { name: string; uri: string }[])
      .filter(({ name }) => name === 'static 1')
      .map(({ uri }) => uri)
    expect(uris).toHaveLength(2)
    const startedAt = performance.now()
    const both = await subscriberOf(era, url, uris)
    subscribers.push(both)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    expect(both.granted).toHaveLength(1)
    good.touch(ONE)
    expect(await both.next()).toBe(both.granted[0])
  })
})

describe.each(ERAS)('a server of era %s', (upstream) => {
  test('row 41: callers of both eras share one subscription, freed by the last to leave', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const old = await subscribe('2025', node, ['static 1'])
    const young = await subscribe('2026', node, ['static 1', 'static 2'])
    // A listen that another one replaces ends a little later.
    await until(() => fixture.watchers(ONE) === 1 && fixture.watchers(TWO) === 1, 'one of each')
    fixture.touch(ONE)
    expect(await old.next()).toBe(old.uri('static 1'))
    expect(await young.next()).toBe(young.uri('static 1'))
    await old.end()
    fixture.touch(ONE)
    expect(await young.next()).toBe(young.uri('static 1'))
    await young.end()
    await until(() => fixture.watchers(ONE) + fixture.watchers(TWO) === 0, 'the end of both')
    // Once each, whoever asked: on a listen a filter is replaced as a whole.
    const asked = fixture.received('resources/subscribe').map(({ params }) => params['uri'])
    expect(asked).toEqual(upstream === '2025' ? [ONE, TWO] : [])
    expect(fixture.received('resources/unsubscribe')).toHaveLength(asked.length)
    expect(fixture.violations).toEqual([])
  })

  test('row 41: who hangs up, or ends the session, holds nothing any more', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const url = node.endpointUrl('main')
    const uris = [...(await urisAt(url)).values()]
    const callers = Array.from({ length: 50 }, (_, index) => ERAS[index % 2] ?? '2026')
    const all = await Promise.all(callers.map((era) => subscriberOf(era, url, uris)))
    subscribers.push(...all)
    expect(all.every(({ granted }) => granted.length === uris.length)).toBe(true)
    await until(() => fixture.watchers(ONE) === 1, 'one subscription')
    await Promise.all(all.map((one) => one.leave()))
    await until(() => fixture.watchers(ONE) === 0, 'the end at the server')
    expect(fixture.violations).toEqual([])
  })

  test('row 39: what the endpoint hides is not granted, and nothing goes upstream', async () => {
    const [open, closed] = [await server({ era: upstream }), await server({ era: upstream })]
    const plan = {
      upstreams: { open: { http: { url: open.url } }, closed: { http: { url: closed.url } } },
      namespaces: { open: { from: ['open'] }, closed: { from: ['closed'] } },
      endpoints: { main: { namespaces: ['open'] }, all: { namespaces: ['*'] } },
    }
    const node = await mesh.ready('front', plan)
    const shown = new Set((await urisAt(node.endpointUrl('main'))).values())
    const caller = await callerOf('2025', node.endpointUrl('all'))
    const { result } = await caller.ask('resources/list')
    const hidden = (result['resources'] as { uri: string }[])
      .map(({ uri }) => uri)
      .filter((uri) => !shown.has(uri))
    expect(hidden).toHaveLength(shown.size)
    const unknown = hidden.map((uri) => uri.replace('closed', 'clozed'))
    const before = closed.requests.length
    for (const era of ERAS) {
      for (const uris of [hidden, unknown]) {
        const one = await subscriberOf(era, node.endpointUrl('main'), uris)
        subscribers.push(one)
        expect(one.granted).toEqual([])
      }
    }
    expect(closed.requests.slice(before).map(({ method }) => method)).toEqual([])
  })

  test('row 20: equal URIs of two servers are told apart', async () => {
    const [left, right] = [await server({ era: upstream }), await server({ era: upstream })]
    const node = await mesh.ready('front', {
      upstreams: { left: { http: { url: left.url } }, right: { http: { url: right.url } } },
      namespaces: { left: { from: ['left'] }, right: { from: ['right'] } },
    })
    const caller = await callerOf('2026', node.endpointUrl('main'))
    const { result } = await caller.ask('resources/list')
    const uris = (result['resources'] as { name: string; uri: string }[])
      .filter(({ name }) => name === 'static 1')
      .map(({ uri }) => uri)
    const one = await subscriberOf('2026', node.endpointUrl('main'), uris)
    subscribers.push(one)
    expect(one.granted).toHaveLength(2)
    left.touch(ONE)
    const first = await one.next()
    right.touch(ONE)
    const second = await one.next()
    expect(new Set([first, second])).toEqual(new Set(uris))
  })

  test('row 42: a node that shuts down answers the listen, and ends what it held', async () => {
    const fixture = await server({ era: upstream })
    const [front] = await mesh.chain(fixture.url, 3)
    const one = await subscribe('2026', front, ['static 1'])
    fixture.touch(ONE)
    const update = await one.stream.next()
    expect(update).toMatchObject({ method: UPDATED, params: { uri: one.uri('static 1') } })
    expect(objectAt(objectAt(update, 'params'), '_meta')[META.subscriptionId]).toBe('my-listen')
    await mesh.close()
    expect(await one.stream.next()).toMatchObject({
      id: 'my-listen',
      result: { resultType: 'complete', _meta: { [META.subscriptionId]: 'my-listen' } },
    })
    expect(await one.stream.next()).toBeUndefined()
    await until(() => fixture.watchers(ONE) === 0, 'the end at the server')
  })

  test('a new configuration: gone with the upstream, back with it', async () => {
    const fixture = await server({ era: upstream })
    const upstreams = { fixture: { http: { url: fixture.url } } }
    const plan = { upstreams, namespaces: { fx: { from: ['fixture'] } } }
    const node = await mesh.ready('front', plan)
    const one = await subscribe('2026', node, ['static 1'])
    await mesh.replan(node, {
      upstreams: { other: { http: { url: fixture.url } } },
      namespaces: { other: { from: ['other'] } },
    })
    await until(() => fixture.watchers(ONE) === 0, 'the end at the server')
    await mesh.replan(node, plan)
    expect(await one.next()).toBe(one.uri('static 1'))
    await until(() => fixture.watchers(ONE) === 1, 'the new subscription')
    fixture.touch(ONE)
    expect(await one.next()).toBe(one.uri('static 1'))
  })
})

describe.each(PAIRS)('two ways, caller %s, links %s', (era, link) => {
  test('a dead path fails over, and the caller is told once of each change', async () => {
    const fixture = await server({ era: link })
    const inner = await mesh.front('inner', fixture.url, { era: link })
    const next = { node: { url: inner.endpointUrl('main'), as: '{namespace}' }, era: link }
    const left = await mesh.ready('left', { upstreams: { next } })
    const right = await mesh.ready('right', { upstreams: { next } })
    const way = (node: BanyanNode): object => ({
      node: { url: node.endpointUrl('main'), as: '{namespace}' },
      era: link,
    })
    const front = await mesh.ready('front', { upstreams: { left: way(left), right: way(right) } })
    const one = await subscribe(era, front, ['static 1', 'static 2'])
    expect(one.granted).toHaveLength(2)
    await left.close()
    const missed = [await one.next(), await one.next()]
    expect(new Set(missed)).toEqual(new Set([one.uri('static 1'), one.uri('static 2')]))
    fixture.touch(ONE)
    expect(await one.next()).toBe(one.uri('static 1'))
    fixture.touch(TWO)
    expect(await one.next()).toBe(one.uri('static 2'))
    expect(fixture.watchers(ONE)).toBe(1)
  })
})

describe.each(ERAS)('nodes that come and go, links of era %s', (link) => {
  const imports = (node: BanyanNode): object => ({
    node: { url: node.endpointUrl('main'), as: '{namespace}' },
    era: link,
  })

  // Those that are still there would keep the connections of one that closes busy.
  const limits = { shutdownGrace: '200ms' }

  test('row 40: a node in the middle that is restarted', async () => {
    const fixture = await server({ era: link })
    const [outer, middle, inner] = await mesh.chain(fixture.url, 3, [link, link, link])
    if (middle === undefined || inner === undefined) throw new Error('no chain')
    const both = [
      await subscribe('2025', outer, ['static 1']),
      await subscribe('2026', outer, ['static 1']),
    ]
    const { host } = new URL(middle.url)
    await middle.close()
    await until(() => fixture.watchers(ONE) === 0, 'the end at the server')
    await mesh.ready('again', {
      upstreams: { next: imports(inner) },
      node: { listen: host },
      limits,
    })
    for (const one of both) expect(await one.next()).toBe(one.uri('static 1'))
    await until(() => fixture.watchers(ONE) === 1, 'the new subscription')
  })

  test('row 63: nodes that evade to each other do not send updates in a circle', async () => {
    const fixture = await server({ era: link })
    const middle = await mesh.front('middle', fixture.url, { era: link })
    const ring: BanyanNode[] = []
    const cuts: CountingProxy[] = []
    const to = (url: string): object => ({ node: { url, as: '{namespace}' }, era: link })
    for (const name of ['a', 'b', 'c']) {
      const cut = await CountingProxy.start(middle.endpointUrl('main'))
      cuts.push(cut)
      ring.push(await mesh.start(name, { upstreams: { middle: to(cut.url) }, limits }))
    }
    const plan = (self: BanyanNode, url: string): Promise<void> => {
      const others = ring.filter((node) => node !== self).map((node) => [node.name, imports(node)])
      return mesh.replan(self, {
        upstreams: { middle: to(url), ...Object.fromEntries(others) },
        limits,
      })
    }
    await Promise.all(ring.map((node, index) => plan(node, cuts[index]?.url ?? '')))
    const all: Subscriber[] = []
    for (const node of ring) all.push(await subscribe('2026', node, ['static 1']))

    // One after the other, so that each evades to one that still has a way; the last one has none.
    for (const [index, cut] of cuts.entries()) {
      await cut.close()
      const way = (): unknown => ring[index]?.status().upstreams[0]?.phase
      await until(() => way() === 'down', 'the loss to be seen')
      const evaded = cuts[index + 1] === undefined ? undefined : await all[index]?.next()
      expect(evaded).toBe(cuts[index + 1] === undefined ? undefined : all[index]?.granted[0])
    }
    await Promise.all(ring.map((node) => plan(node, middle.endpointUrl('main'))))
    await until(() => fixture.watchers(ONE) === 1, 'the new subscription')
    fixture.touch(ONE)
    for (const one of all) expect(await one.next()).toBe(all[0]?.granted[0])

    const closing = ring.map((node) => node.close())
    for (const one of all) {
      let more = 0
      while ((await one.next()) !== undefined) more += 1
      expect(more).toBeLessThan(10)
    }
    await Promise.all(closing)
  })
})
