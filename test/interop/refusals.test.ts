// What the official clients make of a node's own errors: they see code and data, and go on afterwards.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { CLIENTS, type SdkClient } from './sdk-clients.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'

describe.each(CLIENTS)('$client', ({ client: name, connect }) => {
  const mesh = new Mesh()
  let steady: RunningFixture
  let node: BanyanNode
  let client: SdkClient

  beforeAll(async () => {
    const doomed = await startSessionsV1()
    steady = await startSessionsV1()
    const http = { url: steady.url }
    node = await mesh.ready('gate', {
      upstreams: {
        steady: { http },
        narrow: { http, concurrency: 1 },
        hasty: { http, timeout: '100ms', maxTimeout: '100ms' },
        doomed: { http: { url: doomed.url } },
      },
      namespaces: {
        steady: { from: ['steady'] },
        narrow: { from: ['narrow'] },
        hasty: { from: ['hasty'] },
        doomed: { from: ['doomed'] },
      },
    })
    await doomed.close()
    client = await connect(node.endpointUrl('main'))
  })

  afterAll(async () => {
    await client.close()
    await mesh.close()
    await steady.close()
  })

  async function expectRefusal(
    call: Promise<unknown>,
    expected: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await expect(call).rejects.toMatchObject(expected)
    expect(await client.call('steady__echo', { message: 'on' })).toMatchObject({
      content: [{ text: 'on' }],
    })
  }

  test('unknown tool: -32602', async () => {
    await expectRefusal(client.call('steady__missing'), {
      code: -32_602,
      data: { name: 'steady__missing' },
    })
  })

  test('unknown method: -32601', async () => {
    await expectRefusal(client.prompts(), { code: -32_601 })
  })

  test('request that has been here before: -31001', async () => {
    const meta = { [FEDERATION]: { budget: 4, path: ['someone', node.id] } }
    await expectRefusal(client.call('steady__echo', {}, { meta }), {
      code: -31_001,
      data: { node: node.id, path: ['someone', node.id] },
    })
  })

  test('hop budget used up: -31002', async () => {
    const meta = { [FEDERATION]: { budget: 0, path: ['someone'] } }
    await expectRefusal(client.call('steady__echo', {}, { meta }), { code: -31_002 })
  })

  test('upstream gone: -31003', async () => {
    await expectRefusal(client.call('doomed__echo', { message: 'lost' }), { code: -31_003 })
  })

  test('upstream too slow: -31004', async () => {
    await expectRefusal(client.call('hasty__hold', { key: `${name} hasty` }), { code: -31_004 })
  })

  test('upstream busy: -31006', async () => {
    const abort = new AbortController()
    const begun = Promise.withResolvers<void>()
    const held = client.call(
      'narrow__hold',
      { key: `${name} narrow` },
      { signal: abort.signal, onprogress: () => begun.resolve() },
    )
    const ended = expect(held).rejects.toThrow()
    await begun.promise
    await expectRefusal(client.call('narrow__echo', { message: 'too many' }), { code: -31_006 })
    abort.abort()
    await ended
  })
})
