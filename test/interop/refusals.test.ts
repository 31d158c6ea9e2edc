// What the official clients make of a node's own errors: they see code and data, and go on afterwards.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { hold } from './held-call.ts'
import { CLIENTS, type SdkClient } from './sdk-clients.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'

describe.each(CLIENTS)('$client', ({ client: name, era, connect }) => {
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

  /** The error a call ends with, and what the next call on the same connection brings. */
  async function aftermath(
    call: Promise<unknown>,
  ): Promise<{ code: unknown; data: unknown; next: unknown }> {
    const error = await call.then(
      () => new Error('it succeeded'),
      (thrown: unknown) => thrown,
    )
    const { code, data } = error as { readonly code?: unknown; readonly data?: unknown }
    const { content } = await client.call('steady__echo', { message: 'on' })
    return { code, data, next: content }
  }

  const next = [{ type: 'text', text: 'on' }]

  test('unknown tool: -32602', async () => {
    const missing = client.call('steady__missing')
    const data = { name: 'steady__missing' }
    expect(await aftermath(missing)).toEqual({ code: -32_602, data, next })
  })

  test('unknown method: -32601', async () => {
    // Revision 2026-07-28 wants HTTP 404 for it, of which SDK v2 keeps the body as text.
    const text = expect.stringContaining('-32601') as string
    const expected = era === '2026' ? { data: { status: 404, text } } : { code: -32_601 }
    expect(await aftermath(client.unknown())).toMatchObject({ ...expected, next })
  })

  test('request that has been here before: -31001', async () => {
    const path = ['someone', node.id]
    const call = client.call('steady__echo', {}, { meta: { [FEDERATION]: { budget: 4, path } } })
    const data = { node: node.id, path }
    expect(await aftermath(call)).toEqual({ code: -31_001, data, next })
  })

  test('hop budget used up: -31002', async () => {
    const meta = { [FEDERATION]: { budget: 0, path: ['someone'] } }
    const call = client.call('steady__echo', {}, { meta })
    expect(await aftermath(call)).toMatchObject({ code: -31_002, next })
  })

  test('upstream gone: -31003', async () => {
    const call = client.call('doomed__echo', { message: 'lost' })
    expect(await aftermath(call)).toMatchObject({ code: -31_003, next })
  })

  test('upstream too slow: -31004', async () => {
    const call = client.call('hasty__hold', { key: `${name} hasty` })
    expect(await aftermath(call)).toMatchObject({ code: -31_004, next })
  })

  test('upstream busy: -31006', async () => {
    const held = await hold(client, 'narrow__hold', `${name} narrow`)
    const call = client.call('narrow__echo', { message: 'too many' })
    expect(await aftermath(call)).toMatchObject({ code: -31_006, next })
    expect(await held.abort()).toBeInstanceOf(Error)
  })
})
