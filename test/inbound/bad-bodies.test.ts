// Bodies that are refused: each with its status and code, and nothing of them reaches the upstream.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  callModern,
  legacySession,
  modern,
  post,
  type Headers,
  type LegacySession,
} from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

const BODY_BYTES = 64 * 1_024

let edge: Edge
let session: LegacySession
beforeAll(async () => {
  edge = await Edge.start({ limits: { bodyBytes: BODY_BYTES, jsonDepth: 16, metaBytes: 2_048 } })
  session = await legacySession(edge.url)
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

const CALL: JsonObject = { name: 'fx__echo', arguments: { message: 'hi' } }
const { message: CALL_MESSAGE, headers: CALL_HEADERS } = modern('tools/call', CALL, { id: 3 })
const GOOD = JSON.stringify(CALL_MESSAGE)

/** Sends a text in both eras; both must refuse it alike, and without a word to the upstream. */
async function refused(text: string | Buffer, more: Headers = {}): Promise<[number, number]> {
  const stateless = await post(edge.url, text, { ...CALL_HEADERS, ...more })
  const legacy = await post(edge.url, text, { ...session.headers, ...more })
  expect([legacy.status, legacy.error.code]).toEqual([stateless.status, stateless.error.code])
  expect(edge.upstreamTraffic).toEqual([])
  expect(edge.callsInFlight).toBe(0)
  return [stateless.status, stateless.error.code]
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

it('the text these tests spoil is served when it is not spoilt', async () => {
  const reply = await post(edge.url, GOOD, CALL_HEADERS)
  expect(reply.status).toBe(200)
  expect(reply.raw).toContain('hi')
})

describe('bytes that are no JSON', () => {
  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['white space', ' \r\n\t '],
    ['half of it', GOOD.slice(0, -1)],
    ['something behind it', `${GOOD}x`],
    ['two messages', `${GOOD}${GOOD}`],
    ['a byte order mark', `\ufeff${GOOD}`],
    ['a NUL in front', `\0${GOOD}`],
    ['a NUL in a string', GOOD.replace('hi', 'h\0i')],
    ['a line break in a string', GOOD.replace('hi', 'h\ni')],
    ['a comment', `/* */${GOOD}`],
    ['a trailing comma', GOOD.replace(/}$/, ',}')],
    ['single quotes', GOOD.replaceAll('"', "'")],
    ['NaN', GOOD.replace('"id":3', '"id":NaN')],
    ['a number with a leading zero', GOOD.replace('"id":3', '"id":03')],
    ['UTF-16', Buffer.from(GOOD, 'utf16le')],
    ['a lone continuation byte', spoil(0x80)],
    ['an overlong slash', spoil(0xc0, 0xaf)],
    ['half a character', spoil(0xe2, 0x82)],
    ['an encoded surrogate', spoil(0xed, 0xa0, 0x80)],
    ['a character beyond Unicode', spoil(0xf4, 0x90, 0x80, 0x80)],
  ])('with %s are a parse error', async (_what, text) => {
    expect(await refused(text)).toEqual([400, -32_700])
  })

  function spoil(...bytes: number[]): Buffer {
    const [before = '', after = ''] = GOOD.split('hi')
    return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
  }
})

describe('JSON that is no message', () => {
  it.each([
    ['null', 'null'],
    ['a text', '"tools/call"'],
    ['a number', '1'],
    ['no member', '{}'],
    ['no version', GOOD.replace('"jsonrpc":"2.0",', '')],
    ['another version', GOOD.replace('"2.0"', '"1.0"')],
    ['a version that is a number', GOOD.replace('"2.0"', '2.0')],
    ['a method that is no text', GOOD.replace('"tools/call"', '["tools/call"]')],
    ['an empty method', GOOD.replace('"tools/call"', '""')],
    ['params that are a list', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":[]}'],
    ['params that are null', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":null}'],
    ['neither method nor result', '{"jsonrpc":"2.0","id":3}'],
    ['a null id', GOOD.replace('"id":3', '"id":null')],
    ['a fractional id', GOOD.replace('"id":3', '"id":1.5')],
    ['an id beyond all numbers', GOOD.replace('"id":3', '"id":1e400')],
    ['an id no double holds', GOOD.replace('"id":3', '"id":9007199254740993')],
    ['an id that is true', GOOD.replace('"id":3', '"id":true')],
    ['an id that is an object', GOOD.replace('"id":3', '"id":{}')],
    ['a batch in a batch', '[[]]'],
  ])('such as %s is an invalid request', async (_what, text) => {
    expect(await refused(text)).toEqual([400, -32_600])
  })

  it.each(['jsonrpc', 'id', 'method', 'params', 'extra'])(
    'such as one with the member "%s" twice, also in escaped spelling, is refused',
    async (key) => {
      const escaped = `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`
      for (const spelling of [key, escaped]) {
        const text = GOOD.replace(/^{/, `{"extra":1,"${spelling}":"x",`).replace(/}$/, ',"a":1}')
        expect(await refused(text)).toEqual([400, -32_600])
      }
    },
  )

  it('such as one with a very long member twice is refused in few words', async () => {
    const key = 'k'.repeat(20_000)
    const text = GOOD.replace(/^{/, `{"${key}":1,"${key}":2,`)
    const reply = await post(edge.url, text, CALL_HEADERS)
    expect([reply.status, reply.error.code]).toEqual([400, -32_600])
    expect(reply.raw.length).toBeLessThan(1_000)
  })

  it.each([
    ['params', '"name":"fx__add",', '"params":{'],
    ['params in escaped spelling', '"n\\u0061me":"fx__add",', '"params":{'],
    ['params, for _meta', '"_meta":{},', '"params":{'],
    ['params, for _meta in escaped spelling', '"\\u005fmeta":{},', '"params":{'],
    ['_meta', '"progressToken":1,"progressToken":2,', '"_meta":{'],
    ['_meta in escaped spelling', '"a":1,"\\u0061":2,', '"_meta":{'],
  ])('such as one with a member twice in %s is refused', async (_where, twin, at) => {
    expect(await refused(GOOD.replace(at, at + twin))).toEqual([400, -32_600])
  })

  it.each([
    ['the message', /^{/, '{'],
    ['params', /"params":{/, '"params":{'],
    ['_meta', /"_meta":{/, '"_meta":{'],
  ])('such as one with a prototype key in %s is refused', async (_where, at, open) => {
    for (const key of ['__proto__', '\\u005f_proto__', '__pr\\u006fto__']) {
      const text = GOOD.replace(at, `${open}"${key}":{"polluted":true},`)
      expect(await refused(text)).toEqual([400, -32_600])
    }
    expect(({} as JsonObject)['polluted']).toBeUndefined()
  })

  it('keeps prototype keys in arguments for data: they pass untouched and change nothing', async () => {
    const text = GOOD.replace('"message":"hi"', '"message":"hi","__proto__":{"message":"no"}')
    const reply = await post(edge.url, text, CALL_HEADERS)
    expect(reply.status).toBe(200)
    expect(edge.fixture.calls('echo').at(-1)?.body).toContain('"__proto__":{"message":"no"}')
    expect(({} as JsonObject)['message']).toBeUndefined()
  })
})

describe('a body over a limit', () => {
  it.each([
    ['just too deep in arguments', GOOD.replace('"hi"', nested(14))],
    ['too deep at the top', nested(17)],
    ['too deep in an unknown member', GOOD.replace(/}$/, `,"x":${nested(16)}}`)],
    ['too deep in _meta', GOOD.replace('"_meta":{', `"_meta":{"x":${nested(14)},`)],
    ['as deep as its size allows', nested(BODY_BYTES / 2)],
    ['deep in objects', `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`],
  ])('%s is refused', async (_what, text) => {
    expect(await refused(text)).toEqual([400, -32_600])
  })

  it('but not one that just keeps to it', async () => {
    const reply = await post(edge.url, GOOD.replace('"hi"', nested(13)), CALL_HEADERS)
    expect(reply.status).toBe(200)
  })

  it('in bytes is refused, announced or not', async () => {
    const large = GOOD.replace('hi', 'x'.repeat(BODY_BYTES))
    expect(await refused(large)).toEqual([413, -32_600])
  })

  it('but not one that just fills it', async () => {
    const fill = BODY_BYTES - GOOD.length + 2
    const reply = await post(edge.url, GOOD.replace('hi', 'x'.repeat(fill)), CALL_HEADERS)
    expect(reply.status).toBe(200)
    const over = await post(edge.url, GOOD.replace('hi', 'x'.repeat(fill + 1)), CALL_HEADERS)
    expect(over.status).toBe(413)
  })

  it('of _meta is refused', async () => {
    const text = GOOD.replace('"_meta":{', `"_meta":{"x":"${'y'.repeat(2_048)}",`)
    expect(await refused(text)).toEqual([400, -32_600])
  })

  it('of a name is refused, as is a name that is none', async () => {
    for (const name of ['x'.repeat(257), '', 5, null, undefined, ['fx__echo'], { a: 1 }]) {
      const params = { name, arguments: {} }
      const headers = { 'mcp-name': typeof name === 'string' ? name : undefined }
      const legacy = await session.call('tools/call', params)
      expect([legacy.status, legacy.error.code]).toEqual([200, -32_602])
      const stateless = await callModern(edge.url, 'tools/call', params, { headers })
      expect([200, 400]).toContain(stateless.status)
      expect([-32_602, -32_020]).toContain(stateless.error.code)
    }
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a call for', () => {
  it('an unknown tool is refused with its id, in both eras', async () => {
    for (const name of ['fx__nope', 'echo', 'fx__', '__proto__', 'constructor', 'FX__ECHO']) {
      const stateless = await callModern(edge.url, 'tools/call', { name }, { id: 'u' })
      expect(stateless.status).toBe(200)
      expect(stateless.answer).toMatchObject({ id: 'u', error: { code: -32_602 } })
      const legacy = await session.call('tools/call', { name }, 'u')
      expect(legacy.answer).toEqual(stateless.answer)
    }
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    ['a trail that is none', 'x'],
    ['a budget that is a text', { budget: '8', path: [] }],
    ['a path with what is no node', { budget: 8, path: ['no node'] }],
    ['a path without end', { budget: 8, path: Array.from({ length: 65 }, () => 'A') }],
  ])('%s is refused: it must not be a way round the budget', async (_what, trail) => {
    const meta = { 'io.github.banyan-mcp/federation': trail }
    const stateless = await callModern(edge.url, 'tools/call', CALL, { meta, id: 't' })
    expect(stateless.answer).toMatchObject({ id: 't', error: { code: -32_602 } })
    const legacy = await session.call('tools/call', { ...CALL, _meta: meta })
    expect([legacy.status, legacy.error.code]).toEqual([200, -32_602])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('a session with a _meta that is no object is refused under its id', async () => {
    for (const meta of [[], 'x', 1, true]) {
      const reply = await session.call('tools/call', { ...CALL, _meta: meta }, 'm')
      expect(reply.status).toBe(200)
      expect(reply.answer).toMatchObject({ id: 'm', error: { code: -32_602 } })
    }
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a body said to be', () => {
  it.each([
    undefined,
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json-patch+json',
    'text/json',
    'application/json, text/plain',
  ])('%j is refused', async (type) => {
    expect(await refused(GOOD, { 'content-type': type })).toEqual([415, -32_600])
  })

  it.each(['application/json', 'Application/JSON', 'application/json; charset=utf-8'])(
    '%j is served',
    async (type) => {
      const reply = await post(edge.url, GOOD, { ...CALL_HEADERS, 'content-type': type })
      expect(reply.status).toBe(200)
    },
  )

  it.each(['gzip', 'br', 'deflate', 'GZIP', 'identity, gzip', 'x'])(
    'encoded as %s is refused, whatever it holds',
    async (encoding) => {
      const packed = gzipSync(Buffer.from(GOOD))
      expect(await refused(packed, { 'content-encoding': encoding })).toEqual([415, -32_600])
      expect(await refused(GOOD, { 'content-encoding': encoding })).toEqual([415, -32_600])
    },
  )

  it('encoded as identity is served', async () => {
    const headers = { ...CALL_HEADERS, 'content-encoding': 'identity' }
    expect((await post(edge.url, GOOD, headers)).status).toBe(200)
  })
})

describe('an answer to be', () => {
  it.each([
    undefined,
    '',
    'application/json',
    'text/event-stream',
    'text/html',
    'application/jsonx, text/event-streams',
    'application/json;q=0, text/event-stream',
  ])('%j is refused', async (accept) => {
    expect(await refused(GOOD, { accept })).toEqual([406, -32_600])
  })

  it.each([
    'text/event-stream,application/json',
    'Application/JSON , Text/Event-Stream',
    'application/json;q=0.5, text/event-stream;q=1',
    '*/*',
    'application/*, text/*',
    'text/html, application/json, text/event-stream, */*;q=0.1',
  ])('%j is served', async (accept) => {
    expect((await post(edge.url, GOOD, { ...CALL_HEADERS, accept })).status).toBe(200)
  })
})
