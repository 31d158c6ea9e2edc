// What a hop leaves out of results: links to what is hidden, and what is hidden itself.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splice } from '../../protocol/json-edit.ts'
import { paramUriEdits, resultUriEdits } from '../../protocol/result-uris.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'

function mark(uri: string): string {
  return `<${uri}>`
}

const hides = (uri: string): boolean => uri.startsWith('hid')

const link = (uri: string): object => ({ type: 'resource_link', uri, name: uri })
const embedded = (uri: string): object => ({
  type: 'resource',
  resource: { uri, text: 't', _meta: { ui: { resourceUri: 'ui://v' } } },
})
const text = { type: 'text', text: 'hid "uri"' }

const isHidden = (one: object): boolean => /"uri":"hid/.test(JSON.stringify(one))

const prompt = (all: readonly object[]): object => ({
  messages: all.map((one) => ({ role: 'user', content: one })),
})

function shownOf(method: string, result: object, space?: number): unknown {
  const raw = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }, null, space))
  const edits = resultUriEdits(method, readUpstreamMessage(raw), mark, hides)
  return (JSON.parse(splice(raw, edits).toString()) as { result: unknown }).result
}

describe('what is hidden', () => {
  const item = fc.oneof(
    fc
      .constantFrom('hid:1', 'hid:2', 'a:1', 'b:2')
      .chain((uri) => fc.constantFrom(link(uri), embedded(uri))),
    fc.constant(text),
  )

  test('is left out of any content, wherever it stands, and nothing else is', () => {
    const law = fc.property(fc.array(item, { maxLength: 6 }), fc.nat(2), (content, space) => {
      const kept = content.filter((one) => !isHidden(one))
      const expected = shownOf('tools/call', { content: kept })
      expect(shownOf('tools/call', { content, n: [1] }, space)).toEqual({
        ...(expected as object),
        n: [1],
      })
      expect(shownOf('prompts/get', prompt(content), space)).toEqual(
        shownOf('prompts/get', prompt(kept)),
      )
    })
    fc.assert(law)
  })

  test.each([
    [
      'resources/read',
      {
        contents: [
          { uri: 'hid:1', text: '' },
          { uri: 'a:1', text: '' },
        ],
      },
      '<a:1>',
    ],
    ['resources/directory/read', { resources: [{ uri: 'a:1' }, { uri: 'hid:1' }] }, '<a:1>'],
    [
      'skills/get',
      { skill: { uri: 'a:1', resources: [{ uri: 'hid:1' }, { uri: 'b:2' }] } },
      '<b:2>',
    ],
    ['tasks/get', { result: { content: [link('hid:1'), link('a:1')] } }, '<a:1>'],
    ['tasks/result', { content: [embedded('hid:1'), link('a:1')] }, '<a:1>'],
    ['tools/call', { content: link('hid:1') }, '[]'],
  ])('is left out of %s %o', (method, result, left) => {
    const shown = JSON.stringify(shownOf(method, result))
    expect(shown).not.toContain('hid')
    expect(shown).toContain(left)
  })

  test('is left out of what is asked to be sampled', () => {
    const blocks = [embedded('hid:1'), { type: 'tool_result', content: [link('hid:2'), text] }]
    const messages = [
      { role: 'user', content: blocks },
      { role: 'user', content: link('hid:3') },
    ]
    const params = Buffer.from(JSON.stringify({ messages }))
    const edits = paramUriEdits('sampling/createMessage', params, mark, hides)
    expect(JSON.parse(splice(params, edits).toString())).toEqual({
      messages: [{ role: 'user', content: [{ type: 'tool_result', content: [text] }] }],
    })
  })

  test('is not let through behind what cannot be read', () => {
    const broken = `{"id":1,"result":{"content":[{"\\q":"uri"},${JSON.stringify(link('hid:1'))}]}}`
    const message = readUpstreamMessage(Buffer.from(broken))
    expect(() => resultUriEdits('tools/call', message, mark, hides)).toThrow(/not JSON/)
  })

  test('may be the interface of what is not: the URI says nothing but itself', () => {
    const meta = { ui: { resourceUri: 'hid:1' } }
    expect(shownOf('tools/call', { content: [], _meta: meta })).toEqual({
      content: [],
      _meta: { ui: { resourceUri: '<hid:1>' } },
    })
  })
})
