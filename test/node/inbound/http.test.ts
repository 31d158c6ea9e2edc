// The HTTP edge by itself: health, faults, and the end of it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

beforeEach(async () => {
  logged = []
  readiness = { ready: false, facts: { upstreams: { up: 0, down: 1 } } }
  server = new HttpServer({
    admission: new Admission({ loopback: true, hosts: [], origins: [] }),
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

describe('an address that is taken', () => {
  it('is an error of the system', async () => {
    const port = Number(new URL(base).port)
    const second = new HttpServer({
      admission: new Admission({ loopback: true, hosts: [], origins: [] }),
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
