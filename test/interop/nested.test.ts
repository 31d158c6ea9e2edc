// The official clients and servers with three nodes between them, whose links speak different eras.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { growth } from './growth.ts'
import { hold } from './held-call.ts'
import { CLIENTS, type SdkClient } from './sdk-clients.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'
import { startHttpV2 } from './sdk-v2-server.ts'

const SERVERS = [
  { server: 'SDK v1, sessions', start: startSessionsV1, links: ['2026', '2025', 'auto'] },
  { server: 'SDK v2, 2026 only', start: () => startHttpV2('reject'), links: ['2025', '2026'] },
] as const

describe.each(SERVERS)('$server', ({ start, links }) => {
  const mesh = new Mesh()
  let fixture: RunningFixture
  let url = ''

  beforeAll(async () => {
    fixture = await start()
    const [outermost] = await mesh.chain(fixture.url, 3, links)
    url = outermost?.endpointUrl('main') ?? ''
  })

  afterAll(async () => {
    await mesh.close()
    await fixture.close()
  })

  describe.each(CLIENTS)('$client', ({ client: name, connect }) => {
    let client: SdkClient

    beforeAll(async () => {
      client = await connect(url)
    })

    afterAll(() => client.close())

    test('calls, errors, progress', async () => {
      expect(await client.tools()).toContain('fx__echo')
      expect(await client.call('fx__echo', { message: 'deep' })).toMatchObject({
        content: [{ text: 'deep' }],
      })
      await expect(client.call('fx__refuse', { code: -7 })).rejects.toMatchObject({
        code: -7,
        data: { why: 'on purpose', depth: { is: 2 } },
      })
      await client.call('fx__steps', { count: 6 }, { onprogress: () => undefined })
      expect(client.delivered).toEqual([1, 2, 3, 4, 5, 6])
    })

    test('an abort reaches the tool', async () => {
      const held = await hold(client, 'fx__hold', name)
      expect(await held.abort()).toBeInstanceOf(Error)
      expect(await client.call('fx__aborted', { key: name })).toMatchObject({
        content: [{ text: name }],
      })
    })

    test('hears of a new tool', async () => {
      const { before, after } = await growth(client, 'fx__grow')
      expect(after).toEqual(expect.arrayContaining([...before]))
    })
  })
})
