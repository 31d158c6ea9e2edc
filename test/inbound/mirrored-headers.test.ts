// Headers that mirror the body: whoever routes by them and whoever reads the body must see one request.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { callModern, legacySession, modern, post, type RawReply } from '../fixtures/raw-client.ts'
import { decodeHeaderValue, encodeHeaderValue, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'
import { lines, postText, talk } from './raw-socket.ts'

const ODD_NAMES = [' x ', 'naïve', '=?base64?eA==?=', '=?BASE64?eA==?=', '=?base64?', 'a,b', '"q"']

let edge: Edge
beforeAll(async () => {
  edge = await Edge.start()
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

function echo(message: string): JsonObject {
  return { name: 'fx__echo', arguments: { message } }
}

/** A raw call of `fx__echo` with these header lines in place of the right `Mcp-Name`. */
function callWithName(...names: string[]): Promise<{ status: number; text: string }> {
  const { message, headers } = modern('tools/call', echo('hi'), {
    headers: { 'mcp-name': undefined },
  })
  const { 'mcp-name': _none, ...others } = headers
  return talk(edge.url, postText(edge.url, JSON.stringify(message), [...lines(others), ...names]))
}

/** The line of `Mcp-Name` in its base64 form. */
function sentinel(text: string): string {
  return `Mcp-Name: =?base64?${Buffer.from(text).toString('base64')}?=`
}

describe('a mirrored header', () => {
  const wrong: [string, JsonObject][] = [
    ['MCP-Protocol-Version missing', { 'mcp-protocol-version': undefined }],
    ['MCP-Protocol-Version of the other era', { 'mcp-protocol-version': '2025-11-25' }],
    ['MCP-Protocol-Version of the future', { 'mcp-protocol-version': '2027-01-01' }],
    ['MCP-Protocol-Version empty', { 'mcp-protocol-version': '' }],
    ['Mcp-Method missing', { 'mcp-method': undefined }],
    ['Mcp-Method different', { 'mcp-method': 'tools/list' }],
    ['Mcp-Method empty', { 'mcp-method': '' }],
    ['Mcp-Name missing', { 'mcp-name': undefined }],
    ['Mcp-Name different', { 'mcp-name': 'fx__add' }],
    ['Mcp-Name empty', { 'mcp-name': '' }],
    ['Mcp-Name longer', { 'mcp-name': 'fx__echo2' }],
  ]
  it.each(wrong)('row 9: %s is refused', async (_what, headers) => {
    const reply = await callModern(edge.url, 'tools/call', echo('hi'), {
      id: 'h',
      headers: headers as Record<string, string>,
    })
    expect(reply.status).toBe(400)
    expect(reply.answer).toMatchObject({ id: 'h', error: { code: -32_020 } })
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    ['prompts/get', { name: 'fx__greet' }],
    ['resources/read', { uri: 'test://static/1' }],
    ['tasks/get', { taskId: 't' }],
    ['tasks/update', { taskId: 't', inputResponses: {} }],
    ['tasks/cancel', { taskId: 't' }],
  ])('row 9: Mcp-Name missing or different is refused for %s', async (method, params) => {
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
    for (const name of [undefined, 'x', '']) {
      const headers = { 'mcp-name': name }
      const reply = await callModern(edge.url, method, params, { id: 'h', headers, capabilities })
      expect(reply.status).toBe(400)
      expect(reply.answer).toMatchObject({ id: 'h', error: { code: -32_020 } })
    }
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 10: names are compared without regard to case', async () => {
    const { message, headers } = modern('tools/call', echo('hi'))
    const shouted = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    )
    const sent = postText(edge.url, JSON.stringify(message), lines(shouted))
    expect((await talk(edge.url, sent)).status).toBe(200)
  })

  it.each([
    ['mcp-method', 'Tools/Call'],
    ['mcp-method', 'TOOLS/CALL'],
    ['mcp-name', 'FX__ECHO'],
    ['mcp-name', 'fx__Echo'],
  ])('row 10: the value of %s is compared with case: %s', async (name, value) => {
    const reply = await callModern(edge.url, 'tools/call', echo('hi'), {
      headers: { [name]: value },
    })
    expect([reply.status, reply.error.code]).toEqual([400, -32_020])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each(['Mcp-Name:fx__echo', 'Mcp-Name:  \t fx__echo\t ', 'mcp-name: fx__echo   '])(
    'row 10: white space around the value is none of it: %j',
    async (line) => {
      expect((await callWithName(line)).status).toBe(200)
    },
  )

  it('row 10: the base64 form is decoded before it is compared', async () => {
    expect((await callWithName(sentinel('fx__echo'))).status).toBe(200)
    edge.mark()
    expect((await callWithName(sentinel('fx__add'))).status).toBe(400)
    expect((await callWithName(sentinel(' fx__echo'))).status).toBe(400)
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    'Mcp-Name: =?base64?!!!!?=',
    'Mcp-Name: =?base64?ZnhfX2VjaG?=',
    'Mcp-Name: =?base64?ZnhfX2VjaG9=?=',
    'Mcp-Name: =?base64?ZnhfX2Vj aG8=?=',
    'Mcp-Name: =?base64?/v8=?=',
    'Mcp-Name: =?base64?ZnhfX2VjaG8=',
    'Mcp-Name: fx__echo\u00e9',
    'Mcp-Name: fx__echo, fx__echo',
  ])('row 10: a malformed value is refused: %j', async (line) => {
    const { status, text } = await callWithName(line)
    expect(status).toBe(400)
    expect(text).toContain('-32020')
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('is refused when it stands there twice, in whatever spelling', async () => {
    const twice = await callWithName('Mcp-Name: fx__echo', 'MCP-NAME: fx__add')
    const same = await callWithName('Mcp-Name: fx__echo', 'mcp-name: fx__echo')
    expect([twice.status, same.status]).toEqual([400, 400])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('is not read from the trailers of a chunked body', async () => {
    const { message, headers } = modern('tools/call', echo('hi'))
    const { 'mcp-name': name, ...others } = headers
    const body = JSON.stringify(message)
    const head = postText(edge.url, '', lines(others))
      .toString('latin1')
      .replace('Content-Length: 0', 'Transfer-Encoding: chunked\r\nTrailer: Mcp-Name')
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\nMcp-Name: ${String(name)}\r\n\r\n`
    const answer = await talk(edge.url, head + chunks)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('-32020')
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('names no header carries as they are', () => {
  let odd: Edge
  beforeAll(async () => {
    odd = await Edge.start(
      { endpoints: { main: { namespaces: ['fx'], names: 'plain' } } },
      { tools: ODD_NAMES.map((name) => plainTool(name)) },
    )
  })
  afterAll(() => odd.close())

  it.each(ODD_NAMES)('row 10: %j is refused as unknown, not as a mismatch', async (name) => {
    // Such names are not exposed; what matters is that header and body are found to agree.
    const reply = await callModern(odd.url, 'tools/call', { name }, { id: 1 })
    expect([reply.status, reply.error.code]).toEqual([200, -32_602])
    expect(odd.upstreamTraffic).toEqual([])
  })
})

function callRegion(args: JsonObject, header?: string): Promise<RawReply> {
  const params = { name: 'fx__region', arguments: args }
  return callModern(edge.url, 'tools/call', params, { headers: { 'mcp-param-region': header } })
}

describe('Mcp-Param headers', () => {
  it('row 13: the mark of the schema survives aggregation', async () => {
    const { result } = await callModern(edge.url, 'tools/list')
    const tools = result['tools'] as JsonObject[]
    const region = tools.find(({ name }) => name === 'fx__region')
    expect(region?.['inputSchema']).toMatchObject({
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    })
  })

  it.each([
    ['plain', 'eu-west', 'eu-west'],
    ['encoded though plain would do', 'eu-west', '=?base64?ZXUtd2VzdA==?='],
    ['not ASCII', 'zürich', encodeHeaderValue('zürich')],
    ['like the sentinel', '=?base64?eA==?=', encodeHeaderValue('=?base64?eA==?=')],
    ['with outer spaces', ' eu ', encodeHeaderValue(' eu ')],
    ['empty', '', ''],
  ])('row 13: one that agrees is made anew: %s', async (_what, region, header) => {
    const reply = await callRegion({ region }, header)
    expect(reply.status).toBe(200)
    const sent = edge.fixture.calls('region').at(-1)
    expect(sent?.params['arguments']).toEqual({ region })
    expect(decodeHeaderValue(String(sent?.headers['mcp-param-region']))).toBe(region)
    expect(edge.fixture.violations).toEqual([])
  })

  it.each([
    ['is missing', { region: 'eu' }, undefined],
    ['differs', { region: 'eu' }, 'us'],
    ['differs in case', { region: 'eu' }, 'EU'],
    ['is no base64', { region: 'eu' }, '=?base64?***?='],
    ['stands for an absent argument', {}, 'eu'],
    ['stands for null', { region: null }, 'null'],
    ['stands for an object', { region: { a: 1 } }, '[object Object]'],
  ])('row 13: one that %s is refused', async (_what, args, header) => {
    const reply = await callRegion(args, header)
    expect([reply.status, reply.error.code]).toEqual([400, -32_020])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([[{}], [{ region: null }]])('row 13: no header for %j', async (args) => {
    const reply = await callRegion(args)
    expect(reply.status).toBe(200)
    expect(edge.fixture.calls('region').at(-1)?.headers['mcp-param-region']).toBeUndefined()
  })

  it.each(['region', 'r\\u0065gion'])(
    'row 13: an argument that is mirrored may not stand there twice: %s',
    async (key) => {
      const params = { name: 'fx__region', arguments: { region: 'us' } }
      const twice = (message: unknown): string =>
        JSON.stringify(message).replace('{"region"', `{"${key}":"eu","region"`)
      const { message, headers } = modern('tools/call', params, {
        headers: { 'mcp-param-region': 'us' },
      })
      const stateless = await post(edge.url, twice(message), headers)
      const session = await legacySession(edge.url)
      const plain = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
      const legacy = await post(edge.url, twice(plain), session.headers)
      for (const reply of [stateless, legacy]) {
        expect([reply.status, reply.error.code]).toEqual([200, -32_600])
        expect(reply.error.message).toContain('region')
      }
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it('row 13: ones no schema asks for are neither checked nor passed on', async () => {
    const headers = { 'mcp-param-region': 'eu', 'mcp-param-x': 'y' }
    const reply = await callModern(edge.url, 'tools/call', echo('hi'), { headers })
    expect(reply.status).toBe(200)
    const sent = edge.fixture.calls('echo').at(-1)?.headers ?? {}
    expect(Object.keys(sent).filter((name) => name.startsWith('mcp-param-'))).toEqual([])
  })
})

describe('without a revision that demands the comparison', () => {
  it('row 16: mirrored headers are not believed: a session is served by its body alone', async () => {
    const { headers } = await legacySession(edge.url)
    const lies = {
      ...headers,
      'mcp-method': 'tools/list',
      'mcp-name': 'fx__add',
      'mcp-param-region': 'us',
    }
    const params = { name: 'fx__region', arguments: { region: 'eu' } }
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
    const reply = await post(edge.url, body, lies)
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'region=eu' }])
    const sent = edge.fixture.calls('region').at(-1)
    expect(sent?.headers['mcp-param-region']).toBe('eu')
    expect(sent?.headers['mcp-name']).toBe('region')
  })

  it.each([undefined, '2025-11-25', '2025-03-26'])(
    'row 16: a stateless request under version header %s is refused',
    async (version) => {
      const reply = await callModern(edge.url, 'tools/call', echo('hi'), {
        headers: { 'mcp-protocol-version': version },
      })
      expect([reply.status, reply.error.code]).toEqual([400, -32_020])
      expect(edge.upstreamTraffic).toEqual([])
    },
  )
})
