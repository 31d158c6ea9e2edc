// A node that demands nonces in proofs, at its token endpoint and before its tools, and one that calls it.
import diagnostics from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { HEADER } from '../../protocol/headers.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { Mesh } from './mesh.ts'
import { across, callEcho, configOf, keyAuth, KEY, trustIn } from './organisations.ts'

let mesh: Mesh
let fixture: FixtureServer
let posts: Posts | undefined

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  posts?.close()
  await mesh.close()
  await fixture.close()
})

interface Finished {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
}

/** What came to one node over HTTP by POST, and how it was answered; the channel is that of node:http. */
class Posts {
  /** Paths, MCP methods where there are, and statuses. */
  readonly seen: string[] = []
  readonly #port: number
  readonly #note = (message: unknown): void => {
    const { request, response, socket } = message as Finished
    if (socket.localPort !== this.#port || request.method !== 'POST') return
    const { [HEADER.method]: method = '' } = request.headers
    this.seen.push([request.url, method, response.statusCode].join(' '))
  }

  /** Calls and requests for tokens, once there are as many; the link itself may ask for lists whenever it likes. */
  async calls(count: number): Promise<string[]> {
    const found = (): string[] =>
      this.seen.filter((line) => line.startsWith('/oauth/token') || line.includes('tools/call'))
    await until(() => found().length >= count, `${count} requests are answered`)
    return found()
  }

  constructor({ url }: RunningNode) {
    this.#port = Number(new URL(url).port)
    diagnostics.subscribe('http.server.response.finish', this.#note)
  }

  close(): void {
    diagnostics.unsubscribe('http.server.response.finish', this.#note)
  }
}

const FX = { 'ns:fx': ['ns:fx'] }

/** @param link how a reaches b */
async function pair(
  link: 'auto' | 'http',
): Promise<{ a: RunningNode; b: RunningNode; tap: Posts }> {
  const nonces = { dpopNonces: 'required' } as const
  const inB = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    auth: nonces,
    issuer: nonces,
  }
  const b = await mesh.startConfig(configOf('b', inB))
  await b.ready()
  const tap = new Posts(b)
  posts = tap
  const inA = { upstreams: { b: across(b, FX, link) }, auth: keyAuth(['ns:fx']) }
  const a = await mesh.startConfig(configOf('a', inA))
  await b.reload(configOf('b', { ...inB, trust: [trustIn(a, b)] }))
  await a.refresh(['b'])
  await until(() => a.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
  return { a, b, tap }
}

describe('nonces that a node demands', () => {
  test('are learned once, at the token endpoint and before the tools, and cost no call a round trip', async () => {
    const { a, tap } = await pair('http')
    // The link has come up: whatever it asked first was refused with a nonce, and asked again with it.
    expect(await tap.calls(2)).toEqual(['/oauth/token  400', '/oauth/token  200'])
    expect(tap.seen.filter((line) => /^\/mcp\/main .* 401$/.test(line))).not.toEqual([])
    tap.seen.length = 0
    expect((await callEcho(a, `Bearer ${KEY}`)).status).toBe(200)
    // The first call of a caller needs a token of its own, and both requests hold a nonce by now.
    expect(await tap.calls(2)).toEqual(['/oauth/token  200', '/mcp/main tools/call 200'])
    tap.seen.length = 0
    expect((await callEcho(a, `Bearer ${KEY}`)).status).toBe(200)
    expect(await tap.calls(1)).toEqual(['/mcp/main tools/call 200'])
  })

  test('are learned by a link, which shows a token once and calls with it', async () => {
    const { a, tap } = await pair('auto')
    expect(a.status().upstreams).toMatchObject([{ transport: 'websocket' }])
    tap.seen.length = 0
    for (let count = 0; count < 3; count += 1) {
      expect((await callEcho(a, `Bearer ${KEY}`)).status).toBe(200)
    }
    expect(tap.seen).toEqual(['/oauth/token  200'])
  })

  test('are asked for no more after a reload that says so, and asked for again after the next', async () => {
    const { a, b } = await pair('auto')
    expect((await callEcho(a, `Bearer ${KEY}`)).status).toBe(200)
    const plan = {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      trust: [trustIn(a, b)],
    }
    for (const auth of [{}, { dpopNonces: 'required' }]) {
      await b.reload(configOf('b', { ...plan, auth, issuer: auth }))
      const reply = await callEcho(a, `Bearer ${KEY}`)
      expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    }
  })
})
