// Clients of the official SDKs, a node, and servers of the official SDKs behind it.
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { growth } from './growth.ts'
import { hold } from './held-call.ts'
import { CLIENTS, type Connect, type SdkClient } from './sdk-clients.ts'
import type { UpstreamStatus } from '../../node/main/index.ts'
import { startSessionsV1, startStatelessV1 } from './sdk-v1-server.ts'
import { startHttpV2 } from './sdk-v2-server.ts'

interface Server {
  readonly server: string
  /** Absent: the server is a child process of the node. */
  readonly start?: () => Promise<RunningFixture>
  readonly program?: string
  /** The era the node is to find. */
  readonly era: '2025' | '2026'
  /** More of the upstream's configuration. */
  readonly more?: object
}

const SERVERS: readonly Server[] = [
  { server: 'SDK v1, sessions', start: startSessionsV1, era: '2025' },
  // It has no way to say that its list changed: the node has to ask.
  { server: 'SDK v1, stateless', start: startStatelessV1, era: '2025', more: { listTtl: '100ms' } },
  { server: 'SDK v1, stdio', program: 'sdk-v1-server.ts', era: '2025' },
  {
    server: 'SDK v2, both eras',
    start: () => startHttpV2('stateless'),
    era: '2026',
  },
  {
    server: 'SDK v2, 2026 only',
    start: () => startHttpV2('reject'),
    era: '2026',
  },
  { server: 'SDK v2, stdio', program: 'sdk-v2-server.ts', era: '2026' },
]

const PLAIN = { main: { namespaces: ['workshop'], names: 'plain' } }

describe.each(SERVERS)('$server', ({ start, program, era, more }) => {
  const mesh = new Mesh()
  const open: SdkClient[] = []
  let fixture: RunningFixture | undefined
  let url = ''
  let upstreams: readonly UpstreamStatus[] = []

  beforeAll(async () => {
    fixture = await start?.()
    const upstream =
      fixture === undefined
        ? { stdio: { command: process.execPath, args: [pathOf(program ?? '')] } }
        : { http: { url: fixture.url } }
    const node = await mesh.ready('gate', {
      upstreams: { workshop: { ...upstream, ...more } },
      namespaces: { workshop: { from: ['workshop'] } },
      endpoints: PLAIN,
    })
    upstreams = node.status().upstreams
    url = node.endpointUrl('main')
  })

  afterAll(async () => {
    for (const client of open) await client.close()
    await mesh.close()
    await fixture?.close()
  })

  async function guest(connect: Connect): Promise<SdkClient> {
    const client = await connect(url)
    open.push(client)
    return client
  }

  test('the node finds its era', () => {
    expect(upstreams).toMatchObject([{ phase: 'up', era }])
  })

  test.each(CLIENTS)('$client: lists, calls, and gets what a tool reports', async ({ connect }) => {
    const client = await guest(connect)
    expect(await client.tools()).toEqual(
      expect.arrayContaining(['aborted', 'echo', 'fail', 'grow', 'hold', 'refuse', 'steps']),
    )
    expect(await client.call('echo', { message: 'Zürich ☂' })).toMatchObject({
      content: [{ type: 'text', text: 'Zürich ☂' }],
    })
    expect(await client.call('fail')).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'it did not work' }],
    })
  })

  test.each(CLIENTS)('$client: errors keep code, words and data', async ({ connect }) => {
    const client = await guest(connect)
    // One of the tool's own, and those that mean something to a transport on the way.
    for (const code of [-7, -32_601, -32_602, -32_603]) {
      await expect(client.call('refuse', { code })).rejects.toMatchObject({
        code,
        message: expect.stringContaining('not today') as string,
        data: { why: 'on purpose', depth: { is: 2 } },
      })
    }
    expect(await client.call('echo', { message: 'still here' })).toMatchObject({
      content: [{ text: 'still here' }],
    })
  })

  test.each(CLIENTS)('$client: progress arrives in order', async ({ connect }) => {
    const client = await guest(connect)
    const steps: number[] = []
    const result = await client.call(
      'steps',
      { count: 8 },
      { onprogress: ({ progress }) => void steps.push(progress) },
    )
    expect(result).toMatchObject({ content: [{ text: '8 steps' }] })
    expect(client.delivered).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(steps).toEqual(client.delivered.slice(0, steps.length))
  })

  test.each(CLIENTS)('$client: an abort reaches the tool', async ({ client: name, connect }) => {
    const client = await guest(connect)
    const key = `${name} ${url}`
    const held = await hold(client, 'hold', key)
    expect(await held.abort()).toBeInstanceOf(Error)
    expect(await client.call('aborted', { key })).toMatchObject({ content: [{ text: key }] })
  })

  test.each(CLIENTS)('$client: many calls at once', async ({ connect }) => {
    const client = await guest(connect)
    const messages = Array.from({ length: 40 }, (_, index) => `message ${index}`)
    const results = await Promise.all(messages.map((message) => client.call('echo', { message })))
    expect(results.map((result) => textOf(result))).toEqual(messages)
  })

  test.each(CLIENTS)('$client: hears of a new tool', async ({ connect }) => {
    const client = await guest(connect)
    const { before, after } = await growth(client, 'grow')
    expect(after).toEqual(expect.arrayContaining([...before]))
  })
})

function pathOf(program: string): string {
  return fileURLToPath(new URL(program, import.meta.url))
}

function textOf(result: Readonly<Record<string, unknown>>): unknown {
  const [item] = result['content'] as readonly { readonly text?: string }[]
  return item?.text
}
