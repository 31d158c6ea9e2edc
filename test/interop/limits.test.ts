// What clients nobody here wrote make of a limit that is used up: they lose no word of it, which with a 429 they would.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { LIMITED, LimitedNode, type Limits } from '../mesh/limited.ts'
import { Mesh } from '../mesh/mesh.ts'

const mesh = new Mesh()
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

/** Clients of sessions also open a stream, each when it likes. */
const CALLS: Limits = { few: { for: '*', methods: ['call'], rate: '2/m' } }

describe('the official clients', () => {
  const expected = { code: LIMITED, data: { limit: 'few', retryAfterMs: 30_000 } }

  test('SDK v1 hands on code, words and data', async () => {
    const { node, people } = await LimitedNode.start(mesh, fixture, CALLS)
    const client = new ClientV1({ name: 'v1', version: '1' })
    const requestInit = { headers: people.headers('ann') }
    await client.connect(new HttpV1(new URL(node.endpointUrl('main')), { requestInit }))
    const call = (): Promise<unknown> =>
      client.callTool({ name: 'fx__echo', arguments: { message: 'x' } })
    await call()
    await call()
    const error: unknown = await call().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ ...expected, message: expect.stringContaining('limit "few"') })
    await client.close()
  })

  test.each(['legacy', 'auto'] as const)('SDK v2, %s, too', async (mode) => {
    const { node, people } = await LimitedNode.start(mesh, fixture, CALLS)
    const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
    const requestInit = { headers: people.headers('ann') }
    await client.connect(new HttpV2(new URL(node.endpointUrl('main')), { requestInit }))
    const call = (): Promise<unknown> =>
      client.callTool({ name: 'fx__echo', arguments: { message: 'x' } })
    await call()
    await call()
    const error: unknown = await call().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ ...expected, message: expect.stringContaining('limit "few"') })
    expect(objectAt(error as JsonObject, 'data')).toMatchObject({ node: node.id })
    await client.close()
  })
})
