import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FaultCode } from '../../protocol/errors.ts'
import {
  readBody,
  type MessageLimits,
  type RpcBody,
  type RpcMessage,
} from '../../protocol/jsonrpc.ts'
import { faultOf } from './fault.ts'
import { objectText, parse, space, valueText } from './json-text.ts'

const LIMITS: MessageLimits = { jsonDepth: 8, metaBytes: 200 }

function read(text: string | Buffer, limits: MessageLimits = LIMITS): RpcBody {
  return readBody(Buffer.from(text), limits)
}

function one(text: string): RpcMessage {
  const body = read(text)
  if (body.batch) throw new Error('a batch')
  return body.message
}

function refusal(text: string | Buffer, limits?: MessageLimits): FaultCode | 'read' {
  return faultOf(() => read(text, limits))?.code ?? 'read'
}

describe('what a body holds', () => {
  test('a request, a notification, and responses', () => {
    expect(one('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toMatchObject({
      kind: 'request',
      id: 1,
      method: 'ping',
      metaMembers: [],
      paramMembers: [],
    })
    const notification = one('{"jsonrpc":"2.0","method":"n","params":{"a":{"b":1}}}')
    expect(notification).toMatchObject({ kind: 'notification', method: 'n' })
    expect('param' in notification && notification.param('a')).toEqual({ b: 1 })
    expect(one('{"jsonrpc":"2.0","id":"x","result":{}}')).toMatchObject({
      kind: 'response',
      id: 'x',
    })
    expect(one('{"jsonrpc":"2.0","error":{}}')).toMatchObject({ kind: 'response', id: null })
    expect(one('{"jsonrpc":"2.0","id":null,"error":{}}')).toMatchObject({
      kind: 'response',
      id: null,
    })
  })

  test('a batch, each message with its own text', () => {
    const parts = ['{"jsonrpc":"2.0","id":1,"method":"a"}', '{ "jsonrpc":"2.0","method":"b" }']
    const body = read(` [ ${parts.join(' ,\n')} ] `)
    if (!body.batch) throw new Error('no batch')
    expect(body.messages.map(({ raw }) => raw.toString())).toEqual(parts)
    expect(read('[]')).toEqual({ batch: true, messages: [] })
  })

  test('law: params are read and placed as they are written', () => {
    const limits = { jsonDepth: 100, metaBytes: 1_000 }
    fc.assert(
      fc.property(space, objectText, ({ length }, { text, entries }) => {
        const keys = entries.map(({ key }) => parse(key))
        fc.pre(!keys.includes('_meta') && !keys.includes('__proto__'))
        const bytes = Buffer.from(`{"params":${text},"id":${length},"method":"m","jsonrpc":"2.0"}`)
        const body = readBody(bytes, limits)
        if (body.batch || body.message.kind !== 'request') throw new Error('no request')
        const { message } = body
        const { paramMembers, raw } = message
        expect(
          Object.fromEntries(paramMembers.map(({ key }) => [key, message.param(key)])),
        ).toEqual(parse(text))
        expect(paramMembers.map(({ key }) => key)).toEqual(keys)
        expect(paramMembers.map(({ start, end }) => raw.toString('utf8', start, end))).toEqual(
          entries.map(({ value }) => value),
        )
      }),
    )
  })
})

function call(rest: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"m"${rest}}`
}

function deep(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels)
}

function meta(size: number): string {
  return `{"a":"${'x'.repeat(size - 8)}"}`
}

describe('what is refused', () => {
  test.each<[string, string, FaultCode]>([
    ['nothing', '', 'parse_error'],
    ['half an object', '{"jsonrpc":"2.0"', 'parse_error'],
    ['two messages', '{"jsonrpc":"2.0","method":"a"}{}', 'parse_error'],
    ['a byte order mark', `\ufeff${call('')}`, 'parse_error'],
    ['a number', '1', 'invalid_request'],
    ['null', 'null', 'invalid_request'],
    ['a batch of numbers', '[1]', 'invalid_request'],
    ['no jsonrpc', '{"id":1,"method":"m"}', 'invalid_request'],
    ['another jsonrpc', '{"jsonrpc":"1.0","id":1,"method":"m"}', 'invalid_request'],
    ['neither method nor result', '{"jsonrpc":"2.0","id":1}', 'invalid_request'],
    ['a method that is a number', '{"jsonrpc":"2.0","id":1,"method":7}', 'invalid_request'],
    ['an empty method', '{"jsonrpc":"2.0","id":1,"method":""}', 'invalid_request'],
    ['an id of null', '{"jsonrpc":"2.0","id":null,"method":"m"}', 'invalid_request'],
    ['a fraction as id', '{"jsonrpc":"2.0","id":1.5,"method":"m"}', 'invalid_request'],
    [
      'an id beyond 2^53',
      '{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}',
      'invalid_request',
    ],
    ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"m"}', 'invalid_request'],
    ['params that are a list', call(',"params":[]'), 'invalid_request'],
    ['params that are null', call(',"params":null'), 'invalid_request'],
    ['a method twice', call(',"method":"m"'), 'duplicate_member'],
    ['a method twice, spelt in two ways', call(',"\\u006dethod":"n"'), 'duplicate_member'],
    ['a param twice', call(',"params":{"name":"a","n\\u0061me":"b"}'), 'duplicate_member'],
    ['a key of _meta twice', call(',"params":{"_meta":{"a":1,"a":1}}'), 'duplicate_member'],
    ['__proto__ in the message', call(',"__proto__":{"id":2}'), 'invalid_request'],
    ['__proto__ in params', call(',"params":{"__proto__":{"name":"a"}}'), 'invalid_request'],
    ['__proto__ in _meta', call(',"params":{"_meta":{"\\u005f_proto__":{}}}'), 'invalid_request'],
  ])('%s', (_, text, code) => {
    expect(refusal(text)).toBe(code)
  })

  test('what is not UTF-8, whose replacement characters would be another text', () => {
    expect(refusal(Buffer.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')]))).toBe(
      'parse_error',
    )
  })

  test('deep nesting, at the limit and one beyond', () => {
    // The message and its params are two levels.
    expect(refusal(call(`,"params":{"a":${deep(6)}}`))).toBe('read')
    expect(refusal(call(`,"params":{"a":${deep(7)}}`))).toBe('too_deep')
    expect(refusal(call(`,"params":{"_meta":{"a":${deep(5)}}}`))).toBe('read')
    expect(refusal(call(`,"params":{"_meta":{"a":${deep(6)}}}`))).toBe('too_deep')
    expect(refusal(call(`,"else":${deep(7)}`))).toBe('read')
    expect(refusal(`[${call(`,"else":${deep(6)}`)}]`)).toBe('read')
    expect(refusal(`[${call(`,"else":${deep(7)}`)}]`)).toBe('too_deep')
    expect(refusal(deep(100_000))).toBe('too_deep')
  })

  test('a deep _meta is read where the configuration allows it', () => {
    expect(
      refusal(call(`,"params":{"_meta":{"a":${deep(900)}}}`), {
        jsonDepth: 1_000,
        metaBytes: 2_000,
      }),
    ).toBe('read')
  })

  test('a large _meta, at the limit and one beyond', () => {
    expect(refusal(call(`,"params":{"_meta":${meta(200)}}`))).toBe('read')
    expect(refusal(call(`,"params":{"_meta":${meta(201)}}`))).toBe('invalid_request')
  })

  test('a _meta that is no object is left to those who need one and can answer by id', () => {
    for (const value of ['[]', 'null', '"x"']) {
      expect(one(call(`,"params":{"_meta":${value}}`))).toMatchObject({ kind: 'request', id: 1 })
    }
  })

  test('the message of the engine, which quotes the body, goes no further', () => {
    const secret = 'hunter2'
    const fault = faultOf(() => read(`{"password":${secret}}`))
    expect(String(fault)).toContain('not JSON')
    expect(String(fault)).not.toContain(secret)
    expect(fault?.cause).toBeUndefined()
  })
})

test('law: any bytes are read or refused with a Fault', () => {
  const envelope = fc
    .tuple(valueText, valueText, valueText)
    .map(
      ([id, method, params]) =>
        `{"jsonrpc":"2.0","id":${id},"method":${method},"params":${params}}`,
    )
  const texts = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    fc.oneof(valueText, envelope).map((text) => Buffer.from(text)),
    fc.tuple(envelope, fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
      const bytes = Buffer.from(text)
      bytes[at % bytes.length] = byte
      return bytes
    }),
  )
  fc.assert(
    fc.property(texts, (bytes) => {
      expect(refusal(bytes, { jsonDepth: 8, metaBytes: 100 })).toMatch(/^[a-z_]+$/)
    }),
    { numRuns: 500 },
  )
})
