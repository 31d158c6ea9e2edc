// Attacks 10, 24, 25 and 40: what a whole node fetches of others, from where, and what it makes of bad answers.
import { gzipSync } from 'node:zlib'
import type { RequestListener } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { ForgeKey, type Json } from './forge.ts'
import { Stage, type StagePlan } from './stage.ts'

let issuer: LocalServer
let lure: LocalServer
let stage: Stage | undefined
/** What the issuer answers by path; default: as it should. */
let answers: Record<string, RequestListener>
const key = new ForgeKey()

beforeEach(async () => {
  answers = {}
  lure = await serve(json({ keys: [key.published('k')] }))
  issuer = await serve((request, response) => {
    const path = request.url ?? ''
    const answer = answers[path] ?? right(path)
    if (answer === undefined) response.writeHead(404).end()
    else answer(request, response)
  })
})
afterEach(async () => {
  await stage?.close()
  stage = undefined
  await issuer.close()
  await lure.close()
})

const METADATA = '/.well-known/oauth-authorization-server'

function right(path: string): RequestListener | undefined {
  if (path === '/jwks') return json({ keys: [key.published('k')] })
  return path === METADATA ? json(metadata()) : undefined
}

function metadata(change: Json = {}): Json {
  const { url } = issuer
  return {
    issuer: url,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    response_types_supported: [],
    ...change,
  }
}

async function open(auth: Json = {}, plan: StagePlan = {}): Promise<Stage> {
  stage = await Stage.start({ auth: { issuer: issuer.url, ...auth }, ...plan })
  return stage
}

function token(at: Stage, kid = 'k', by = key): string {
  return by.access(at.claims({ iss: issuer.url }), { kid })
}

/** Nobody's fault who calls: no challenge that would send them to log in. */
const UNKNOWN = { status: 503, code: -31_006, error: null }

describe('attack 10: metadata about somebody else', () => {
  it.each<[string, () => Json]>([
    ['another issuer', () => ({ issuer: lure.url })],
    ['an issuer with a slash', () => ({ issuer: `${issuer.url}/` })],
    ['no issuer', () => ({ issuer: undefined })],
    ['keys on another host', () => ({ jwks_uri: `http://localhost:${lure.port}/jwks` })],
    ['keys on another port of this host', () => ({ jwks_uri: `${lure.url}/jwks` })],
  ])('attack 10: of %s', async (_, change) => {
    answers[METADATA] = json(metadata(change()))
    const at = await open()
    at.expectRefused(await at.bearer(token(at)), UNKNOWN)
    expect([at.upstreamTraffic, lure.requests.length]).toEqual([[], 0])
  })

  it('attack 10: that changes to an attacker once it is trusted', async () => {
    const at = await open()
    at.expectServed(await at.bearer(token(at)))
    answers[METADATA] = json(metadata({ jwks_uri: `${lure.url}/jwks` }))
    answers['/jwks'] = (_, response) => void response.writeHead(404).end()
    const other = new ForgeKey()
    for (let hour = 0; hour < 26; hour += 1) {
      at.pass(3_600)
      const reply = await at.bearer(token(at, 'new', other))
      expect([401, 503]).toContain(reply.status)
    }
    expect([at.upstreamTraffic, lure.requests.length]).toEqual([[], 0])
  })
})

describe('attack 24: URLs that lead to where the node must not go', () => {
  const closed = { egress: { allowPrivate: false } }

  it('attack 24: keys at a private address, where only public ones are allowed', async () => {
    const at = await open({ jwksUri: `${lure.url}/jwks`, ...closed })
    at.expectRefused(await at.bearer(token(at)), UNKNOWN)
    expect([at.upstreamTraffic, lure.connections()]).toEqual([[], 0])
  })

  it('attack 24: metadata at a private address', async () => {
    const at = await open(closed)
    at.expectRefused(await at.bearer(token(at)), UNKNOWN)
    expect([at.upstreamTraffic, issuer.connections()]).toEqual([[], 0])
  })

  it.each([301, 302, 307, 308])('attack 24: a redirect to elsewhere, %i', async (status) => {
    answers['/jwks'] = (_, response) =>
      void response.writeHead(status, { location: `${lure.url}/jwks` }).end()
    const at = await open()
    at.expectRefused(await at.bearer(token(at)), UNKNOWN)
    expect([at.upstreamTraffic, lure.connections()]).toEqual([[], 0])
  })

  it('attack 24: introspection at a private address', async () => {
    const introspection = { url: `${lure.url}/introspect`, client: { id: 'a', secret: 'b' } }
    const at = await open({ introspection, ...closed })
    at.expectRefused(await at.bearer('opaque'), UNKNOWN)
    expect([at.upstreamTraffic, lure.connections()]).toEqual([[], 0])
  })
})

function many(count: number): Json[] {
  return Array.from({ length: count }, (_, at) => ({ ...key.jwk, kid: `k${at}` }))
}

describe('attack 25: documents that are a bomb', () => {
  const huge = Buffer.alloc(1_024 * 1_024, ' ')

  it.each<[string, RequestListener]>([
    [
      'fifty megabytes',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        let sent = 0
        const more = (): void => {
          while (sent < 50 && !response.destroyed && response.write(huge)) sent += 1
          if (!response.destroyed && sent < 50) response.once('drain', more)
        }
        request.on('error', () => undefined)
        response.on('error', () => undefined)
        more()
      },
    ],
    [
      'a drip',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      },
    ],
    ['nothing at all', () => undefined],
    [
      'a compressed bomb',
      (_, response) => {
        const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
        response.writeHead(200, headers).end(gzipSync(Buffer.alloc(5_000_000, ' ')))
      },
    ],
    ['ten thousand keys', json({ keys: many(10_000) })],
    ['a hundred and one keys', json({ keys: many(101) })],
    [
      'depth',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(`{"keys":${'['.repeat(50_000)}${']'.repeat(50_000)}}`)
      },
    ],
  ])('attack 25: %s: the last good keys stay', async (_, bomb) => {
    const at = await open({}, { limits: { fetchTimeout: '100ms' } })
    at.expectServed(await at.bearer(token(at)))
    answers['/jwks'] = bomb
    at.pass(700)
    const before = issuer.requests.length
    at.expectServed(await at.bearer(token(at)))
    expect(issuer.requests.length).toBeGreaterThan(before)
    at.expectRefused(await at.bearer(token(at, 'unknown')))
  })
})

describe('attack 40: keys that change', () => {
  it('attack 40: a removed key counts no more, once that is known', async () => {
    const at = await open()
    at.expectServed(await at.bearer(token(at)))
    answers['/jwks'] = json({ keys: [new ForgeKey().published('new')] })
    at.pass(700)
    at.expectRefused(await at.bearer(token(at)))
    expect(at.upstreamTraffic).toEqual([])
  })

  it('attack 40: the old key counts beside the new one for as long as both are published', async () => {
    const next = new ForgeKey()
    const at = await open()
    at.expectServed(await at.bearer(token(at)))
    answers['/jwks'] = json({ keys: [key.published('k'), next.published('next')] })
    at.pass(60)
    at.expectServed(await at.bearer(token(at, 'next', next)))
    at.expectServed(await at.bearer(token(at)))
    expect(at.upstreamTraffic).toEqual([])
  })

  it('attack 40: another key under the same id does not count before the keys are fetched, nor the old one after', async () => {
    const other = new ForgeKey()
    const at = await open()
    at.expectServed(await at.bearer(token(at)))
    answers['/jwks'] = json({ keys: [other.published('k')] })
    at.expectRefused(await at.bearer(token(at, 'k', other)))
    at.pass(700)
    at.expectRefused(await at.bearer(token(at)))
    expect(at.upstreamTraffic).toEqual([])
  })
})
