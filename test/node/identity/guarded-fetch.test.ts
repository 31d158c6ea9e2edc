import type { LookupAddress } from 'node:dns'
import type { RequestListener } from 'node:http'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { FetchFault, type FetchProblem } from '../../../node/identity/fetch-fault.ts'
import { GuardedFetch, type GuardedFetchOptions } from '../../../node/identity/guarded-fetch.ts'
import { guardedLookup, type Resolve } from '../../../node/identity/guarded-lookup.ts'
import { until } from '../../fixtures/wait.ts'
import { json, serve, type LocalServer } from './local-server.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function server(handler: RequestListener): Promise<LocalServer> {
  const started = await serve(handler)
  closers.unshift(() => started.close())
  return started
}

function fetcher(options: Partial<GuardedFetchOptions> = {}): GuardedFetch {
  const made = new GuardedFetch({ allowPrivate: true, ...options })
  closers.unshift(() => made.close())
  return made
}

/** Answers every name with these addresses. */
function resolving(...addresses: string[]): Resolve {
  const found = addresses.map((address): LookupAddress => {
    return { address, family: address.includes(':') ? 6 : 4 }
  })
  return (_, done) => done(null, found)
}

async function refusal(work: Promise<unknown>): Promise<FetchFault> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof FetchFault) return error
  throw new Error('it was not refused', { cause: error })
}

async function problem(work: Promise<unknown>): Promise<FetchProblem> {
  return (await refusal(work)).problem
}

function busy(status: number, headers: Record<string, string>): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end('{"error":"temporarily_unavailable"}')
  }
}

describe('a server that has no time', () => {
  const date = 'Sun, 06 Nov 2033 08:49:37 GMT'
  const later = 'Sun, 06 Nov 2033 08:51:37 GMT'

  test.each<[number, Record<string, string>, number]>([
    [503, { 'retry-after': '9' }, 9_000],
    [429, { 'retry-after': '0' }, 0],
    [503, { 'retry-after': later, date }, 120_000],
    [503, { 'retry-after': '999999' }, 3_600_000],
  ])('is asked again when it says: %s %j', async (status, headers, wait) => {
    const { url } = await server(busy(status, headers))
    const asked = [fetcher().getJson(url), fetcher().postForm(url, []), fetcher().postJson(url, {})]
    for (const work of asked) {
      const fault = await refusal(work)
      expect([fault.problem, fault.retryAfterMs]).toEqual(['status', wait])
      expect(fault.data).toEqual({ retryAfterMs: wait })
    }
  })

  test.each<[number, Record<string, string>]>([
    [503, {}],
    [503, { 'retry-after': 'soon' }],
    [400, { 'retry-after': '9' }],
    [500, { 'retry-after': '9' }],
  ])('or says nothing of use: %s %j', async (status, headers) => {
    const { url } = await server(busy(status, headers))
    expect((await fetcher().postForm(url, [])).status).toBe(status)
    expect((await refusal(fetcher().getJson(url))).retryAfterMs).toBeUndefined()
  })
})

describe('what is fetched', () => {
  test('a JSON object, asked for without compression', async () => {
    const { url, requests } = await server(json({ issuer: 'a' }))
    const { status, json: document } = await fetcher().getJson(`${url}/x?y=z`)
    expect(status).toBe(200)
    expect(document).toEqual({ issuer: 'a' })
    expect(requests[0]?.url).toBe('/x?y=z')
    expect(requests[0]?.headers).toMatchObject({
      accept: 'application/json',
      'accept-encoding': 'identity',
    })
    expect(requests[0]?.headers.cookie).toBeUndefined()
  })

  test('the answer to a form, whatever its status', async () => {
    let body = ''
    const { url, requests } = await server((request, response) => {
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        response.writeHead(400, {
          'content-type': 'application/json;charset=utf-8',
          'dpop-nonce': 'n',
        })
        response.end('{"error":"use_dpop_nonce"}')
      })
    })
    const form: [string, string][] = [
      ['grant_type', 'urn:x'],
      ['scope', 'a b&c'],
    ]
    const answer = await fetcher().postForm(`${url}/token`, form, { headers: ['dpop', 'proof'] })
    expect(answer.status).toBe(400)
    expect(answer.json).toEqual({ error: 'use_dpop_nonce' })
    expect(answer.header('dpop-nonce')).toBe('n')
    expect(body).toBe('grant_type=urn%3Ax&scope=a+b%26c')
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      dpop: 'proof',
    })
  })

  test('connections are used again', async () => {
    const { url, connections } = await server(json({}))
    const fetch = fetcher()
    for (let count = 0; count < 9; count += 1) await fetch.getJson(url)
    expect(connections()).toBeLessThan(4)
  })

  test.each<[string, number, string, string, FetchProblem]>([
    ['another status', 404, 'application/json', '{}', 'status'],
    ['a page', 200, 'text/html', '<html>', 'content_type'],
    ['an array', 200, 'application/json', '[]', 'json'],
    ['half an object', 200, 'application/json', '{"a":', 'json'],
    ['a member twice', 200, 'application/json', '{"a":1,"a":2}', 'json'],
    ['a prototype', 200, 'application/json', '{"__proto__":{}}', 'json'],
    ['nothing', 200, 'application/json', '', 'json'],
  ])('%s is refused', async (...[, status, type, body, expected]) => {
    const { url } = await server((_, response) => {
      response.writeHead(status, { 'content-type': type }).end(body)
    })
    expect(await problem(fetcher().getJson(url))).toBe(expected)
  })

  test('whoever does not wait any more gets no answer', async () => {
    const { url, requests } = await server(() => undefined)
    const giveUp = new AbortController()
    const work = refusal(fetcher().getJson(url, { signal: giveUp.signal }))
    await until(() => requests.length === 1, 'the request came')
    giveUp.abort()
    expect((await work).code).toBe('cancelled')
    expect(await problem(fetcher().getJson(url, { signal: giveUp.signal }))).toBe('aborted')
    expect(requests).toHaveLength(1)
  })
})

describe('attack 24: requests to where they must not go', () => {
  const NUMBERS = [
    ['the metadata service of clouds', 'https://169.254.169.254/latest/meta-data'],
    ['loopback', 'https://127.0.0.1/'],
    ['loopback as one number', 'https://2130706433/'],
    ['loopback in octal', 'https://0177.0.0.1/'],
    ['loopback in hexadecimal', 'https://0x7f.0x0.0x0.0x1/'],
    ['loopback, short', 'https://127.1/'],
    ['loopback with a dot', 'https://127.0.0.1./'],
    ['this network', 'https://0.0.0.0/'],
    ['a private network', 'https://10.1.2.3/'],
    ['carrier-grade NAT', 'https://100.64.0.1/'],
    ['a private network of 172', 'https://172.31.255.255/'],
    ['protocol assignments', 'https://192.0.0.192/'],
    ['a home network', 'https://192.168.1.1/'],
    ['benchmarks', 'https://198.19.0.1/'],
    ['multicast', 'https://224.0.0.1/'],
    ['broadcast', 'https://255.255.255.255/'],
    ['IPv6 loopback', 'https://[::1]/'],
    ['no address', 'https://[::]/'],
    ['IPv4 in IPv6', 'https://[::ffff:127.0.0.1]/'],
    ['IPv4 in IPv6 in hexadecimal', 'https://[::ffff:a9fe:a9fe]/'],
    ['IPv4-compatible IPv6', 'https://[::127.0.0.1]/'],
    ['unique local IPv6', 'https://[fd00:ec2::254]/'],
    ['link-local IPv6', 'https://[fe80::1]/'],
    ['NAT64', 'https://[64:ff9b::7f00:1]/'],
    ['6to4', 'https://[2002:7f00:1::]/'],
    ['Teredo', 'https://[2001::1]/'],
    ['IPv6 multicast', 'https://[ff02::1]/'],
  ] as const

  test.each(NUMBERS)('attack 24: %s, written in the URL: %s', async (_, url) => {
    let asked = 0
    const resolve: Resolve = (__, done) => {
      asked += 1
      done(null, [])
    }
    const fault = await refusal(fetcher({ allowPrivate: false, resolve }).getJson(url))
    expect(fault.problem).toBe('address')
    expect(asked).toBe(0)
  })

  test.each([
    ['a file', 'file:///etc/passwd', 'url'],
    ['gopher', 'gopher://127.0.0.1:6379/_FLUSHALL', 'url'],
    ['data', 'data:application/json,{}', 'url'],
    ['no encryption', 'http://example.com/', 'url'],
    ['no encryption, to an address', 'http://93.184.216.34/', 'url'],
    ['a user', 'https://example.com@127.0.0.1/', 'url'],
    ['a password', 'https://a:b@example.com/', 'url'],
    ['nothing', '', 'url'],
    ['a path', '/oauth/jwks', 'url'],
  ])('attack 24: %s', async (_, url, expected) => {
    for (const allowPrivate of [true, false]) {
      expect(await problem(fetcher({ allowPrivate }).getJson(url))).toBe(expected)
    }
  })

  test('attack 24: a name that leads to this machine is not connected to', async () => {
    const { port, connections } = await server(json({}))
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '0.0.0.0', '10.0.0.1']) {
      const fetch = fetcher({ allowPrivate: false, resolve: resolving(address) })
      expect(await problem(fetch.getJson(`https://keys.example:${port}/`))).toBe('address')
      expect(await problem(fetch.postForm(`https://keys.example:${port}/`, []))).toBe('address')
    }
    expect(connections()).toBe(0)
  })

  test('attack 24: a name that is public at first and private afterwards', async () => {
    const answers = ['93.184.216.34', '127.0.0.1']
    const lookup = guardedLookup((_, done) => {
      done(null, [{ address: answers.shift() ?? '', family: 4 }])
    }, false)
    const ask = (): Promise<unknown> =>
      new Promise((resolve) => {
        lookup('rebind.example', { all: false }, (error, address) => resolve(error ?? address))
      })
    expect(await ask()).toBe('93.184.216.34')
    expect(await ask()).toMatchObject({ code: 'ADDRESS_REFUSED' })
  })

  test('attack 24: of several addresses only the public ones are connected to', async () => {
    const resolve = resolving('10.0.0.1', '93.184.216.34', '::1', '2606:2800:220:1::1')
    const found = await new Promise((settle) => {
      guardedLookup(resolve, false)('mixed.example', { all: true }, (_, all) => settle(all))
    })
    expect(found).toEqual([
      { address: '93.184.216.34', family: 4 },
      { address: '2606:2800:220:1::1', family: 6 },
    ])
  })

  test('attack 24: "localhost" that leads elsewhere gets no unencrypted request', async () => {
    const fetch = fetcher({ allowPrivate: true, resolve: resolving('10.0.0.1') })
    expect(await problem(fetch.getJson('http://localhost:9/'))).toBe('address')
    const { port } = await server(json({ ok: true }))
    const local = fetcher({ allowPrivate: true, resolve: resolving('127.0.0.1') })
    expect((await local.getJson(`http://localhost:${port}/`)).json).toEqual({ ok: true })
  })

  test('attack 24: no redirect is followed, to wherever', async () => {
    const target = await server(json({ secret: true }))
    for (const location of [target.url, '/other', 'https://169.254.169.254/']) {
      const { url, requests } = await server((_, response) => {
        response.writeHead(302, { location }).end()
      })
      expect(await problem(fetcher().getJson(url))).toBe('redirect')
      expect(await problem(fetcher().postForm(url, [['a', 'b']]))).toBe('redirect')
      expect(requests).toHaveLength(2)
    }
    expect(target.connections()).toBe(0)
  })
})

describe('attack 25: answers that are too much', () => {
  test('attack 25: fifty megabytes are broken off', async () => {
    let sent = 0
    const { url, open } = await server((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const chunk = Buffer.alloc(64 * 1_024, ' ')
      const more = (): void => {
        while (!response.destroyed && sent < 50 * 1_024 * 1_024) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    expect(await problem(fetcher().getJson(url))).toBe('too_large')
    await until(() => open() === 0, 'the connection is closed')
    expect(sent).toBeLessThan(50 * 1_024 * 1_024)
  })

  test('attack 25: an announced size is believed', async () => {
    const { url } = await server((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '300000' })
      response.write('{')
    })
    expect(await problem(fetcher().getJson(url))).toBe('too_large')
  })

  test('attack 25: a body that drips, and headers that never come, are given up', async () => {
    const drip = await server((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(timer))
    })
    const silent = await server(() => undefined)
    for (const { url, open } of [drip, silent]) {
      const fault = await refusal(fetcher().getJson(url, { timeoutMs: 100 }))
      expect([fault.problem, fault.code]).toEqual(['timeout', 'upstream_timeout'])
      await until(() => open() === 0, 'the connection is closed')
    }
  })

  test('attack 25: a compressed body is not even looked at', async () => {
    const { url } = await server((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      response.end('bomb')
    })
    expect(await problem(fetcher().getJson(url))).toBe('encoding')
  })

  test('attack 25: deep JSON', async () => {
    const { url } = await server((_, response) => {
      const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
      response.writeHead(200, { 'content-type': 'application/json' }).end(deep)
    })
    expect(await problem(fetcher().getJson(url))).toBe('json')
  })
})

test('attack 34: what is thrown holds neither path nor query nor body', async () => {
  const canary = 'canary-5e1f'
  const { url, port } = await server((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"${canary}"`)
  })
  const broken = await server((request) => void request.socket.end(`HTTP/1.1 ${canary}\r\n\r\n`))
  const secret: [string, string][] = [['subject_token', canary]]
  const faults = [
    await refusal(fetcher().getJson(`${url}/${canary}?key=${canary}`)),
    await refusal(fetcher().postForm(`${url}/${canary}`, secret)),
    await refusal(fetcher().postForm(broken.url, secret)),
    await refusal(fetcher().getJson(`https://user:${canary}@127.0.0.1:${port}/`)),
    await refusal(fetcher().getJson(`http://127.0.0.1:1/?${canary}`)),
  ]
  for (const fault of faults) {
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain(canary)
    expect(fault.message).toMatch(/^127\.0\.0\.1:\d+: /)
  }
})
