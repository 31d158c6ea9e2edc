import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { members } from '../../protocol/json-bytes.ts'
import {
  isResponse,
  readError,
  readParams,
  readResult,
  readUpstreamMessage,
  type UpstreamMessage,
} from '../../protocol/upstream-message.ts'
import { faultOf } from './fault.ts'
import { objectText, parse, space } from './json-text.ts'

function read(text: string | Buffer): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(text))
}

const upstreamFault = expect.objectContaining({ name: 'Fault', code: 'upstream_protocol' }) as Error

describe('the envelope', () => {
  test.each([
    ['{"id":1,"result":{}}', 1, undefined],
    ['{"id":"a","error":{}}', 'a', undefined],
    ['{"id":null,"error":{}}', null, undefined],
    ['{"method":"notifications/x"}', undefined, 'notifications/x'],
    [' {"\\u0069d":7,"method":"ping"}', 7, 'ping'],
    ['{}', undefined, undefined],
  ])('%s', (text, id, method) => {
    const message = read(text)
    expect(message).toMatchObject({ id, method })
    expect(isResponse(message)).toBe(method === undefined)
  })

  test.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['a word', 'hello'],
    ['half a message', '{"id":1,'],
    ['an id that is an object', '{"id":{}}'],
    ['a method that is a number', '{"method":1}'],
    ['an id that is not JSON', '{"id":01x}'],
    ['a key that is not JSON', '{"\\q":1}'],
    ['deeper than is taken', `{"result":${'['.repeat(600)}${']'.repeat(600)}}`],
  ])('%s is refused', (_, text) => {
    expect(() => read(text)).toThrow(upstreamFault)
  })

  test.each(['{}{}', '{},{"id":1,"result":{}}', '{"id":1}\n\ndata: {}', '{"id":1}]'])(
    '%j is refused: what stands behind a message would be taken for another one',
    (text) => {
      expect(() => read(text)).toThrow(upstreamFault)
    },
  )

  test('law: any object in any spelling is read, white space behind it left out', () => {
    fc.assert(
      fc.property(space, objectText, space, (before, { text, entries }, after) => {
        const keys = entries.map(({ key }) => parse(key))
        fc.pre(!keys.includes('id') && !keys.includes('method'))
        const message = read(before + text + after)
        expect(message.raw.toString()).toBe(before + text)
        expect(message.members.map(({ key }) => key)).toEqual(keys)
      }),
    )
  })

  test('law: any bytes are read or refused with a Fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), objectText, fc.nat(), (array, object, at) => {
        const bytes = Buffer.from(object.text)
        bytes[at % bytes.length] = at % 251
        for (const text of [Buffer.from(array), bytes]) {
          let count = 0
          const fault = faultOf(() => {
            const { raw, members: list } = readUpstreamMessage(text)
            count = members(raw, raw.indexOf('{')).length - list.length
          })
          expect([undefined, 'upstream_protocol']).toContain(fault?.code)
          expect(count).toBe(0)
        }
      }),
    )
  })
})

describe('what it says', () => {
  test('a result or an error', () => {
    expect(readResult(read('{"id":1,"result":{"a":1}}'))).toEqual({ result: { a: 1 } })
    const error = { code: -32000, message: 'no', data: [1] }
    expect(readResult(read(JSON.stringify({ id: 1, error })))).toEqual({ error })
    expect(readError(read('{"id":1,"result":{}}'))).toBeUndefined()
  })

  test('an error without words has none, and keeps what else it says', () => {
    expect(readError(read('{"id":1,"error":{"code":1,"hint":"x"}}'))).toEqual({
      code: 1,
      message: '',
      hint: 'x',
    })
  })

  test.each([
    '{"id":1}',
    '{"id":1,"result":[]}',
    '{"id":1,"result":{"a":tru}}',
    '{"id":1,"error":7}',
    '{"id":1,"error":{"code":"1"}}',
  ])('%s makes no sense', (text) => {
    expect(() => readResult(read(text))).toThrow(upstreamFault)
  })

  test('params, none if they are no object', () => {
    expect(readParams(read('{"method":"m","params":{"a":1}}'))).toEqual({ a: 1 })
    expect(readParams(read('{"method":"m","params":[1]}'))).toEqual({})
    expect(readParams(read('{"method":"m"}'))).toEqual({})
    expect(() => readParams(read('{"method":"m","params":{x}}'))).toThrow(upstreamFault)
  })
})
