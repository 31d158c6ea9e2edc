import { describe, expect, test } from 'vitest'
import { NO_CAPABILITIES, readClientCapabilities } from '../../protocol/client-capabilities.ts'
import { missingFor, readInputRequired, resultTypeOf } from '../../protocol/input-required.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { faultOf } from './fault.ts'

function result(text: string): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${text}}`))
}

describe('a result that asks for input', () => {
  test('is read by place, texts as they stand there', () => {
    const message = result(
      '{"resultType":"input_required","inputRequests":{"a":{"params":{ "x":1.0 },"method":"elicitation/create"},"b":{"method":"roots/list"}},"requestState":"s\\u0074"}',
    )
    const { requests, state } = readInputRequired(message)
    expect(requests.map(({ key, method, params }) => [key, method, params?.toString()])).toEqual([
      ['a', 'elicitation/create', '{ "x":1.0 }'],
      ['b', 'roots/list', undefined],
    ])
    expect(message.raw.toString('utf8', state?.start, state?.end)).toBe('"s\\u0074"')
  })

  test('may ask for nothing but to come back', () => {
    const { requests, state } = readInputRequired(result('{"requestState":"s"}'))
    expect(requests).toEqual([])
    expect(state).toBeDefined()
  })

  test.each([
    '{}',
    '{"inputRequests":{}}',
    '{"inputRequests":[]}',
    '{"inputRequests":{"a":1}}',
    '{"inputRequests":{"a":{}}}',
    '{"inputRequests":{"a":{"method":1}}}',
    '{"inputRequests":{"a":{"method":"m"},"a":{"method":"n"}}}',
    '{"inputRequests":{"a":{"method":"m","method":"n"}}}',
    '{"requestState":7}',
    '{"requestState":null}',
  ])('%s is none', (text) => {
    expect(faultOf(() => readInputRequired(result(text)))?.code).toBe('upstream_protocol')
  })

  test('the type of a result is what it says, nothing where it says none', () => {
    expect(resultTypeOf(result('{"resultType":"task"}'))).toBe('task')
    expect(resultTypeOf(result('{"resultType":7}'))).toBe('7')
    expect(resultTypeOf(result('{}'))).toBeUndefined()
    const error = readUpstreamMessage(Buffer.from('{"id":1,"error":{"code":1,"message":""}}'))
    expect(resultTypeOf(error)).toBeUndefined()
  })
})

describe('row 31: what a question needs of the caller', () => {
  const questions: readonly (readonly [string, object, object])[] = [
    ['elicitation/create', { mode: 'form' }, { elicitation: { form: {} } }],
    ['elicitation/create', {}, { elicitation: { form: {} } }],
    ['elicitation/create', { mode: 'url' }, { elicitation: { url: {} } }],
    ['sampling/createMessage', {}, { sampling: {} }],
    ['sampling/createMessage', { tools: [] }, { sampling: { tools: {} } }],
    ['roots/list', {}, { roots: {} }],
  ]

  test.each(questions)('%s %j needs %j', (method, params, needed) => {
    const question = { method, params: Buffer.from(JSON.stringify(params)) }
    expect(missingFor(readClientCapabilities(needed), question)).toBeUndefined()
    const without = method === 'sampling/createMessage' && 'tools' in params ? { sampling: {} } : {}
    const other = { elicitation: 'url' in (needed as { elicitation?: object }) ? {} : undefined }
    for (const declared of [without, other]) {
      expect(missingFor(readClientCapabilities(declared), question)).toBeDefined()
    }
  })

  test('nobody can be asked what MCP does not know', () => {
    for (const method of ['tools/call', 'ping', 'constructor']) {
      const all = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} }
      const question = { method, params: undefined }
      expect(missingFor(readClientCapabilities(all), question)).toBeDefined()
      expect(missingFor(NO_CAPABILITIES, question)).toBeDefined()
    }
  })
})
