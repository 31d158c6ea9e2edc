import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { innerCall } from '../../protocol/inner-call.ts'
import { readBody, type RpcRequest } from '../../protocol/jsonrpc.ts'
import { objectText, space, stringText } from './json-text.ts'

const LIMITS = { jsonDepth: 200, metaBytes: 100_000 }

function request(text: string): RpcRequest {
  const body = readBody(Buffer.from(text), LIMITS)
  if (body.batch || body.message.kind !== 'request') throw new Error('no request')
  return body.message
}

function call(params: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`
}

function inner(text: string): string {
  const read = innerCall(request(text))
  if (!read.ok) throw new Error(read.problem)
  return read.request.raw.toString()
}

describe('the call a call speaks of', () => {
  test('is the one that would have been made directly, to the byte', () => {
    const texts = fc.record({
      name: stringText,
      args: fc.option(
        objectText.map(({ text }) => text),
        { nil: undefined },
      ),
      rest: fc.constantFrom('', ',"_meta":{"progressToken":7}', ',"task":{"ttl":1e3}'),
      first: fc.boolean(),
      gap: space,
    })
    fc.assert(
      fc.property(texts, ({ name, args, rest, first, gap }) => {
        const wrap = (own: string, given: string | undefined): string => {
          const named = `"name":${gap}${own}`
          const said = given === undefined ? [named] : [named, `"arguments":${gap}${given}`]
          return call(`{${(first ? said : said.toReversed()).join(',')}${rest}}`)
        }
        const given = args === undefined ? '' : `${gap},"arguments":${args}`
        const outer = wrap('"call_tool"', `{"name":${name}${given}}`)
        const [made, direct] = [request(inner(outer)), request(wrap(name, args))]
        expect(args === undefined || made.raw.equals(direct.raw)).toBe(true)
        expect(JSON.parse(made.raw.toString())).toEqual(JSON.parse(direct.raw.toString()))
        expect(made.paramMembers.map(({ key }) => key)).toEqual(
          direct.paramMembers.map(({ key }) => key),
        )
      }),
    )
  })

  test('takes on whatever else the request says', () => {
    const rest = `"requestState":"s","inputResponses":{"a":{}},"_meta":{"x":1.0}`
    expect(inner(call(`{"name":"call_tool","arguments":{"name":"a__b"},${rest}}`))).toBe(
      call(`{"name":"a__b",${rest}}`),
    )
  })

  test.each([
    ['no arguments', `{"name":"call_tool"}`, '"name" is missing'],
    ['no name', `{"name":"call_tool","arguments":{}}`, '"name" is missing'],
    ['arguments that are a list', `{"name":"call_tool","arguments":["a"]}`, '"name" is missing'],
    ['a name that is none', `{"name":"call_tool","arguments":{"name":7}}`, 'the name of a tool'],
    ['a name twice', `{"name":"call_tool","arguments":{"name":"a","name":"b"}}`, 'twice'],
    [
      'arguments twice',
      `{"name":"call_tool","arguments":{"name":"a","arguments":{},"arguments":{}}}`,
      'twice',
    ],
    [
      'arguments as text',
      `{"name":"call_tool","arguments":{"name":"a","arguments":"{}"}}`,
      'not as text',
    ],
    ['what belongs deeper', `{"name":"call_tool","arguments":{"name":"a","path":"/"}}`, '"path"'],
  ])('is refused with %s', (_, params, words) => {
    const read = innerCall(request(call(params)))
    expect(read).toEqual({ ok: false, problem: expect.stringContaining(words) })
  })
})
