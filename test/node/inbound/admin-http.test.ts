// The HTTP edge for operators by itself: what it lets in, how much at a time, and what it says when something goes wrong.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import type { AdminRequest, AdminTask } from '../../../node/core/admin.ts'
import { SILENT, type LogFacts } from '../../../node/core/logger.ts'
import { AdminServer } from '../../../node/inbound/admin-http.ts'
import { Admission } from '../../../node/inbound/admission.ts'
import { Fault } from '../../../protocol/errors.ts'
import { until } from '../../fixtures/wait.ts'

type Run = AdminTask['run']

const servers: AdminServer[] = []
const logged: LogFacts[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)))
  logged.splice(0)
})

interface Plan {
  readonly run?: Run
  readonly maxBodyBytes?: number
  readonly isPatient?: boolean
  readonly answerMs?: number
  readonly take?: (request: AdminRequest) => AdminTask
}

async function listening({
  run,
  maxBodyBytes = 0,
  isPatient = false,
  answerMs,
  take,
}: Plan): Promise<string> {
  const task = { maxBodyBytes, isPatient, run: run ?? (() => Promise.resolve({ body: 'done' })) }
  const server = new AdminServer({
    admission: () => new Admission({ loopback: false, hosts: [], origins: [] }),
    service: { take: take ?? (() => task) },
    log: { ...SILENT, error: (facts) => void logged.push(facts) },
    headerBytes: 16_384,
    headersReadTimeout: 5_000,
    requestReadTimeout: 5_000,
    ...(answerMs !== undefined && { answerMs }),
  })
  servers.push(server)
  const { port } = await server.listen('127.0.0.1', 0)
  return `http://127.0.0.1:${port}`
}

/** Waits until it is aborted, and rejects with why. */
const endless: Run = (_, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })

interface Answered {
  readonly status: number
  readonly type: string | null
  readonly json: unknown
}

async function ask(url: string, init: RequestInit = {}): Promise<Answered> {
  const response = await fetch(url, init)
  const body = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    json: body === '' ? '' : (JSON.parse(body) as unknown),
  }
}

describe('an answer', () => {
  test('is JSON nobody keeps', async () => {
    const url = await listening({})
    const response = await fetch(`${url}/a?b=c`)
    expect([response.status, await response.json()]).toEqual([200, 'done'])
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const head = await fetch(url, { method: 'HEAD' })
    expect([await head.text(), head.headers.get('content-length')]).toEqual(['', '7'])
  })

  test('is to what was asked', async () => {
    const seen: AdminRequest[] = []
    const url = await listening({
      take: (request) => {
        seen.push(request)
        return {
          maxBodyBytes: 99,
          isPatient: false,
          run: (body) => Promise.resolve({ body: String(body) }),
        }
      },
    })
    const headers = { 'content-type': 'application/json; charset=utf-8', authorization: 'Bearer x' }
    const answer = await ask(`${url}/a/b?c=d&e`, { method: 'POST', headers, body: '{"f":1}' })
    expect(answer.json).toBe('{"f":1}')
    expect(seen).toMatchObject([{ method: 'POST', path: '/a/b', query: 'c=d&e' }])
    expect(seen[0]?.header('authorization')).toEqual(['Bearer x'])
  })
})

describe('a problem', () => {
  test('is told by its code, its facts with it where operators may know them', async () => {
    const fault = new Fault('config_refused', 'it is bad', {
      data: { problems: [{ path: ['a'], message: 'b' }], hidden: 'x' },
    })
    const url = await listening({ run: () => Promise.reject(fault) })
    expect(await ask(url)).toEqual({
      status: 409,
      type: 'application/problem+json',
      json: {
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        detail: 'it is bad',
        code: 'config_refused',
        problems: [{ path: ['a'], message: 'b' }],
      },
    })
  })

  test('within stays within, and is logged', async () => {
    const url = await listening({ run: () => Promise.reject(new Error('the password is x')) })
    const { status, json } = await ask(url)
    expect([status, JSON.stringify(json).includes('password')]).toEqual([500, false])
    expect(logged).toMatchObject([{ cause: { message: 'the password is x' } }])
  })

  test('of what is no HTTP is one too', async () => {
    const url = await listening({})
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end('NONSENSE\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/,
    )
    expect(answer).toContain('"code":"bad_http"')
  })

  test('with a Host that is not its own is found before anything else', async () => {
    const url = await listening({
      take: () => {
        throw new Error('nobody should be asked')
      },
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end('GET / HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('what is asked at a time', () => {
  test('is little: one more is refused, and a place that is free is given again', async () => {
    const ends: (() => void)[] = []
    const url = await listening({
      run: () =>
        new Promise((resolve) => {
          ends.push(() => resolve({ body: 'late' }))
        }),
    })
    const first = Array.from({ length: 4 }, () => ask(url))
    await until(() => ends.length === 4, 'four of them')
    expect(await ask(url)).toMatchObject({ status: 503, json: { code: 'overloaded' } })
    for (const end of ends.splice(0)) end()
    expect(await Promise.all(first)).toMatchObject(first.map(() => ({ status: 200 })))
    const again = ask(url)
    await until(() => ends.length === 1, 'the next')
    ends[0]?.()
    expect((await again).status).toBe(200)
  })

  test('is not counted where it takes no work', async () => {
    const ends: (() => void)[] = []
    const run: Run = () =>
      new Promise((resolve) => {
        ends.push(() => resolve({ body: 'late' }))
      })
    const task = { maxBodyBytes: 0, isPatient: false, run }
    const url = await listening({ take: ({ path }) => ({ ...task, isLight: path === '/light' }) })
    const heavy = Array.from({ length: 4 }, () => ask(url))
    await until(() => ends.length === 4, 'four of them')
    const light = Array.from({ length: 6 }, () => ask(`${url}/light`))
    await until(() => ends.length === 10, 'six more')
    expect((await ask(url)).status).toBe(503)
    for (const end of ends) end()
    const all = await Promise.all([...heavy, ...light])
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
  })

  test('takes no longer than it may', async () => {
    const url = await listening({ run: endless, answerMs: 20 })
    expect(await ask(url)).toMatchObject({ status: 503, json: { detail: 'it took too long' } })
  })

  test('ends when nobody waits for it any more', async () => {
    const reasons: unknown[] = []
    let begun = false
    const url = await listening({
      run: (body, signal) => {
        begun = true
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        return endless(body, signal)
      },
      isPatient: true,
    })
    const leaving = new AbortController()
    const asked = ask(url, { signal: leaving.signal }).catch(() => 'left')
    await until(() => begun, 'its beginning')
    leaving.abort()
    expect(await asked).toBe('left')
    await until(() => reasons.length === 1, 'its end')
    expect(reasons).toMatchObject([{ code: 'cancelled' }])
  })
})
