// Attacks on what nodes pass on unread: an envelope that says something else than the body, from either side.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LinkCall } from '../../node/inbound/link-call.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import { Body } from '../../protocol/link/body.ts'
import type { Told } from '../../protocol/link/frames.ts'
import { writeOrigin } from '../../protocol/names.ts'
import { LinkHost, linkIdentity } from '../contract/link-upstream.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type ModernOptions } from '../fixtures/raw-client.ts'
import { RawLink } from '../fixtures/raw-link.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { configOf, Mesh } from '../mesh/mesh.ts'

const HEADER_MISMATCH = -32_020
const BAD_STATE = -32_602

let mesh: Mesh
const open: { close(): unknown }[] = []

beforeEach(() => {
  mesh = new Mesh()
})

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) if (one instanceof RawLink) one.close()
  await mesh.close()
  for (const one of closing.splice(0)) await one.close()
})

const closing: { close(): Promise<void> }[] = []

async function linked(node: BanyanNode): Promise<RawLink> {
  const link = await RawLink.connect(node.endpointUrl('main'))
  open.push(link)
  return link
}

const TOLD: Told = { id: 1, progress: false, logLevel: undefined, offered: '' }
/** All of an envelope that stands for the body. */
const UNREAD = { told: TOLD, trail: { budget: 8, path: [] } }

const paramsOf = (body: JsonObject): JsonObject => body['params'] as JsonObject

function progress(token: unknown, value: number): Buffer {
  const params = { progressToken: token, progress: value }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }))
}

describe('a caller whose envelope lies', () => {
  let fixture: FixtureServer
  let outer: BanyanNode
  let link: RawLink

  beforeEach(async () => {
    fixture = await FixtureServer.start({ era: '2026' })
    closing.push(fixture)
    const nodes = await mesh.chain(fixture.url, 2, [], 'websocket')
    outer = nodes[0] as BanyanNode
    link = await linked(outer)
  })

  async function answerTo(change: (body: JsonObject) => unknown): Promise<JsonObject> {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const params = { name: 'fx__echo', arguments: { message: 'x' }, _meta: meta }
    const body: JsonObject = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
    const changed = change(body) ?? body
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed)
    const differ = { ...UNREAD, body: new Body([Buffer.from(text)]) }
    const { text: answer } = await link.ending(link.call('fx__echo', { differ }))
    return JSON.parse(answer) as JsonObject
  }

  test('gets what it asks for when it does not', async () => {
    expect(await answerTo(() => undefined)).toMatchObject({ id: 1, result: { content: [{}] } })
  })

  test.each<[string, (body: JsonObject) => unknown]>([
    ['the method', (body) => ({ ...body, method: 'prompts/get' })],
    ['the name', (body) => Object.assign(paramsOf(body), { name: 'fx__add' }) && undefined],
    ['the id', (body) => ({ ...body, id: 2 })],
    ['a state', (body) => Object.assign(paramsOf(body), { requestState: 'x' }) && undefined],
    ['answers', (body) => Object.assign(paramsOf(body), { inputResponses: {} }) && undefined],
  ])('about %s is refused where the body is read, and nothing is called', async (_, change) => {
    const answer = await answerTo(change)
    expect(answer).toMatchObject({ id: 1, error: { code: HEADER_MISMATCH } })
    expect(fixture.calls()).toEqual([])
  })

  test.each<[string, (body: JsonObject) => string]>([
    ['no JSON', () => '{'],
    ['a batch', (body) => JSON.stringify([body])],
    ['a name twice', (body) => JSON.stringify(body).replace('"name":', '"name":"fx__add","name":')],
    ['something behind', (body) => `${JSON.stringify(body)}{}`],
    [
      'no revision',
      () => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fx__echo"}}',
    ],
    [
      'too much depth',
      (body) => JSON.stringify(body).replace('"x"', '['.repeat(500) + ']'.repeat(500)),
    ],
  ])('and body is %s is refused, and the links go on', async (_, change) => {
    expect(await answerTo(change)).toMatchObject({ id: 1, error: { code: expect.any(Number) } })
    expect(fixture.calls()).toEqual([])
    expect(await answerTo(() => undefined)).toHaveProperty('result')
  })

  test('about capabilities that are none is refused at once', async () => {
    const differ = { ...UNREAD, told: { ...TOLD, offered: '},"x":{' } }
    const { text } = await link.ending(link.call('fx__echo', { differ }))
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32_602 } })
    expect(fixture.calls()).toEqual([])
  })
})

/** A node that says of its answers what it likes. */
class Liar {
  readonly host: LinkHost
  /** Answers calls; default: with an empty result. */
  answer: (id: unknown, call: LinkCall) => readonly string[] = (id) => [
    `{"jsonrpc":"2.0","id":${String(id)},"result":{"resultType":"complete","content":[]}}`,
  ]
  readonly heard: JsonObject[] = []

  constructor() {
    const identity = linkIdentity('liar')
    this.host = new LinkHost(identity, { serve: (call) => this.#serve(call) })
  }

  #serve(call: LinkCall): void {
    const body = JSON.parse(call.frame.body.text.toString()) as JsonObject
    const { id, method } = body
    call.scope.finish()
    if (method !== 'tools/call') {
      const result = JSON.stringify(this.#own(String(method)))
      call.reply.finish([Buffer.from(`{"jsonrpc":"2.0","id":${String(id)},"result":${result}}`)])
      return
    }
    this.heard.push(body)
    const parts = this.answer(id, call).map((text) => Buffer.from(text))
    call.reply.finish(parts, undefined, undefined, true)
  }

  #own(method: string): JsonObject {
    if (method !== 'tools/list') {
      const extensions = { [FEDERATION]: this.host.identity.federation }
      return {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {}, extensions },
        serverInfo: { name: 'liar', version: '0' },
      }
    }
    const { node, organisation } = this.host.identity.federation
    const id = { organisation, node, namespace: 'fx', name: 'tool' }
    const origin = writeOrigin({ id, source: 'server', namespace: 'fx', path: [node] })
    const meta = { [FEDERATION]: JSON.parse(origin) as JsonObject }
    const tools = [{ name: 'fx__tool', inputSchema: { type: 'object' }, _meta: meta }]
    return { resultType: 'complete', tools, ttlMs: 60_000, cacheScope: 'private' }
  }
}

describe('an upstream whose envelope lies', () => {
  let liar: Liar
  let middle: BanyanNode
  let edge: BanyanNode

  async function begin(more: object = {}): Promise<void> {
    liar = new Liar()
    await liar.host.start()
    closing.push(liar.host)
    const node = { url: liar.host.url, as: '{namespace}', link: 'websocket' }
    const plan = { upstreams: { liar: { node } } }
    middle = await mesh.startConfig({ ...configOf('middle', plan), ...more })
    await middle.ready()
    const next = { url: middle.endpointUrl('main'), as: '{namespace}', link: 'websocket' }
    edge = await mesh.ready('edge', { upstreams: { next: { node: next } } })
  }

  const call = (
    options: ModernOptions = {},
    params: JsonObject = {},
  ): ReturnType<typeof callModern> => {
    const all = { name: toolName, arguments: {}, ...params }
    return callModern(edge.endpointUrl('main'), 'tools/call', all, options)
  }
  let toolName = ''

  async function ready(more: object = {}): Promise<void> {
    await begin(more)
    const { result } = await callModern(edge.endpointUrl('main'), 'tools/list')
    toolName = String((result['tools'] as JsonObject[])[0]?.['name'])
  }

  test('is passed on byte for byte, and that is what is attacked here', async () => {
    await ready()
    const link = await linked(middle)
    liar.answer = (id) => [
      '  {"jsonrpc" : "2.0",\n"odd":1e5, ',
      `"id":${String(id)},"result":[]}  `,
    ]
    const { text } = await link.ending(link.call(toolName, { differ: UNREAD }))
    expect(text).toBe('  {"jsonrpc" : "2.0",\n"odd":1e5, "id":1,"result":[]}  ')
  })

  test('about a question has the answers of its caller refused, and does not get them', async () => {
    await ready()
    const question = { method: 'elicitation/create', params: { message: 'm', requestedSchema: {} } }
    const result = {
      resultType: 'input_required',
      inputRequests: { a: question },
      requestState: 's',
    }
    liar.answer = (id) => [JSON.stringify({ jsonrpc: '2.0', id, result })]
    const capabilities = { elicitation: {} }
    const asked = await call({ capabilities })
    expect(asked.result['resultType']).toBe('input_required')
    const inputResponses = { a: { action: 'accept', content: { secret: 1 } } }
    const { requestState } = asked.result
    const told = await call({ capabilities }, { inputResponses, requestState })
    expect(told.error.code).toBe(BAD_STATE)
    expect(liar.heard).toHaveLength(1)
  })

  test('about a task leaves its caller with an id that no node knows', async () => {
    await ready()
    const task = {
      taskId: 'stolen',
      status: 'working',
      createdAt: '2026-01-01T00:00:00Z',
      ttlMs: 1,
    }
    liar.answer = (id) => [
      JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'task', ...task } }),
    ]
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
    const { taskId } = (await call({ capabilities })).result
    expect(taskId).not.toBe('stolen')
    const url = edge.endpointUrl('main')
    const got = await callModern(url, 'tasks/get', { taskId }, { capabilities })
    expect(got.error.code).toBeLessThan(0)
  })

  test('about an error has it taken for one', async () => {
    await ready()
    liar.answer = (id) => [
      `{"jsonrpc":"2.0","id":${String(id)},"error":{"code":4711,"message":"no"}}`,
    ]
    expect((await call()).error).toEqual({ code: 4711, message: 'no' })
  })

  test.each([
    ['of another request', '{"jsonrpc":"2.0","id":99999,"result":{}}'],
    ['that is a request', '{"jsonrpc":"2.0","id":1,"method":"ping"}'],
    ['that is no JSON', '{'],
    ['of nothing', ''],
    ['with something behind it', '{"jsonrpc":"2.0","id":1,"result":{}}{}'],
    ['with a member twice', '{"jsonrpc":"2.0","id":null,"result":{},"result":{}}'],
  ])('about an answer %s fails that call alone', async (_, text) => {
    await ready()
    liar.answer = () => [text]
    expect((await call()).error.code).toBeLessThan(0)
    liar.answer = (id) => [`{"jsonrpc":"2.0","id":${String(id)},"result":{"content":[]}}`]
    expect((await call()).result['content']).toEqual([])
  })

  test('shows nobody links that are hidden, wherever the message is cut', async () => {
    const visibility = [{ for: '*', tools: ['*'], resources: { deny: ['*'] } }]
    await ready({ visibility })
    const link = await linked(middle)
    const block = '{"type":"resource_link","uri":"test://hidden","name":"hidden"}'
    const text = `,"result":{"resultType":"complete","content":[${block}]}}`
    const at = text.indexOf('"uri"')
    let calls = 0
    for (const cut of [at, at + 1, at + 2, at + 3, at + 4, at + 5, at + 6]) {
      liar.answer = (id) => [
        `{"jsonrpc":"2.0","id":${String(id)}`,
        text.slice(0, cut),
        text.slice(cut),
        ' '.repeat(4_096),
      ]
      calls += 1
      const differ = { ...UNREAD, told: { ...TOLD, id: calls } }
      const ending = await link.ending(link.call(toolName, { differ }))
      expect(ending.text).not.toContain('hidden')
      expect(ending.text).toContain('"result"')
    }
  })

  test('about progress is told what it can be told in the text', async () => {
    await ready()
    liar.answer = (id, { reply }) => {
      for (const value of [1, 5, 3, Number.POSITIVE_INFINITY, 2]) {
        reply.notify(progress(id, 1), value)
      }
      reply.notify(Buffer.from('{'), 7)
      return [`{"jsonrpc":"2.0","id":${String(id)},"result":{"content":[]}}`]
    }
    const heard = (await call({ progressToken: 'p' })).messages
    expect(heard.filter(({ method }) => method === 'notifications/progress')).toHaveLength(1)
    const silent = (await call()).messages
    expect(silent).toHaveLength(1)
  })
})
