// HTTP itself gone wrong: what is refused before there is a body to read, and who does not hold a socket for ever.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callModern, legacySession, modern, send } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { Edge } from './edge.ts'
import { dial, heard, lines, postText, talk } from './raw-socket.ts'

let edge: Edge
let host: string
beforeAll(async () => {
  const limits = { bodyBytes: 65_536, headersReadTimeout: '1s', requestReadTimeout: '1s' }
  edge = await Edge.start({ limits })
  host = new URL(edge.url).host
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

const { message: CALL, headers: CALL_HEADERS } = modern(
  'tools/call',
  { name: 'fx__echo', arguments: { message: 'hi' } },
  { id: 3 },
)
const BODY = JSON.stringify(CALL)
const LINES = lines(CALL_HEADERS)

/** The bytes of a call that would be served, its head changed. */
function spoilt(change: (head: string) => string, body: string = BODY): Buffer {
  const [head = ''] = postText(edge.url, body, LINES).toString('latin1').split('\r\n\r\n')
  return Buffer.from(`${change(head)}\r\n\r\n${body}`, 'latin1')
}

function chunked(head: string, coding: string): string {
  return head.replace(/Content-Length: \d+/, `Transfer-Encoding: ${coding}`)
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

const chunkedHead = (): string =>
  spoilt((text) => text.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked'), '').toString(
    'latin1',
  )

const kept = (bytes: Buffer): string =>
  bytes.toString('latin1').replace('Connection: close\r\n', '')

it('the call these tests spoil is served when it is not spoilt', async () => {
  const answer = await talk(
    edge.url,
    spoilt((head) => head),
  )
  expect(answer.status).toBe(200)
  expect(edge.upstreamTraffic).toEqual(['tools/call'])
})

describe('headers over the limit', () => {
  it('row 15: are refused with 431 before a byte of the body is read', async () => {
    const socket = await dial(edge.url)
    const answer = heard(socket)
    const [head = ''] = postText(edge.url, BODY, LINES).toString('latin1').split('\r\n\r\n')
    // The body is announced and never sent: whoever waited for it would not answer.
    socket.write(`${head}\r\nX-Large: ${'x'.repeat(16_384)}\r\n\r\n`)
    const { status, error } = await answer
    expect([status, error?.code]).toEqual([431, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    ['one name', (head: string) => `${head}\r\n${'x'.repeat(16_384)}: 1`],
    ['a mirrored value', (head: string) => `${head}\r\nMcp-Param-Region: ${'x'.repeat(16_384)}`],
    ['many', (head: string) => head + '\r\nX-Many: header'.repeat(2_000)],
    ['the path', (head: string) => head.replace('/mcp/main', `/mcp/main?${'x'.repeat(16_384)}`)],
  ])('row 15: in %s are refused', async (_what, change) => {
    const { status, error } = await talk(edge.url, spoilt(change))
    expect([status, error?.code]).toEqual([431, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('none is overlooked among very many', async () => {
    const many = '\r\nA:b'.repeat(2_100)
    const evil = await talk(
      edge.url,
      spoilt((head) => `${head}${many}\r\nOrigin: https://evil.example`),
    )
    expect(evil.status).toBe(403)
    const twice = await talk(
      edge.url,
      spoilt((head) => `${head}${many}\r\nMcp-Name: fx__add`),
    )
    expect(twice.status).toBe(400)
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('framing two readers could take for two things', () => {
  const smuggled = `POST /mcp/main HTTP/1.1\r\nHost: x\r\n\r\n`
  it.each<[string, (head: string) => string]>([
    ['a length and chunks', (head) => `${head}\r\nTransfer-Encoding: chunked`],
    ['two lengths', (head) => `${head}\r\nContent-Length: 1`],
    ['a length that is a list', (head) => head.replace(/(Content-Length: \d+)/, '$1, 5')],
    ['a length with a sign', (head) => head.replace('Content-Length: ', 'Content-Length: +')],
    ['a negative length', (head) => head.replace('Content-Length: ', 'Content-Length: -')],
    ['a length in hex', (head) => head.replace(/Content-Length: \d+/, 'Content-Length: 0xff')],
    ['a length beyond all numbers', (head) => head.replace(/(Length: )\d+/, `$1${'9'.repeat(30)}`)],
    ['an unknown transfer coding', (head) => chunked(head, 'x')],
    ['chunks that are not last', (head) => chunked(head, 'chunked, identity')],
    [
      'chunks with a space in front of the colon',
      (head) => `${head}\r\nTransfer-Encoding : chunked`,
    ],
    ['a folded header', (head) => `${head}\r\nX-A: 1\r\n 2`],
    ['a header without a colon', (head) => `${head}\r\nX-A`],
    ['a header name with a space', (head) => `${head}\r\nX A: 1`],
    ['a NUL in a value', (head) => `${head}\r\nX-A: a\0b`],
    ['a bare carriage return in a value', (head) => `${head}\r\nX-A: a\rb`],
    ['a space in the path', (head) => head.replace('/mcp/main', '/mcp/main /x')],
    ['another protocol', (head) => head.replace('HTTP/1.1', 'HTTP/3.0')],
    ['no Host', (head) => head.replace(/Host: [^\r]+\r\n/, '')],
    ['two Hosts', (head) => `${head}\r\nHost: evil.example`],
    ['two equal Hosts', (head) => `${head}\r\nHost: ${host}`],
  ])('is refused: %s', async (_what, change) => {
    const { status, text, error } = await talk(edge.url, spoilt(change, BODY + smuggled))
    expect([status, error?.code]).toEqual([400, -32_600])
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(1)
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each(['ffffffffffffffff1', '-5', 'zz', '5 5'])(
    'is refused: a chunk of size %s',
    async (size) => {
      const head = spoilt((text) => chunked(text, 'chunked'), '').toString('latin1')
      const { status } = await talk(edge.url, `${head}${size}\r\nhello\r\n0\r\n\r\n`)
      expect(status).toBe(400)
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it('is refused: what is no HTTP at all', async () => {
    for (const bytes of [
      '\r\n\r\nhello\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01',
      '{"jsonrpc"',
    ]) {
      expect((await talk(edge.url, bytes)).status).toBe(400)
    }
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a body of unknown length', () => {
  it('is served, however it is cut', async () => {
    const cut = BODY.split('').map(chunk).join('')
    expect((await talk(edge.url, `${chunkedHead()}${cut}0\r\n\r\n`)).status).toBe(200)
  })

  it('is refused as soon as it is too large, while it still comes', async () => {
    const socket = await dial(edge.url)
    const answer = heard(socket)
    socket.write(chunkedHead() + chunk('x'.repeat(40_000)) + chunk('x'.repeat(40_000)))
    const { status, error } = await answer
    expect([status, error?.code]).toEqual([413, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a body announced too large', () => {
  it('is refused before it is sent, and not asked for', async () => {
    const bytes = spoilt(
      (head) => `${head.replace(/Length: \d+/, 'Length: 65537')}\r\nExpect: 100-continue`,
      '',
    )
    const { status, text } = await talk(edge.url, bytes)
    expect(status).toBe(413)
    expect(text).not.toContain('100 Continue')
  })

  it('is refused though the client goes on sending it', async () => {
    const reply = await send(edge.url, {
      method: 'POST',
      headers: { ...CALL_HEADERS, 'content-type': 'application/json', accept: '*/*' },
      body: Buffer.alloc(70_000, 0x20),
    })
    expect([reply.status, reply.error.code]).toEqual([413, -32_600])
    expect(reply.headers['connection']).toBe('close')
  })
})

describe('Expect', () => {
  it('100-continue is answered, and then the body is read', async () => {
    const socket = await dial(edge.url)
    const answer = heard(socket)
    let seen = ''
    socket.on('data', (data: Buffer) => (seen += data.toString()))
    socket.write(
      spoilt(
        (head) => head.replace(/(Length: )\d+/, `$1${BODY.length}`) + '\r\nExpect: 100-continue',
        '',
      ),
    )
    await until(
      () => seen.startsWith('HTTP/1.1 100 Continue\r\n\r\n'),
      'the node asks for the body',
    )
    socket.write(BODY)
    expect((await answer).text).toContain('HTTP/1.1 200 OK')
  })

  it('anything else is refused', async () => {
    const { status } = await talk(
      edge.url,
      spoilt((head) => `${head}\r\nExpect: miracles`),
    )
    expect(status).toBe(417)
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a sender that takes its time', () => {
  let patient: Edge
  beforeAll(async () => {
    patient = await Edge.start({ limits: { headersReadTimeout: '1s', requestReadTimeout: '1h' } })
  })
  afterAll(() => patient.close())

  it('to say anything at all is cut off', async () => {
    const { status } = await heard(await dial(patient.url))
    expect([0, 408]).toContain(status)
  })

  it('over the headers is cut off', async () => {
    const socket = await dial(patient.url)
    const answer = heard(socket)
    socket.write('POST /mcp/main HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    const { status, error } = await answer
    expect([status, error?.code]).toEqual([408, -32_600])
  })

  it('over the body is cut off', async () => {
    const socket = await dial(edge.url)
    const answer = heard(socket)
    socket.write(postText(edge.url, BODY, LINES).subarray(0, -5))
    const { status, error } = await answer
    expect([status, error?.code]).toEqual([408, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('to read an answer is not', async () => {
    edge.fixture.gate.shut()
    const pending = callModern(edge.url, 'tools/call', { name: 'fx__slow', arguments: {} })
    const socket = await dial(edge.url)
    const cutOff = heard(socket)
    socket.write('GET')
    await cutOff
    edge.fixture.gate.open()
    expect((await pending).status).toBe(200)
    edge.fixture.gate.shut()
  })
})

describe('a path that is no endpoint', () => {
  it.each([
    '/',
    '/mcp',
    '/mcp/',
    '/mcp/nope',
    '/mcp/main/',
    '/mcp/main/x',
    '//mcp/main',
    '/mcp//main',
    '/./mcp/main',
    '/mcp/../mcp/main',
    '/mcp/%6dain',
    '/mcp%2fmain',
    '/mcp/main%00',
    '/mcp/main;a=b',
    '/MCP/main',
    '/mcp/Main',
    '/mcp/constructor',
    '/mcp/__proto__',
    '/mcp\\main',
    'http://127.0.0.1/mcp/main',
    '*',
  ])('%s is not found', async (path) => {
    const bytes = spoilt((head) => head.replace('/mcp/main', path))
    const { status, error } = await talk(edge.url, bytes)
    expect([status, error?.code]).toEqual([404, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('is not made one by a query, which is ignored', async () => {
    const bytes = spoilt((head) => head.replace('/mcp/main', '/mcp/main?endpoint=other'))
    expect((await talk(edge.url, bytes)).status).toBe(200)
  })
})

describe('an HTTP method', () => {
  it.each(['PUT', 'PATCH', 'TRACE', 'PROPFIND', 'GET', 'DELETE'])(
    '%s without a session is refused with those there are',
    async (method) => {
      const bytes = `${method} /mcp/main HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      const { status, head, error } = await talk(edge.url, bytes)
      expect([status, error?.code]).toEqual([405, -32_600])
      expect(head).toMatch(/^allow: POST, GET, DELETE, OPTIONS$/m)
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it('HEAD is refused without a body', async () => {
    const bytes = `HEAD /mcp/main HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const { status, body } = await talk(edge.url, bytes)
    expect([status, body]).toEqual([405, ''])
  })

  it('CONNECT and an upgrade lead nowhere', async () => {
    const tunnel = await talk(edge.url, `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    expect(tunnel.status).not.toBe(200)
    const { status } = await talk(
      edge.url,
      `GET /mcp/main HTTP/1.1\r\nHost: ${host}\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    expect(status).toBe(405)
  })

  it('GET for anything but an event stream is refused', async () => {
    const { headers } = await legacySession(edge.url)
    for (const accept of [undefined, 'application/json', 'text/html']) {
      const reply = await send(edge.url, { headers: { ...headers, accept } })
      expect([reply.status, reply.error.code]).toEqual([406, -32_600])
    }
  })
})

describe('a body nobody wanted', () => {
  it.each<[string, number, (head: string) => string]>([
    ['of another type', 415, (head) => head.replace('application/json', 'text/plain')],
    ['in another coding', 415, (head) => `${head}\r\nContent-Encoding: gzip`],
    ['for another endpoint', 404, (head) => head.replace('/mcp/main', '/mcp/nope')],
    ['from another site', 403, (head) => `${head}\r\nOrigin: https://evil.example`],
    ['with another method', 405, (head) => head.replace('POST', 'PUT')],
    ['for no session', 405, (head) => head.replace('POST', 'DELETE')],
  ])('%s is not taken for the next request', async (_what, refusal, change) => {
    const smuggled = postText(edge.url, BODY, LINES).toString()
    const first = kept(spoilt(change, smuggled)).replace(
      /Content-Length: \d+/,
      `Content-Length: ${smuggled.length}`,
    )
    const { text } = await talk(edge.url, first + postText(edge.url, BODY, LINES).toString())
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
    expect(statuses).toEqual([refusal, 200])
    expect(edge.upstreamTraffic).toEqual(['tools/call'])
  })
})

describe('requests sent in one go', () => {
  it('are answered in their order, each by its own', async () => {
    edge.fixture.gate.shut()
    const slow = modern('tools/call', { name: 'fx__slow', arguments: {} }, { id: 'slow' })
    const first = postText(edge.url, JSON.stringify(slow.message), lines(slow.headers))
      .toString()
      .replace('Connection: close\r\n', '')
    const socket = await dial(edge.url)
    const answer = heard(socket)
    socket.write(first + postText(edge.url, BODY, LINES).toString())
    await until(
      () => edge.fixture.calls('echo').length > 0 && edge.fixture.calls('slow').length > 0,
      'both arrive',
    )
    edge.fixture.gate.open()
    const { text } = await answer
    expect(text.indexOf('"id":"slow"')).toBeGreaterThan(0)
    expect(text.indexOf('"id":3')).toBeGreaterThan(text.indexOf('"id":"slow"'))
    edge.fixture.gate.shut()
  })
})
