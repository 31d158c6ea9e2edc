// The HTTP edge by itself: health, faults, and the end of it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  NO_AUTHENTICATION,
  type Authenticator,
  type OAuthRequest,
  type OAuthService,
} from '../../../node/core/authentication.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { Admission } from '../../../node/inbound/admission.ts'
import { HttpServer, type EndpointHandler, type Readiness } from '../../../node/inbound/http.ts'
import { Fault } from '../../../protocol/errors.ts'
import { openStream, send } from '../../fixtures/raw-client.ts'

let server: HttpServer
let base: string
let handle: EndpointHandler
let readiness: Readiness
let logged: unknown[]
let authenticator: Authenticator
let oauth: OAuthService | undefined

beforeEach(async () => {
  logged = []
  authenticator = NO_AUTHENTICATION
  oauth = undefined
  readiness = { ready: false, facts: { upstreams: { up: 0, down: 1 } } }
  server = new HttpServer({
    admission: new Admission({ loopback: true, hosts: [], origins: [] }),
    get authenticator() {
      return authenticator
    },
    oauth: () => oauth,
    handle: (exchange) => handle(exchange),
    readiness: () => readiness,
    log: { ...SILENT, error: (facts) => logged.push(facts) },
    headerBytes: 16_384,
    headersReadTimeout: 10_000,
    requestReadTimeout: 10_000,
    connections: 100,
  })
  const { port } = await server.listen('127.0.0.1', 0)
  base = `http://127.0.0.1:${port}`
})

afterEach(() => server.close(0))

describe('what goes wrong in an endpoint', () => {
  it('on purpose is told as it is', async () => {
    handle = () => Promise.reject(new Fault('loop', 'words', { data: { node: 'x' } }))
    const reply = await send(`${base}/mcp/main`, { method: 'POST' })
    expect(reply.status).toBe(200)
    const error = { code: -31_001, message: 'words', data: { node: 'x' } }
    expect(reply.answer).toEqual({ jsonrpc: '2.0', id: null, error })
  })

  it('by mistake is told without a word of what it was', async () => {
    handle = () => Promise.reject(new Error('secret'))
    const reply = await send(`${base}/mcp/main`, { method: 'POST' })
    expect(reply.status).toBe(500)
    expect(reply.error).toEqual({ code: -32_603, message: 'internal error' })
    expect(JSON.stringify([reply.raw, reply.headers])).not.toContain('secret')
  })

  it('after the answer has begun cuts the connection: a whole answer must not be feigned', async () => {
    handle = ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"jsonrpc":"2.0","id":1,"result":')
      return Promise.reject(new Error('secret'))
    }
    const broken = openStream(`${base}/mcp/main`, { method: 'POST' }).then((stream) =>
      stream.next(),
    )
    await expect(broken).rejects.toBeInstanceOf(Error)
  })
})

describe('health', () => {
  it('is that the process answers', async () => {
    const reply = await send(`${base}/healthz`)
    expect([reply.status, JSON.parse(reply.raw)]).toEqual([200, { status: 'ok' }])
    expect(reply.headers['cache-control']).toBe('no-store')
  })

  it('readiness is 503 until the node is ready, and says what is missing', async () => {
    const early = await send(`${base}/readyz`)
    const upstreams = { up: 0, down: 1 }
    expect([early.status, JSON.parse(early.raw)]).toEqual([503, { status: 'not ready', upstreams }])
    readiness = { ready: true, facts: {} }
    const late = await send(`${base}/readyz?x=1`)
    expect([late.status, JSON.parse(late.raw)]).toEqual([200, { status: 'ready' }])
  })

  it('takes GET and HEAD only', async () => {
    expect((await send(`${base}/healthz`, { method: 'HEAD' })).raw).toBe('')
    const post = await send(`${base}/healthz`, { method: 'POST' })
    expect([post.status, post.error.code]).toEqual([405, -32_600])
  })
})

describe('a connection that cannot be accepted', () => {
  it('is logged, and those that can are served', async () => {
    const found = Promise.withResolvers<Server>()
    const hear = (message: unknown): void => found.resolve((message as { server: Server }).server)
    subscribe('http.server.request.start', hear)
    await send(`${base}/healthz`)
    unsubscribe('http.server.request.start', hear)
    const cause = new Error('accept EMFILE')
    ;(await found.promise).emit('error', cause)
    expect(logged).toEqual([{ cause }])
    expect((await send(`${base}/healthz`)).status).toBe(200)
  })
})

describe('a refusal', () => {
  it.each(['unauthenticated', 'insufficient_scope'] as const)('that is %s', async (code) => {
    authenticator = {
      ...NO_AUTHENTICATION,
      challenge: (endpoint, fault) => ['www-authenticate', `Bearer x="${endpoint} ${fault.code}"`],
    }
    handle = () => Promise.reject(new Fault(code, 'words'))
    const reply = await send(`${base}/mcp/main`, { method: 'POST' })
    expect(reply.status).toBe(code === 'unauthenticated' ? 401 : 403)
    expect(reply.headers['www-authenticate']).toBe(`Bearer x="main ${code}"`)
  })

  it('of a path that is no endpoint challenges nobody', async () => {
    authenticator = { ...NO_AUTHENTICATION, challenge: () => ['www-authenticate', 'Bearer'] }
    const reply = await send(`${base}/mcp/`, { method: 'POST' })
    expect([reply.status, reply.headers['www-authenticate']]).toEqual([404, undefined])
  })
})

describe('the paths of OAuth', () => {
  const asked: OAuthRequest[] = []

  beforeEach(() => {
    asked.length = 0
    oauth = {
      maxBodyBytes: 16,
      owns: (path) => path.startsWith('/oauth/'),
      serve: (request) => {
        asked.push(request)
        const headers = ['content-type', 'application/json', 'cache-control', 'no-store']
        return Promise.resolve({ status: 201, headers, body: '{"a":"ä"}' })
      },
    }
  })

  it('are handed over with what was sent, and answered as they are', async () => {
    const reply = await send(`${base}/oauth/token?x=1`, {
      method: 'POST',
      headers: { 'x-proof': 'p', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=b',
    })
    expect([reply.status, reply.raw]).toEqual([201, '{"a":"ä"}'])
    expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': '10' })
    expect(asked).toMatchObject([{ method: 'POST', path: '/oauth/token', hasQuery: true }])
    expect(asked[0]?.body.toString()).toBe('a=b')
    expect(asked[0]?.header('x-proof')).toEqual(['p'])
    expect(asked[0]?.certificate).toBeUndefined()
  })

  it('take no body beyond their own limit', async () => {
    const reply = await send(`${base}/oauth/token`, { method: 'POST', body: 'x'.repeat(17) })
    expect(reply.status).toBe(413)
    expect(asked).toEqual([])
  })

  it('are as choosy about Host and Origin as the rest', async () => {
    const headers = { origin: 'https://evil.example' }
    const reply = await send(`${base}/oauth/token`, { method: 'POST', headers })
    expect(reply.status).toBe(403)
    expect(asked).toEqual([])
  })
})

describe('an address that is taken', () => {
  it('is an error of the system', async () => {
    const port = Number(new URL(base).port)
    const second = new HttpServer({
      admission: new Admission({ loopback: true, hosts: [], origins: [] }),
      authenticator: NO_AUTHENTICATION,
      oauth: () => undefined,
      handle: () => Promise.resolve(),
      readiness: () => readiness,
      log: SILENT,
      headerBytes: 16_384,
      headersReadTimeout: 10_000,
      requestReadTimeout: 10_000,
      connections: 100,
    })
    await expect(second.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('the end', () => {
  it('waits for an answer that is on its way', async () => {
    const gate = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    handle = async ({ response }) => {
      arrived.resolve()
      await gate.promise
      response.end('done')
    }
    const pending = send(`${base}/mcp/main`, { method: 'POST' })
    await arrived.promise
    const closed = server.close(10_000)
    gate.resolve()
    expect((await pending).raw).toBe('done')
    await closed
  })

  it('waits no longer than it is told to', async () => {
    const arrived = Promise.withResolvers<void>()
    handle = () => {
      arrived.resolve()
      return new Promise(() => undefined)
    }
    const lost = send(`${base}/mcp/main`, { method: 'POST' }).then(
      () => 'answered',
      () => 'cut off',
    )
    await arrived.promise
    await server.close(20)
    expect(await lost).toBe('cut off')
  })
})
