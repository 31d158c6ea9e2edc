// The taint canary itself: a leak that is planted is found, on each way out and in each form; what is right is not.
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { SILENT } from '../../node/core/logger.ts'
import { GuardedFetch } from '../../node/identity/guarded-fetch.ts'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Operator } from '../mesh/operator.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { canary, type Leak } from './canary.ts'
import { Needles, WINDOW } from './needles.ts'

const KEY = randomBytes(32).toString('base64url')

const mesh = new Mesh()
const operator = new Operator()
let fixture: FixtureServer
let node: RunningNode
let elsewhere: LocalServer
const network = new GuardedFetch({ allowPrivate: true })

beforeAll(async () => {
  fixture = await FixtureServer.start()
  elsewhere = await serve(json({}))
  const keys = [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['ns:fx', 'ns:pipe'] }]
  node = await mesh.startConfig({
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    upstreams: {
      fixture: { http: { url: fixture.url } },
      pipe: { stdio: stdioCommand({ era: '2025' }) },
    },
    namespaces: { fx: { from: ['fixture'] }, pipe: { from: ['pipe'] } },
    endpoints: { main: { namespaces: ['*'], auth: { keys } } },
    admin: operator.admin(),
    telemetry: { otlp: { url: `${elsewhere.url}/v1/traces` } },
  })
  await node.ready()
})

beforeEach(async () => {
  // The key comes in, and the node serves its holder: nothing leaks by that.
  const { status } = await call('hi')
  if (status !== 200 || canary.take().length > 0) throw new Error('it is not served as it should')
})

afterAll(async () => {
  await network.close()
  await mesh.close()
  await fixture.close()
  await elsewhere.close()
})

function call(message: string, tool = 'fx__echo'): Promise<RawReply> {
  const headers = { authorization: `Bearer ${KEY}` }
  const params = { name: tool, arguments: { message } }
  return callModern(node.endpointUrl('main'), 'tools/call', params, { headers })
}

function exported(): number {
  return elsewhere.requests.filter(({ url = '' }) => url === '/v1/traces').length
}

function ways(leaks: readonly Leak[]): string[] {
  return [...new Set(leaks.map(({ channel }) => channel))].toSorted()
}

/** Header and payload of a JWT. */
function jwt(id: string): string {
  const claims = { iss: 'https://issuer.example', aud: 'https://node.example/mcp/main', id }
  const [head, body] = [{ alg: 'ES256', typ: 'at+jwt', kid: 'some-key-id' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${head}.${body}`
}

const FORMS: [string, string][] = [
  ['as it is', KEY],
  ['a window of it', KEY.slice(7, 7 + WINDOW)],
  ['in base64, with its scheme', Buffer.from(`Bearer ${KEY}`).toString('base64')],
  ['in base64url, behind one character', Buffer.from(`x${KEY}`).toString('base64url')],
  ['in hex', Buffer.from(KEY).toString('hex')],
  ['in large hex', Buffer.from(KEY).toString('hex').toUpperCase()],
  ['backwards', Buffer.from(Buffer.from(KEY).toReversed()).toString()],
]

describe('invariant 14: the canary finds a credential', () => {
  test.each(FORMS)('in the body to an upstream, and in the answer: %s', async (_, text) => {
    await call(`look: ${text}.`)
    const leaks = canary.take()
    expect(ways(leaks)).toEqual(['outbound', 'response'])
    expect(JSON.stringify(leaks)).not.toContain(KEY)
  })

  test('that a child process is sent', async () => {
    await call(KEY, 'pipe__echo')
    expect(ways(canary.take())).toEqual(['pipe', 'response'])
  })

  test('in a header to somebody else', async () => {
    await network.getJson(elsewhere.url, { headers: ['authorization', `Bearer ${KEY}`] })
    expect(ways(canary.take())).toEqual(['outbound'])
  })

  test('in a URL, also under a name that is right in a form', async () => {
    await network.getJson(`${elsewhere.url}/?token=${KEY}`)
    expect(ways(canary.take())).toEqual(['outbound'])
    await network.getJson(`${elsewhere.url}/?a=b&subject_token=${KEY}`)
    expect(ways(canary.take())).toEqual(['outbound'])
  })

  test('in a form, under any name but those an issuer is asked by', async () => {
    await network.postForm(elsewhere.url, [['actor_token', KEY]])
    expect(ways(canary.take())).toEqual(['outbound'])
    await network.postForm(elsewhere.url, [
      ['grant_type', 'x'],
      ['subject_token', KEY],
    ])
    expect(canary.take()).toEqual([])
  })

  test('in an error that is told to the client', async () => {
    const params = { name: `fx__${KEY}`, arguments: {} }
    const headers = { authorization: `Bearer ${KEY}` }
    const reply = await callModern(node.endpointUrl('main'), 'tools/call', params, { headers })
    expect(reply.error.message).toContain(KEY)
    // Its own words, in its own answer; they stand in no line of the log.
    expect(ways(canary.take())).toEqual(['response'])
  })

  test('in a line of the log, however deep', () => {
    const log = canary.log(SILENT)
    log.warn({ cause: new Error('outside', { cause: new Error(`inside ${KEY}`) }) }, 'failed')
    log.info({ a: [{ b: new Map([['c', KEY]]) }] }, 'told')
    log.debug({}, `with ${KEY}`)
    expect(canary.take()).toHaveLength(3)
  })

  test('on standard error', () => {
    fs.writeSync(2, `${Buffer.from(KEY).toString('base64')}\n`)
    expect(ways(canary.take())).toEqual(['log'])
  })
})

describe('invariant 14: what is told of calls to operators', () => {
  test('metrics hold no credential, whoever called what, and nothing a caller made up', async () => {
    const headers = { authorization: `Bearer ${KEY}` }
    const url = node.endpointUrl('main')
    await call('hi')
    // Credentials where names are: as a tool, a method, an endpoint, a trace, an endpoint's path.
    const params = { name: `fx__${KEY}`, arguments: {} }
    const meta = { traceparent: KEY, tracestate: KEY }
    await callModern(url, 'tools/call', params, { headers, meta })
    await callModern(url, `x/${KEY}`, {}, { headers })
    await callModern(url.replace(/main$/, KEY.toLowerCase().slice(0, 20)), 'ping', {}, { headers })
    // What those were answered says their own words back.
    canary.take()
    const response = await fetch(`${node.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${operator.key}` },
    })
    const text = await response.text()
    expect(text).toContain('banyan_requests_total{endpoint="main",method="tools/call"')
    expect(text).not.toContain(KEY.slice(0, WINDOW))
    expect(text).not.toContain(operator.key.slice(0, WINDOW))
    expect(canary.take()).toEqual([])
  })

  test('spans that leave the node hold none either', async () => {
    const params = { name: `fx__${KEY}`, arguments: { message: KEY } }
    const headers = { authorization: `Bearer ${KEY}` }
    await callModern(node.endpointUrl('main'), 'tools/call', params, { headers })
    canary.take()
    const before = exported()
    await call('hi')
    await until(() => exported() > before, 'the next spans')
    expect(canary.take()).toEqual([])
  })
})

describe('invariant 14: what the canary looks for', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_'.split('')),
  })

  test('any window of a credential is found in any text', () => {
    const credential = fc.uint8Array({ minLength: 24, maxLength: 200 })
    fc.assert(
      fc.property(credential, text, text, fc.nat(), (bytes, before, after, where) => {
        const secret = Buffer.concat([Buffer.from(bytes), randomBytes(8)]).toString('base64url')
        const needles = new Needles()
        needles.add(secret, 'it')
        const start = where % (secret.length - WINDOW + 1)
        const found = needles.find(
          Buffer.from(`${before}${secret.slice(start, start + WINDOW)}${after}`),
        )
        expect(found.map(({ of }) => of)).toContain('it')
      }),
    )
  })

  test('of a JWT the signature and the payload, and not what all tokens of its issuer have in common', () => {
    const signature = randomBytes(64).toString('base64url')
    const needles = new Needles()
    needles.add(`${jwt('1')}.${signature}`, 'it')
    expect(
      needles.find(Buffer.from(`${jwt('2')}.${randomBytes(64).toString('base64url')}`)),
    ).toEqual([])
    expect(needles.find(Buffer.from(jwt('1').split('.')[1] ?? ''))).toHaveLength(1)
    expect(needles.find(Buffer.from(signature.slice(30, 50)))).toHaveLength(1)
  })

  test('nothing by chance', () => {
    const needles = new Needles()
    for (let i = 0; i < 50; i += 1) needles.add(randomBytes(32).toString('base64url'), `${i}`)
    expect(needles.find(Buffer.from(randomBytes(100_000).toString('base64url')))).toEqual([])
    needles.add('a'.repeat(9_000), 'monotonous')
    expect(needles.find(Buffer.from('a'.repeat(9_000)))).toEqual([])
  })
})
