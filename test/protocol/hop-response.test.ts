import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  writeError,
  writeHopProgress,
  writeHopResponse,
  writeNotification,
  writeResult,
  type ResponseFrame,
} from '../../protocol/hop-response.ts'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import type { RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { objectText, parse, space, stringText, valueText } from './json-text.ts'

const SERVER_INFO = '{"name":"edge"}'

function hop(
  text: string,
  frame: Partial<ResponseFrame> = {},
): { text: string; errorCode?: number | undefined } {
  const whole = { callerId: 5, callerEra: '2026', serverInfo: SERVER_INFO, ...frame } as const
  const written = writeHopResponse(readUpstreamMessage(Buffer.from(text)), whole)
  return { ...written, text: written.text.toString() }
}

function result(text: string, era: '2025' | '2026'): unknown {
  const { result: value } = parse(hop(`{"id":1,"result":${text}}`, { callerEra: era }).text) as {
    result: unknown
  }
  return value
}

const upstreamFault = expect.objectContaining({ code: 'upstream_protocol' }) as Error

const ids: fc.Arbitrary<RpcId> = fc.oneof(fc.string(), fc.maxSafeInteger())
const spoken = new Set(['_meta', 'resultType', 'structuredContent'])
const plainResult = objectText.filter(({ entries }) =>
  entries.every(({ key }) => !spoken.has(String(parse(key)))),
)

/** A result in any spelling and order, with any of the members a hop looks at. */
const results = fc
  .record({
    s: space,
    plain: plainResult,
    meta: fc.option(
      fc.oneof(
        objectText.map(({ text }) => text),
        fc.constantFrom('null', '[]'),
      ),
      { nil: undefined },
    ),
    theirs: fc.boolean(),
    type: fc.boolean(),
    structured: fc.option(valueText, { nil: undefined }),
    seed: fc.array(fc.nat(), { minLength: 9, maxLength: 9 }),
  })
  .map(({ s, plain, meta, theirs, type, structured, seed }) => {
    const parts = plain.entries.map(({ key, value }) => `${key}${s}:${value}`)
    const info = `"${META.serverInfo}":${s}{"name":"theirs"}`
    const inner = meta?.startsWith('{') === true ? meta.slice(1, -1).trim() : ''
    const withInfo = theirs
      ? `{${s}${[info, inner].filter((text) => text !== '').join(',')}}`
      : meta
    if (withInfo !== undefined) parts.push(`"_meta":${s}${withInfo}`)
    if (type) parts.push(`"resultType":"complete"`)
    if (structured !== undefined) parts.push(`"structuredContent"${s}:${structured}`)
    const shuffled = parts.toSorted((a, b) => (seed[a.length % 9] ?? 0) - (seed[b.length % 9] ?? 0))
    return { text: `{${s}${shuffled.join(`${s},`)}}`, structured }
  })

type Result = Record<string, unknown>

/** What a result must be for the caller, by parsing, editing and writing. */
function expected(text: string, era: '2025' | '2026'): Result {
  const value = parse(text) as Result
  const { _meta: meta } = value
  const isObject = typeof meta === 'object' && meta !== null && !Array.isArray(meta)
  if (era === '2026') {
    const own = { [META.serverInfo]: parse(SERVER_INFO) }
    return { ...value, resultType: 'complete', _meta: isObject ? { ...meta, ...own } : own }
  }
  if (isObject && Object.hasOwn(meta, META.serverInfo)) {
    const { [META.serverInfo]: _, ...rest } = meta as Result
    if (Object.keys(rest).length > 0) value['_meta'] = rest
    else delete value['_meta']
  }
  const { structuredContent: content } = value
  const loose = typeof content !== 'object' || content === null || Array.isArray(content)
  if (Object.hasOwn(value, 'structuredContent') && loose)
    value['structuredContent'] = { result: content }
  return value
}

describe('a result for the caller', () => {
  test.each(['2025', '2026'] as const)(
    'law: era %s gets it as parse, edit, stringify would have it',
    (era) => {
      fc.assert(
        fc.property(results, ids, ({ text }, callerId) => {
          fc.pre(!text.includes('__proto__'))
          const out = hop(`{"jsonrpc":"2.0","result":${text},"id":77}`, {
            callerId,
            callerEra: era,
          })
          const wanted = { jsonrpc: '2.0', result: expected(text, era), id: callerId }
          expect(out.errorCode).toBeUndefined()
          expect(isDeepStrictEqual(parse(out.text), wanted)).toBe(true)
        }),
        { numRuns: 300 },
      )
    },
  )

  test('law: what a hop does not look at keeps its bytes and its order, over any number of hops', () => {
    fc.assert(
      fc.property(
        plainResult,
        fc.array(fc.constantFrom('2025', '2026'), { maxLength: 4 }),
        (plain, eras) => {
          let text = `{"id":1,"result":${plain.text}}`
          for (const callerEra of eras) text = hop(text, { callerEra }).text
          const bytes = Buffer.from(text)
          const start = memberOf(members(bytes, 0), 'result')?.start ?? -1
          const kept = members(bytes, start).filter(({ key }) => !spoken.has(key))
          expect(kept.map((at) => bytes.toString('utf8', at.start, at.end))).toEqual(
            plain.entries.map(({ value }) => value),
          )
        },
      ),
    )
  })

  test('a result that needs no change but its id keeps every byte', () => {
    const text = '{ "result" : { "content":[ ],"n":1.0 } , "id" : 77 }'
    expect(hop(text, { callerEra: '2025', callerId: 'a' }).text).toBe(text.replace('77', '"a"'))
  })

  test('structured content that is no object is kept under "result" for era 2025', () => {
    expect(result('{"structuredContent":[1]}', '2025')).toEqual({
      structuredContent: { result: [1] },
    })
    expect(result('{"structuredContent":[1]}', '2026')).toMatchObject({ structuredContent: [1] })
    expect(result('{"structuredContent":{"a":1}}', '2025')).toEqual({ structuredContent: { a: 1 } })
  })

  test('wrapped content just before a _meta that goes', () => {
    const meta = `"_meta":{"${META.serverInfo}":{}}`
    expect(result(`{"structuredContent":[1],${meta}}`, '2025')).toEqual({
      structuredContent: { result: [1] },
    })
    expect(result(`{${meta},"structuredContent":[1]}`, '2025')).toEqual({
      structuredContent: { result: [1] },
    })
  })

  test('_meta of null, as some servers write it, becomes ours for era 2026 and stays for 2025', () => {
    const own = { [META.serverInfo]: { name: 'edge' } }
    expect(result('{"_meta":null}', '2026')).toEqual({ resultType: 'complete', _meta: own })
    expect(result('{"_meta":null}', '2025')).toEqual({ _meta: null })
  })

  test.each([
    ['no result and no error', '{"id":1}'],
    ['a result that is a list', '{"id":1,"result":[]}'],
    ['a result that is null', '{"id":1,"result":null}'],
    ['a request for input', '{"id":1,"result":{"resultType":"input_required"}}'],
    ['a task', '{"id":1,"result":{"resultType":"task"}}'],
    ['a type that is null', '{"id":1,"result":{"resultType":null}}'],
    ['a malformed error', '{"id":1,"error":"no"}'],
  ])('%s is a fault of the upstream', (_, text) => {
    expect(() => hop(text)).toThrow(upstreamFault)
    expect(() => hop(text, { callerEra: '2025' })).toThrow(upstreamFault)
  })
})

describe('an error for the caller', () => {
  test('law: code, data and unknown members keep their bytes', () => {
    fc.assert(
      fc.property(fc.integer(), valueText, stringText, ids, (code, data, message, callerId) => {
        const error = `{ "code":${code},"data" : ${data},"message":${message},"x":1.0}`
        const out = hop(`{"id":77,"error":${error}}`, { callerId })
        expect(out.errorCode).toBe(code)
        expect(out.text).toBe(`{"id":${JSON.stringify(callerId)},"error":${error}}`)
      }),
    )
  })

  test('one without an id gets the id of the caller', () => {
    const error = '{"code":-32700,"message":""}'
    expect(hop(` {"error":${error}}`).text).toBe(` {"id":5,"error":${error}}`)
    expect(hop(`{"id":null,"error":${error}}`).text).toBe(`{"id":5,"error":${error}}`)
  })
})

describe('progress for the caller', () => {
  test('law: only the token changes', () => {
    fc.assert(
      fc.property(objectText, ids, space, ({ entries }, token, s) => {
        fc.pre(entries.every(({ key }) => parse(key) !== 'progressToken'))
        const rest = entries.map(({ key, value }) => `,${s}${key}:${value}`).join('')
        const text = (value: string): string =>
          `{"method":"notifications/progress","params":{"progressToken":${value}${rest}}}`
        const message = readUpstreamMessage(Buffer.from(text('77')))
        expect(writeHopProgress(message, token).toString()).toBe(text(JSON.stringify(token)))
      }),
    )
  })

  test.each(['{"method":"p"}', '{"method":"p","params":[]}', '{"method":"p","params":{}}'])(
    '%s has no token',
    (text) => {
      expect(() => writeHopProgress(readUpstreamMessage(Buffer.from(text)), 1)).toThrow(
        upstreamFault,
      )
    },
  )
})

test('messages of the node itself', () => {
  const texts = [
    writeResult('a"b', '{}'),
    writeError(null, { code: 1, message: 'no' }),
    writeNotification('n'),
    writeNotification('n', { a: 1 }),
  ]
  expect(texts.map(String)).toEqual([
    '{"jsonrpc":"2.0","id":"a\\"b","result":{}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no"}}',
    '{"jsonrpc":"2.0","method":"n"}',
    '{"jsonrpc":"2.0","method":"n","params":{"a":1}}',
  ])
})
