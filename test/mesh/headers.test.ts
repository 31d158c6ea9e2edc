// What of a call stands in HTTP headers on the way to a server: its name, and arguments a schema mirrors.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode, Logger } from '../../node/main/index.ts'
import type { RecordedRequest } from '../fixtures/fixture-exchange.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool, text, type FixtureTool } from '../fixtures/fixture-tools.ts'
import { encodeHeaderValue, CODE, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { listingCommand } from './listing-stdio.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function front(
  options: FixtureOptions = {},
  log?: Logger,
): Promise<{ fixture: FixtureServer; node: BanyanNode }> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  return { fixture, node: await mesh.ready('front', plan, log === undefined ? {} : { log }) }
}

/** A tool whose arguments are mirrored; it answers with them. */
function mirrored(name: string, properties: JsonObject): FixtureTool {
  const inputSchema = { type: 'object', properties }
  return {
    definition: { name, description: 'Mirrors its arguments.', inputSchema },
    run: ({ args }) => text(JSON.stringify(args)),
  }
}

function paramHeaders({ headers }: RecordedRequest): JsonObject {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-')),
  )
}

describe('the name', () => {
  test.each(ERAS)('row 11: the server sees its own, in body and header (%s)', async (era) => {
    const { fixture, node } = await front()
    const caller = await callerOf(era, node.endpointUrl('main'))
    await caller.call('fx__echo', { message: 'x' })
    const [call] = fixture.calls()
    expect(call?.params['name']).toBe('echo')
    expect(call?.headers).toMatchObject({ 'mcp-name': 'echo', 'mcp-method': 'tools/call' })
  })

  test.each([
    'grüße',
    ' lead',
    'trail ',
    'with space',
    '=?base64?ZWNobw==?=',
    '=?BASE64?ZQ==?=',
    '☃',
  ])('row 12: %j goes upstream so that it can be read back', async (name) => {
    const { fixture, node } = await front({ tools: [plainTool(name)] })
    for (const era of ERAS) {
      const caller = await callerOf(era, node.endpointUrl('main'))
      const [exposed = ''] = await caller.names()
      expect(exposed).toMatch(/^[A-Za-z0-9_-]{1,48}$/)
      expect(textOf(await caller.call(exposed))).toBe(name)
    }
    expect(fixture.calls().map(({ headers }) => headers['mcp-name'])).toEqual(
      ERAS.map(() => expect.stringMatching(headerOf(name)) as string),
    )
    expect(fixture.violations).toEqual([])
  })
})

/** The one way to write a name that is not plain; an inner space may stand as it is. */
function headerOf(name: string): RegExp {
  return new RegExp(`^${encodeHeaderValue(name).replace(/[?+*.]/g, '\\$&')}$`)
}

describe('mirrored arguments', () => {
  const properties = {
    text: { type: 'string', 'x-mcp-header': 'Text' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    flag: { type: 'boolean', 'x-mcp-header': 'Flag' },
    plain: { type: 'string' },
  }

  test('row 13: the mark survives, and headers are made anew at each hop', async () => {
    const fixture = await FixtureServer.start({ tools: [mirrored('go', properties)] })
    fixtures.push(fixture)
    const [outer] = await mesh.chain(fixture.url, 3, ['2026', '2025', '2026'])
    const caller = await callerOf('2025', outer?.endpointUrl('main') ?? '')
    const [tool] = await caller.tools()
    expect(tool?.['inputSchema']).toEqual({ type: 'object', properties })
    const args = { text: 'grüße', count: -7, flag: false, plain: 'x' }
    expect(textOf(await caller.call('fx__go', args))).toBe(JSON.stringify(args))
    expect(fixture.calls().map(paramHeaders)).toEqual([
      {
        'mcp-param-text': encodeHeaderValue('grüße'),
        'mcp-param-count': '-7',
        'mcp-param-flag': 'false',
      },
    ])
    expect(fixture.violations).toEqual([])
  })

  test('row 13: what is null or absent makes no header', async () => {
    const { fixture, node } = await front({ tools: [mirrored('go', properties)] })
    const caller = await callerOf('2025', node.endpointUrl('main'))
    await caller.call('fx__go', { text: null, plain: 'x' })
    await caller.ask('tools/call', { name: 'fx__go' })
    expect(fixture.calls().map(paramHeaders)).toEqual([{}, {}])
    expect(fixture.violations).toEqual([])
  })

  test('row 13: headers the caller sends without a mark do not go upstream', async () => {
    const { fixture, node } = await front()
    const caller = await callerOf('2026', node.endpointUrl('main'))
    const headers = { 'mcp-param-smuggled': 'x', authorization: 'Bearer x', cookie: 'a=b' }
    await caller.call('fx__echo', { message: 'x' }, { headers })
    const [call] = fixture.calls()
    expect(Object.keys(call?.headers ?? {})).toEqual(
      expect.not.arrayContaining(Object.keys(headers)) as string[],
    )
  })

  test.each(ERAS)('row 13: -32020 means a newer list and one more attempt (%s)', async (era) => {
    const old = mirrored('go', { where: { type: 'string' } })
    // Changes without a word: only its refusal tells.
    const { fixture, node } = await front({ tools: [old], listChanged: false })
    const caller = await callerOf(era, node.endpointUrl('main'))
    fixture.tools.replace([mirrored('go', { where: { type: 'string', 'x-mcp-header': 'Where' } })])
    const lists = fixture.received('tools/list').length
    const headers = { 'mcp-param-where': 'eu' }
    expect(textOf(await caller.call('fx__go', { where: 'eu' }, { headers }))).toBe('{"where":"eu"}')
    expect(fixture.calls().map(paramHeaders)).toEqual([{}, { 'mcp-param-where': 'eu' }])
    expect(fixture.received('tools/list').length).toBe(lists + 1)
  })

  test.each(ERAS)(
    'row 13: a -32020 that a newer list does not cure is the answer (%s)',
    async (era) => {
      const { fixture, node } = await front()
      fixture.on('tools/call', (exchange) =>
        exchange.error({ code: CODE.headerMismatch, message: 'still not', data: { x: 1 } }, 400),
      )
      const caller = await callerOf(era, node.endpointUrl('main'))
      const reply = await caller.call('fx__echo', { message: 'x' })
      expect(reply.error).toEqual({
        code: CODE.headerMismatch,
        message: 'still not',
        data: { x: 1 },
      })
      expect(reply.status).toBe(era === '2026' ? 400 : 200)
      expect(fixture.calls()).toHaveLength(1)
    },
  )
})

describe('a schema that must not be mirrored', () => {
  const bad: Readonly<Record<string, JsonObject>> = {
    empty: { a: { type: 'string', 'x-mcp-header': '' } },
    'no-token': { a: { type: 'string', 'x-mcp-header': 'a b' } },
    twice: {
      a: { type: 'string', 'x-mcp-header': 'Same' },
      b: { type: 'string', 'x-mcp-header': 'sAME' },
    },
    'on-a-number': { a: { type: 'number', 'x-mcp-header': 'A' } },
    'in-items': { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } },
    'in-one-of': { a: { oneOf: [{ type: 'string', 'x-mcp-header': 'A' }] } },
  }

  test.each(ERAS)(
    'row 14: its tool is not shown, the others are, a log line names it (%s)',
    async (era) => {
      const warned: Readonly<Record<string, unknown>>[] = []
      const log: Logger = {
        debug: () => undefined,
        info: () => undefined,
        warn: (facts) => warned.push(facts),
        error: () => undefined,
      }
      const tools = Object.entries(bad).map(([name, properties]) => mirrored(name, properties))
      const { fixture, node } = await front({ era, tools: [...tools, plainTool('good')] }, log)
      const caller = await callerOf(era, node.endpointUrl('main'))
      expect(await caller.names()).toEqual(['fx__good'])
      const named = warned.map(({ tool }) => String(tool))
      expect(named.toSorted()).toEqual(Object.keys(bad).toSorted())
      expect((await caller.call('fx__twice', { a: 'x' })).error.code).toBe(CODE.invalidParams)
      expect(fixture.calls()).toEqual([])
    },
  )

  test.each(ERAS)('row 14: the same over stdio (%s)', async (era) => {
    const tools = Object.entries(bad).map(([name, properties]) => mirrored(name, properties))
    const definitions = [...tools, plainTool('good')].map(({ definition }) => definition)
    const node = await mesh.ready('front', {
      upstreams: { child: { stdio: listingCommand(definitions) } },
      namespaces: { fx: { from: ['child'] } },
    })
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['fx__good'])
    expect(node.status().endpoints[0]?.problems).toHaveLength(tools.length)
  })
})
