// An upstream that is dead, slow or silent, at the start or later: only its own part suffers.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import type { Exchange } from '../fixtures/fixture-exchange.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const UNAVAILABLE = -31_003
/** Far more than a healthy list takes, far less than the 10 s a fetch may take. */
const PROMPT_MS = 4_000

describe('one bad upstream', () => {
  const mesh = new Mesh()
  const cleanups: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    await mesh.close()
    for (const cleanup of cleanups.splice(0)) await cleanup()
  })

  async function server(name: string, options: FixtureOptions = {}): Promise<FixtureServer> {
    const fixture = await FixtureServer.start({ tools: [plainTool(name)], ...options })
    cleanups.push(() => fixture.close())
    return fixture
  }

  /** A server that takes connections and requests, and never answers. */
  async function silentUrl(): Promise<string> {
    const silent: Server = createServer(() => undefined)
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve)
    })
    cleanups.push(() => {
      silent.closeAllConnections()
      return new Promise((resolve) => silent.close(resolve))
    })
    return `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`
  }

  function before(good: FixtureServer, bad: object): Promise<BanyanNode> {
    return mesh.start('front', {
      upstreams: { good: { http: { url: good.url } }, bad },
      namespaces: {
        good: { from: ['good'] },
        ...('node' in bad ? {} : { bad: { from: ['bad'] } }),
      },
      limits: { connectTimeout: '500ms' },
    })
  }

  async function deadUrl(): Promise<string> {
    const gone = await server('gone')
    await gone.close()
    return gone.url
  }

  describe.each(ERAS)('under a caller of era %s', (era) => {
    test.each([
      ['refuses connections', async () => ({ http: { url: await deadUrl() } })],
      ['never answers', async () => ({ http: { url: await silentUrl() } })],
      ['is a node that never answers', async () => ({ node: { url: await silentUrl() } })],
      ['is a command that does not exist', () => ({ stdio: { command: '/nowhere/at-all' } })],
      ['is a program that ends at once', () => ({ stdio: { command: 'true' } })],
      [
        'is a program that never speaks',
        () => ({ stdio: { command: 'sleep', args: ['60'], stopGrace: '50ms' } }),
      ],
    ])('row 64: at the start it %s', async (_what, bad) => {
      const good = await server('fine')
      const node = await before(good, await bad())
      await until(() => node.status().upstreams[0]?.tools === 1, 'the good upstream')
      const caller = await callerOf(era, node.endpointUrl('main'))
      expect(textOf(await caller.call('good__fine'))).toBe('fine')
      const changes = await caller.changes()
      good.tools.add(plainTool('more'))
      expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
      changes.close()
      expect(textOf(await caller.call('good__more'))).toBe('more')
    })

    test('row 64: it answers no list: the others are listed all the same, and from then on at once', async () => {
      const [good, bad] = [await server('fine'), await server('never')]
      const asked: Exchange[] = []
      bad.on('tools/list', (exchange) => void asked.push(exchange))
      const node = await mesh.start('front', {
        upstreams: { good: { http: { url: good.url } }, bad: { http: { url: bad.url } } },
        namespaces: { good: { from: ['good'] }, bad: { from: ['bad'] } },
        limits: { listTimeout: '600ms' },
      })
      const caller = await callerOf(era, node.endpointUrl('main'))
      await until(async () => (await caller.names()).join() === 'good__fine', 'the good part')
      await until(() => asked[0]?.isOver === true, 'the end of the first attempt')
      const attempts = asked.length
      for (let round = 0; round < 10; round += 1) {
        expect(await caller.names()).toEqual(['good__fine'])
      }
      // Had each of the ten waited, there would have been many attempts in the meantime.
      expect(asked.length).toBeLessThanOrEqual(attempts + 2)
      bad.off('tools/list')
      await until(async () => (await caller.names()).length === 2, 'the bad one to recover')
    })

    test('row 64: it stops answering lists later: its last list stands, and nobody waits long', async () => {
      const [good, bad] = [await server('fine'), await server('stuck')]
      const node = await before(good, { http: { url: bad.url } })
      await node.ready()
      const caller = await callerOf(era, node.endpointUrl('main'))
      expect(await caller.names()).toEqual(['bad__stuck', 'good__fine'])
      const asked = bad.received('tools/list').length
      bad.on('tools/list', () => undefined)
      bad.announce()
      await until(() => bad.received('tools/list').length > asked, 'the list nobody answers')
      const startedAt = performance.now()
      expect(await caller.names()).toEqual(['bad__stuck', 'good__fine'])
      expect(performance.now() - startedAt).toBeLessThan(PROMPT_MS)
      expect(textOf(await caller.call('bad__stuck'))).toBe('stuck')
    })

    test('row 64: it dies later: its names stay, its calls fail by name, the others go on', async () => {
      const [good, bad] = [await server('fine'), await server('dead')]
      const node = await before(good, { http: { url: bad.url } })
      await node.ready()
      const caller = await callerOf(era, node.endpointUrl('main'))
      await bad.close()
      await until(() => node.status().upstreams[1]?.phase === 'down', 'the loss to be seen')
      expect(await caller.names()).toEqual(['bad__dead', 'good__fine'])
      const { error } = await caller.call('bad__dead')
      expect(error.code).toBe(UNAVAILABLE)
      expect(error.message).toContain('"bad"')
      expect(error.message).not.toContain(bad.url)
      expect(textOf(await caller.call('good__fine'))).toBe('fine')
      expect(node.status().upstreams[1]?.problem).toContain('cannot be reached')
    })

    test('row 64: it hangs in a call: the deadline ends that one, the others go on', async () => {
      const [good, bad] = [await server('fine'), await server('hang')]
      bad.on('tools/call', () => undefined)
      const node = await before(good, { http: { url: bad.url }, timeout: '400ms' })
      await node.ready()
      const caller = await callerOf(era, node.endpointUrl('main'))
      const hung = caller.call('bad__hang')
      expect(textOf(await caller.call('good__fine'))).toBe('fine')
      expect((await hung).error.code).toBe(-31_004)
    })
  })

  test('calls beyond the limit of a stuck upstream are refused at once', async () => {
    const [good, bad] = [await server('fine'), await server('stuck')]
    bad.on('tools/call', () => undefined)
    const node = await before(good, { http: { url: bad.url }, concurrency: 2, timeout: '400ms' })
    await node.ready()
    const caller = await callerOf('2026', node.endpointUrl('main'))
    const stuck = [caller.call('bad__stuck'), caller.call('bad__stuck')]
    await until(() => bad.calls().length === 2, 'two calls at the server')
    expect((await caller.call('bad__stuck')).error.code).toBe(-31_006)
    expect(textOf(await caller.call('good__fine'))).toBe('fine')
    for (const call of stuck) expect((await call).error.code).toBe(-31_004)
    expect(bad.calls()).toHaveLength(2)
  })
})
