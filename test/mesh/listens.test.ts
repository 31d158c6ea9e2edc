// Changes of lists on their way to callers of both eras.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { streamModern, type RawStream } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { META, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []
const streams: RawStream[] = []

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const CHANGED = 'notifications/tools/list_changed'

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close()
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(options: FixtureOptions = {}): Promise<FixtureServer> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  return fixture
}

async function listen(
  url: string,
  notifications: JsonObject,
  id: string | number = 'my-listen',
): Promise<RawStream> {
  const stream = await streamModern(url, 'subscriptions/listen', { notifications }, { id })
  streams.push(stream)
  return stream
}

function subscriptionOf(message: JsonObject | undefined): unknown {
  return objectAt(objectAt(message, 'params'), '_meta')[META.subscriptionId]
}

describe('a listen', () => {
  test('row 38: the acknowledgement comes first, once, with what there is', async () => {
    const fixture = await server()
    const node = await mesh.front('front', fixture.url)
    const wanted = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourceSubscriptions: ['file:///x'],
    }
    const stream = await listen(node.endpointUrl('main'), wanted)
    const first = await stream.next()
    expect(first).toMatchObject({ method: ACKNOWLEDGED })
    // Prompts may come up at any time; a resource that is not there is not granted.
    expect(objectAt(objectAt(first, 'params'), 'notifications')).toEqual({
      toolsListChanged: true,
      promptsListChanged: true,
      resourceSubscriptions: [],
    })
    fixture.tools.add(plainTool('one'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
  })

  test('row 38: it is acknowledged though an upstream never acknowledges', async () => {
    const [good, stuck] = [await server(), await server({ listen: 'silent' })]
    const node = await mesh.start('front', {
      upstreams: { good: { http: { url: good.url } }, stuck: { http: { url: stuck.url } } },
      namespaces: { good: { from: ['good'] }, stuck: { from: ['stuck'] } },
    })
    const count = good.tools.names.length
    await until(() => stuck.received('subscriptions/listen').length === 1, 'the silent listen')
    const stream = await listen(node.endpointUrl('main'), { toolsListChanged: true })
    expect(await stream.next()).toMatchObject({ method: ACKNOWLEDGED })
    await until(() => node.status().upstreams[0]?.tools === count, 'the good one')
    good.tools.add(plainTool('one'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
  })

  test('row 39: what is not asked for is not sent', async () => {
    const fixture = await server()
    const node = await mesh.front('front', fixture.url)
    const url = node.endpointUrl('main')
    const [quiet, loud] = [
      await listen(url, {}, 1),
      await listen(url, { toolsListChanged: true }, 2),
    ]
    expect(await quiet.next()).toMatchObject({ params: { notifications: {} } })
    await loud.next()
    fixture.tools.add(plainTool('one'))
    expect(await loud.next()).toMatchObject({ method: CHANGED })
    await mesh.close()
    // All that comes after the acknowledgement is the end.
    expect(await quiet.next()).toMatchObject({ id: 1, result: { resultType: 'complete' } })
    expect(await quiet.next()).toBeUndefined()
  })

  test('row 39: changes of what an endpoint does not show are not told', async () => {
    const [open, closed] = [await server(), await server()]
    const node = await mesh.ready('front', {
      upstreams: { open: { http: { url: open.url } }, closed: { http: { url: closed.url } } },
      namespaces: { open: { from: ['open'] }, closed: { from: ['closed'] } },
      endpoints: { main: { namespaces: ['open'] }, all: { namespaces: ['*'] } },
    })
    const stream = await listen(node.endpointUrl('main'), { toolsListChanged: true })
    await stream.next()
    const lists = closed.received('tools/list').length
    closed.tools.add(plainTool('secret'))
    await until(() => closed.received('tools/list').length > lists, 'the hidden change')
    const count = open.tools.names.length + closed.tools.names.length
    await until(() => node.status().endpoints[1]?.tools === count, 'the hidden change to be taken')
    open.tools.add(plainTool('public'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
    const caller = await callerOf('2026', node.endpointUrl('main'))
    expect(await caller.names()).toContain('open__public')
    await mesh.close()
    expect(await stream.next()).toMatchObject({ result: { resultType: 'complete' } })
  })

  test.each(['text', 12] as const)(
    'row 39: subscriptionId is ours at every hop: %j',
    async (id) => {
      const fixture = await server()
      const [outer] = await mesh.chain(fixture.url, 3)
      const stream = await listen(outer?.endpointUrl('main') ?? '', { toolsListChanged: true }, id)
      expect(subscriptionOf(await stream.next())).toBe(id)
      fixture.tools.add(plainTool('one'))
      expect(subscriptionOf(await stream.next())).toBe(id)
      const own = fixture.received('subscriptions/listen').map((request) => request.id)
      expect(own).not.toContain(id)
    },
  )
})

const MIXES: readonly (readonly [Era, Era])[] = ERAS.flatMap((caller) =>
  ERAS.map((upstream) => [caller, upstream] as const),
)

describe.each(MIXES)('a caller of era %s, a server of era %s', (era, upstream) => {
  test('row 24: who is told of a change sees it in the next list', async () => {
    const fixture = await server({ era: upstream, ttlMs: 60_000 })
    const [outer] = await mesh.chain(fixture.url, 3, ['auto', 'auto', upstream])
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    const stream = await caller.changes()
    streams.push(stream)
    for (const name of ['one', 'two', 'three']) {
      fixture.tools.add(plainTool(name))
      expect(await stream.next()).toMatchObject({ method: CHANGED })
      expect(await caller.names()).toContain(`fx__${name}`)
    }
    fixture.tools.remove('two')
    expect(await stream.next()).toMatchObject({ method: CHANGED })
    expect(await caller.names()).not.toContain('fx__two')
    expect(fixture.violations).toEqual([])
  })

  test('row 40: an upstream that drops is listened to again, what was missed is told', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    const stream = await caller.changes()
    streams.push(stream)
    await fixture.close()
    fixture.tools.add(plainTool('missed'))
    await fixture.listen()
    expect(await stream.next()).toMatchObject({ method: CHANGED })
    expect(await caller.names()).toContain('fx__missed')
    await until(() => fixture.openStreams === 1, 'the new stream upstream')
    fixture.tools.add(plainTool('heard'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
  })

  test('row 40: only its streams are cut: opened again, and what was missed is told', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    const stream = await caller.changes()
    streams.push(stream)
    fixture.dropStreams()
    await until(() => fixture.openStreams === 0, 'the cut')
    fixture.tools.add(plainTool('missed'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
    expect(await caller.names()).toContain('fx__missed')
    await until(() => fixture.openStreams === 1, 'the new stream upstream')
  })

  test('a change that changes nothing is not told', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    const stream = await caller.changes()
    streams.push(stream)
    const lists = fixture.received('tools/list').length
    fixture.announce()
    await until(() => fixture.received('tools/list').length > lists, 'the list that is the same')
    fixture.tools.add(plainTool('one'))
    expect(await stream.next()).toMatchObject({ method: CHANGED })
    expect(await caller.names()).toContain('fx__one')
  })

  test('a server that announces a change with every list is not asked without end', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    fixture.on('tools/list', async (_exchange, proceed) => {
      await proceed()
      fixture.announce()
    })
    fixture.announce()
    const asked = (): number => fixture.received('tools/list').length
    await until(() => asked() >= 3, 'the circle to begin')
    const before = asked()
    const caller = await callerOf(era, node.endpointUrl('main'))
    for (let count = 0; count < 100; count += 1) await caller.call('fx__echo', { message: 'x' })
    expect(asked() - before).toBeLessThanOrEqual(10)

    // What it says is believed again when it is true.
    fixture.off('tools/list')
    fixture.tools.add(plainTool('true'))
    await until(async () => (await caller.names()).includes('fx__true'), 'the true change')
  })

  test('a hundred callers listen through one stream upstream, and leave nothing behind', async () => {
    const fixture = await server({ era: upstream })
    const node = await mesh.front('front', fixture.url)
    const url = node.endpointUrl('main')
    const own: RawStream[] = []
    for (let count = 0; count < 100; count += 1)
      own.push(await (await callerOf(era, url)).changes())
    streams.push(...own)
    expect(fixture.openStreams).toBe(1)
    fixture.tools.add(plainTool('one'))
    for (const stream of own) expect(await stream.next()).toMatchObject({ method: CHANGED })
  })
})
