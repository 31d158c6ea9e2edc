// Results that a relay may be tempted to touch.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

const PAIRS: readonly (readonly [Era, Era])[] = ERAS.flatMap((caller) =>
  ERAS.map((upstream) => [caller, upstream] as const),
)

describe.each(PAIRS)('caller of era %s, server of era %s, three hops', (era, upstream) => {
  async function throughThree(result: JsonObject): Promise<JsonObject> {
    const fixture = await FixtureServer.start({ era: upstream })
    fixtures.push(fixture)
    fixture.on('tools/call', (exchange) =>
      exchange.result(upstream === '2026' ? { resultType: 'complete', ...result } : result),
    )
    const [outer] = await mesh.chain(fixture.url, 3)
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    const reply = await caller.call('fx__echo', { message: 'x' })
    const { resultType: _type, _meta: meta, ...rest } = reply.result
    const { 'io.modelcontextprotocol/serverInfo': _info, ...vendor } = (meta ?? {}) as JsonObject
    return Object.keys(vendor).length === 0 ? rest : { ...rest, _meta: vendor }
  }

  test('resource links and embedded resources arrive untouched but for their URIs', async () => {
    const result = {
      content: [
        {
          type: 'resource_link',
          uri: 'file:///a%20b?x=1#ü',
          name: 'link',
          size: 7,
          annotations: { audience: ['user'], priority: 0.5 },
          _meta: { 'com.example/x': 1 },
        },
        { type: 'resource', resource: { uri: 'test://x', mimeType: 'a/b', blob: 'AAA=' } },
        { type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' },
        { type: 'future-kind', payload: { deep: [[]] } },
      ],
    }
    const [link, embedded, ...others] = result.content
    const uris = [
      /^file:\/\/fx\.[^/]+\/fixture~.*a%2520b%3Fx%3D1%23%C3%BC$/,
      /^test:\/\/fx\.[^/]+\/fixture\/\/\/x$/,
    ].map((pattern) => expect.stringMatching(pattern) as string)
    expect(await throughThree(result)).toEqual({
      content: [
        { ...link, uri: uris[0] },
        { ...embedded, resource: { ...embedded?.resource, uri: uris[1] } },
        ...others,
      ],
    })
  })

  test('vendor keys in _meta arrive, however odd', async () => {
    const result = { content: [], _meta: { 'com.example/k': null, '': 0, ü: { __proto: [] } } }
    expect(await throughThree(result)).toEqual(result)
  })

  test('structuredContent that is an object, and content of isError', async () => {
    const result = {
      content: [{ type: 'text', text: '{}' }],
      structuredContent: { a: { b: [1.5, -1, 1e-7] } },
      isError: true,
    }
    expect(await throughThree(result)).toEqual(result)
  })
})

test.each(ERAS)('structuredContent that is no object reaches a caller of era %s', async (era) => {
  const fixture = await FixtureServer.start({ era: '2026' })
  fixtures.push(fixture)
  fixture.on('tools/call', (exchange) =>
    exchange.result({ resultType: 'complete', content: [], structuredContent: [1, 'two'] }),
  )
  const node = await mesh.front('front', fixture.url)
  const caller = await callerOf(era, node.endpointUrl('main'))
  const { result } = await caller.call('fx__echo', { message: 'x' })
  // 2025-11-25 knows objects only.
  const expected = era === '2026' ? [1, 'two'] : { result: [1, 'two'] }
  expect(result['structuredContent']).toEqual(expected)
})
