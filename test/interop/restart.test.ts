// A node is restarted at its address: sessions live on under the same key, and end cleanly under another.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { CLIENTS, type Connect, type SdkClient } from './sdk-clients.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'

const STILL_HERE = { content: [{ type: 'text', text: 'still here' }] }

function freshKey(): string {
  return randomBytes(32).toString('base64url')
}

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

async function guest(connect: Connect, url: string): Promise<SdkClient> {
  const client = await connect(url)
  open.push(client)
  return client
}

function echo(client: SdkClient): Promise<unknown> {
  return client.call('workshop__echo', { message: 'still here' })
}

/** A client of a node that was then replaced, at the same address, by one with that key. */
async function survivor(
  connect: Connect,
  keys: { readonly before: string; readonly after: string },
): Promise<{ client: SdkClient; url: string }> {
  const first = await startNode('127.0.0.1:0', keys.before)
  const url = first.endpointUrl('main')
  const client = await guest(connect, url)
  await echo(client)
  await first.close()
  await startNode(new URL(first.url).host, keys.after)
  return { client, url }
}

test.each(CLIENTS)('$client notices nothing under the same key', async ({ connect }) => {
  const key = freshKey()
  const { client } = await survivor(connect, { before: key, after: key })
  expect(await echo(client)).toMatchObject(STILL_HERE)
})

test.each(CLIENTS.filter(({ era }) => era === '2025'))(
  '$client: under another key the session is over, and a new one works',
  async ({ connect }) => {
    const { client, url } = await survivor(connect, { before: freshKey(), after: freshKey() })
    await expect(echo(client)).rejects.toThrow('no such session')
    expect(await echo(await guest(connect, url))).toMatchObject(STILL_HERE)
  },
)

test.each(CLIENTS.filter(({ era }) => era === '2026'))(
  '$client has no session to lose under another key',
  async ({ connect }) => {
    const { client } = await survivor(connect, { before: freshKey(), after: freshKey() })
    expect(await echo(client)).toMatchObject(STILL_HERE)
  },
)
