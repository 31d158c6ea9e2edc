// What nodes in the middle pass on unread is what they would have written: the same calls over links and over HTTP.
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Body } from '../../protocol/link/body.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type ModernOptions } from '../fixtures/raw-client.ts'
import { RawLink } from '../fixtures/raw-link.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Mesh } from './mesh.ts'

interface Asked {
  readonly method: string
  readonly params: JsonObject
  readonly options?: ModernOptions
}

const tool = (name: string, args: JsonObject = {}, options: ModernOptions = {}): Asked => ({
  method: 'tools/call',
  params: { name: `fx__${name}`, arguments: args },
  options,
})

const VENDOR = { 'com.example/note': { deep: [1, 'ü', null] }, plain: 1e21 }
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const CALLS: Readonly<Record<string, Asked>> = {
  echo: tool('echo', { message: 'grüße ☃ \u2028 "\\ 𝒳 \u0000' }),
  'an empty echo': tool('echo', { message: '' }),
  structured: tool('add', { a: 2, b: 0.5 }),
  'a failing tool': tool('fail'),
  'an error': tool('error', { code: 4711, message: 'grüße', data: { deep: [1, null] } }),
  'an error of the protocol': tool('error', { code: -32_602, message: 'says the tool' }),
  'an error in the name of headers': tool('error', { code: -32_020, message: 'says the tool' }),
  progress: tool('progress', { steps: 5 }, { progressToken: 'ü"token' }),
  'progress of a number': tool('progress', { steps: 2 }, { progressToken: 0 }),
  'progress nobody wants': tool('progress', { steps: 2 }),
  meta: tool('meta', { odd: 1e21 }, { meta: VENDOR }),
  'a trace': tool('meta', {}, { meta: { traceparent: TRACE } }),
  'a trace in a header': tool('meta', {}, { headers: { traceparent: TRACE } }),
  'a large result': tool('big', { bytes: 70_000 }),
  'large arguments': tool('echo', { message: 'ü'.repeat(40_000) }),
  'a link': tool('link_resource'),
  'what a caller can be asked': tool('meta', {}, { capabilities: { elicitation: {} } }),
  'a tool that is not there': tool('none'),
  'a resource that is not there': { method: 'resources/read', params: { uri: 'none://x' } },
  'a prompt that is not there': { method: 'prompts/get', params: { name: 'fx__none' } },
}

/** Without what differs from node to node and from request to request. */
function normal(text: string): string {
  return text
    .replaceAll(/(?<![\w-])[\w-]{43}(?![\w-])/g, 'NODE')
    .replaceAll(/\.[a-z2-7]{16}\.banyan/g, '.NODE.banyan')
    .replaceAll(/(\\*"(?:id|progressToken)\\*"): ?\d+/g, '$1:0')
}

describe.each([1, 2, 3, 4])('over %i hops', (hops) => {
  const mesh = new Mesh()
  const ways: { fixture: FixtureServer; nodes: BanyanNode[] }[] = []

  beforeAll(async () => {
    for (const link of ['http', 'websocket']) {
      const fixture = await FixtureServer.start({ era: '2026' })
      ways.push({ fixture, nodes: await mesh.chain(fixture.url, hops, [], link) })
    }
  })

  afterAll(async () => {
    await mesh.close()
    for (const { fixture } of ways) await fixture.close()
  })

  test.each(Object.entries(CALLS))('%s', async (_, { method, params, options }) => {
    const heard: string[][] = []
    for (const { fixture, nodes } of ways) {
      const seen = fixture.calls().length
      const url = nodes[0]?.endpointUrl('main') ?? ''
      const { status, raw } = await callModern(url, method, params, { id: 'one', ...options })
      const arrived = fixture
        .calls()
        .slice(seen)
        .map((one) => JSON.stringify(one.message))
      heard.push([String(status), normal(raw), ...arrived.map(normal)])
    }
    expect(heard[1]).toEqual(heard[0])
  })

  test.each([
    ['resources/list', 'resources', 'resources/read', 'uri'],
    ['prompts/list', 'prompts', 'prompts/get', 'name'],
  ])('whatever %s has', async (list, key, method, by) => {
    const heard: string[][] = []
    for (const { nodes } of ways) {
      const url = nodes[0]?.endpointUrl('main') ?? ''
      const items = (await callModern(url, list, {})).result[key] as JsonObject[]
      const replies = items.map(async (item) => {
        const params = { [by]: item[by], arguments: { topic: 'x', name: 'x' } }
        return normal((await callModern(url, method, params, { id: 'one' })).raw)
      })
      heard.push(await Promise.all(replies))
    }
    expect(heard[0]?.length).toBeGreaterThan(0)
    expect(heard[1]).toEqual(heard[0])
  })
})

/** Whether a body says another id, method, name or revision than its envelope. */
function disagrees(text: Buffer): boolean {
  const { id: own, method, params } = JSON.parse(text.toString('utf8')) as JsonObject
  const { name, _meta: meta } = params as { name?: unknown; _meta?: JsonObject }
  const revision = meta?.['io.modelcontextprotocol/protocolVersion']
  const said = [own, method, name, revision]
  return JSON.stringify(said) !== JSON.stringify([7, 'tools/call', 'fx__echo', '2026-07-28'])
}

describe('a body that a node passes on unread', () => {
  const mesh = new Mesh()
  let fixture: FixtureServer
  let link: RawLink

  beforeAll(async () => {
    fixture = await FixtureServer.start({ era: '2026' })
    const [outer] = await mesh.chain(fixture.url, 3, [], 'websocket')
    link = await RawLink.connect(outer?.endpointUrl('main') ?? '')
  })

  afterAll(async () => {
    link.close()
    await mesh.close()
    await fixture.close()
  })

  let id = 0

  /** The outcome of a call whose body is `text`: its content, or the code of the error. */
  async function outcome(text: Buffer, isTold: boolean): Promise<unknown> {
    const told = { id: 7, progress: false, logLevel: undefined, offered: '' }
    const envelope = { told: isTold ? told : undefined, trail: { budget: 8, path: [] } }
    const differ = { ...envelope, body: new Body([text]), call: (id += 1) }
    const { text: answer } = await link.ending(link.call('fx__echo', { differ }))
    const { error, result } = JSON.parse(answer)
    return error === undefined ? result.content : error.code
  }

  const META = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
  const withArguments = (text: string): string =>
    `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"fx__echo","arguments":{"message":"x","more":${text}},${META}}}`
  const numbers = fc.stringMatching(/^-?[1-9][0-9]{0,400}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?$/)
  const body = fc
    .oneof(
      fc.json(),
      numbers,
      fc.nat(400).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
      fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
      fc.constant('{"a":1,"a":2}'),
    )
    .map((text) => Buffer.from(withArguments(text)))
  const twice = fc
    .constantFrom('"name":"fx__add",', '"arguments":{},', '"_meta":{},', '"__proto__":{},')
    .map((more) => Buffer.from(withArguments('1').replace('"name":', `${more}"name":`)))
  const spoilt = fc.tuple(body, fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
    const copy = Buffer.from(bytes)
    copy[at % copy.length] = value
    return copy
  })

  test('without the name that the envelope says goes to no server', async () => {
    const nameless = Buffer.from(withArguments('1').replace('"name":', '"game":'))
    const before = fixture.requests.length
    expect(await outcome(nameless, true)).toBe(-32_602)
    expect(await outcome(nameless, false)).toBe(-32_602)
    expect(fixture.requests.slice(before)).toEqual([])
  })

  test('is judged by its reader as it would be at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, twice, spoilt), async (text) => {
        const late = await outcome(text, true)
        const soon = await outcome(text, false)
        // An id or name that is another than the envelope says is only wrong where there is an envelope that says it.
        expect(late).toEqual(late === -32_020 && disagrees(text) ? -32_020 : soon)
      }),
      { numRuns: 300 },
    )
  })
})
