// A node is restarted at its address: sessions live on under the same key, and end cleanly under another.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { CLIENTS, type SdkClient } from './sdk-clients.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'

const STILL_HERE = { content: [{ type: 'text', text: 'still here' }] }

function freshKey(): string {
  return randomBytes(32).toString('base64url')
}

describe.each(CLIENTS)('$client', ({ era, connect }) => {
  let mesh: Mesh
  let fixture: RunningFixture
  let open: SdkClient[]

  beforeEach(async () => {
    mesh = new Mesh()
    fixture = await startSessionsV1()
    open = []
  })

  afterEach(async () => {
    for (const client of open) await client.close()
    await mesh.close()
    await fixture.close()
  })

  function startNode(listen: string, sessionKey: string): Promise<BanyanNode> {
    return mesh.ready('gate', {
      node: { listen, sessionKey },
      upstreams: { workshop: { http: { url: fixture.url } } },
      namespaces: { workshop: { from: ['workshop'] } },
    })
  }

  async function guest(url: string): Promise<SdkClient> {
    const client = await connect(url)
    open.push(client)
    return client
  }

  function echo(client: SdkClient): Promise<unknown> {
    return client.call('workshop__echo', { message: 'still here' })
  }

  test('under the same key the client notices nothing', async () => {
    const key = freshKey()
    const first = await startNode('127.0.0.1:0', key)
    const client = await guest(first.endpointUrl('main'))
    expect(await echo(client)).toMatchObject(STILL_HERE)
    await first.close()
    await startNode(new URL(first.url).host, key)
    expect(await echo(client)).toMatchObject(STILL_HERE)
  })

  test('under another key a session is over, and a new one works', async () => {
    const first = await startNode('127.0.0.1:0', freshKey())
    const url = first.endpointUrl('main')
    const client = await guest(url)
    await first.close()
    await startNode(new URL(first.url).host, freshKey())
    if (era === '2026') expect(await echo(client)).toMatchObject(STILL_HERE)
    else await expect(echo(client)).rejects.toThrow('no such session')
    expect(await echo(await guest(url))).toMatchObject(STILL_HERE)
  })
})
