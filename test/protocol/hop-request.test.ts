import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  linkMeta,
  writeHopRequest,
  type HopRequest,
  type LinkMeta,
} from '../../protocol/hop-request.ts'
import { members, memberOf } from '../../protocol/json-bytes.ts'
import { isObject, readBody, type RpcRequest } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { objectText, parse, space, stringText, valueText } from './json-text.ts'

const LIMITS = { jsonDepth: 200, metaBytes: 100_000 }
const TRAIL = { budget: 3, path: ['a', 'b'] }
const MODERN: LinkMeta = linkMeta('2026', { name: 'banyan' }, { roots: {} }, '2026-07-28')
const LEGACY: LinkMeta = linkMeta('2025', { name: 'banyan' }, { roots: {} }, '2025-11-25')

const PER_HOP = [
  META.protocolVersion,
  META.clientCapabilities,
  META.clientInfo,
  META.logLevel,
  META.progressToken,
  META.federation,
]

function request(text: string): RpcRequest {
  const body = readBody(Buffer.from(text), LIMITS)
  if (body.batch || body.message.kind !== 'request') throw new Error('no request')
  return body.message
}

function hop(text: string, link: LinkMeta, more: Partial<HopRequest> = {}): Buffer {
  const source = request(text)
  const target = memberOf(source.paramMembers, 'name')
  if (target === undefined) throw new Error('no name')
  const base = { source, id: 77, target, name: 'upstream "name"', trail: TRAIL }
  return writeHopRequest({ ...base, logLevel: undefined, ...more }, link)
}

function metaOf(text: Buffer): Record<string, unknown> {
  const meta = request(text.toString()).param('_meta')
  if (!isObject(meta)) throw new Error('no _meta')
  return meta
}

/** The text of a value by the keys that lead to it. */
function textAt(bytes: Buffer, ...path: string[]): string | undefined {
  let at = bytes.indexOf('{')
  let end = bytes.length
  for (const key of path) {
    const found = memberOf(members(bytes, at), key)
    if (found === undefined) return undefined
    at = found.start
    end = found.end
  }
  return bytes.toString('utf8', at, end)
}

const ours = new Set<unknown>([...PER_HOP, '__proto__', META.traceparent])
const foreignMeta = objectText.filter(({ entries }) =>
  entries.every(({ key }) => !ours.has(parse(key))),
)
const links = fc.constantFrom(MODERN, LEGACY)

/** A call in any spelling: params in any order, per-hop keys among foreign ones in `_meta`. */
const call = fc
  .record({
    s: space,
    id: fc.oneof(stringText, fc.integer().map(String)),
    args: valueText,
    extra: valueText,
    meta: fc.option(foreignMeta, { nil: undefined }),
    perHop: fc.subarray(PER_HOP),
    perHopValue: valueText,
    order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
  })
  .map(({ s, id, args, extra, meta, perHop, perHopValue, order }) => {
    const kept = meta?.entries.map(({ key, value }) => `${key}${s}:${value}`) ?? []
    const stated = perHop.map((key) => `${JSON.stringify(key)}:${perHopValue}`)
    const parts = [
      `"name":${s}"tool"`,
      `"arguments":${args}`,
      `"vendor":${s}${extra}`,
      meta === undefined ? '"v2":1' : `"_meta":{${s}${[...kept, ...stated].join(`,${s}`)}}`,
    ]
    const params = order.map((index) => parts[index]).join(`${s},`)
    const text = `{"jsonrpc":"2.0",${s}"params":{${params}},"method":"tools/call","id":${id}}`
    return { text, args, extra, meta }
  })

describe('the request for the next hop', () => {
  test('law: arguments and unknown params keep their bytes, id and name are those of the link', () => {
    fc.assert(
      fc.property(call, links, ({ text, args, extra }, link) => {
        const out = hop(text, link)
        expect(textAt(out, 'params', 'arguments')).toBe(args)
        expect(textAt(out, 'params', 'vendor')).toBe(extra)
        const read = request(out.toString())
        expect([read.id, read.method, read.param('name')]).toEqual([
          77,
          'tools/call',
          'upstream "name"',
        ])
      }),
    )
  })

  test('law: without _meta, id and name the params are those that came', () => {
    fc.assert(
      fc.property(call, links, ({ text }, link) => {
        const [params, came] = [hop(text, link).toString(), text].map((one) => {
          const read = request(one)
          const entries = read.paramMembers.map(({ key }) => [key, read.param(key)] as const)
          return Object.fromEntries(entries.filter(([key]) => key !== '_meta' && key !== 'name'))
        })
        expect(params).toEqual(came)
      }),
    )
  })

  test('law: foreign keys of _meta keep their bytes and order, those of the last hop are never passed on', () => {
    fc.assert(
      fc.property(call, links, ({ text, meta }, link) => {
        const out = hop(text, link)
        const entries = meta?.entries ?? []
        const found = members(out, out.indexOf('{', out.indexOf('"_meta"')))
        const foreign = found.filter(({ key }) => !ours.has(key))
        expect(foreign.map(({ start, end }) => out.toString('utf8', start, end))).toEqual(
          entries.map(({ value }) => value),
        )
        const stated = metaOf(out)
        expect(stated[META.federation]).toEqual(TRAIL)
        expect(stated[META.protocolVersion]).toBe(link === '' ? undefined : '2026-07-28')
        expect(stated[META.clientInfo]).toEqual(link === '' ? undefined : { name: 'banyan' })
        expect(stated[META.clientCapabilities]).toEqual(link === '' ? undefined : { roots: {} })
      }),
    )
  })

  test('law: it is one the next node reads', () => {
    fc.assert(
      fc.property(call, links, links, ({ text, args }, first, second) => {
        const out = hop(hop(text, first).toString(), second)
        expect(textAt(out, 'params', 'arguments')).toBe(args)
      }),
    )
  })

  test('numbers that no parser would keep come through', () => {
    const args = '{ "big":123456789012345678901234567890, "one":1.0, "zero":-0, "e":1E+2 }'
    const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${args}}}`
    expect(textAt(hop(text, MODERN), 'params', 'arguments')).toBe(args)
  })
})

function callWith(meta: string): string {
  return `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","_meta":${meta}}}`
}

describe('what the node states for itself', () => {
  test('its own progress token, where the caller gave one', () => {
    for (const link of [MODERN, LEGACY]) {
      expect(metaOf(hop(callWith('{"progressToken":"theirs"}'), link))['progressToken']).toBe(77)
      expect(metaOf(hop(callWith('{}'), link))).not.toHaveProperty('progressToken')
    }
  })

  test('the level of log messages, where the link has it', () => {
    const text = callWith(`{"${META.logLevel}":"debug"}`)
    const more = { logLevel: 'warning' } as const
    expect(metaOf(hop(text, MODERN, more))[META.logLevel]).toBe('warning')
    expect(metaOf(hop(text, LEGACY, more))).not.toHaveProperty([META.logLevel])
    expect(metaOf(hop(text, MODERN))).not.toHaveProperty([META.logLevel])
  })

  test('the trace of the HTTP request, unless _meta has one', () => {
    const stated = metaOf(hop(callWith('{}'), LEGACY, { trace: { traceparent: '00-a"b' } }))
    expect(stated['traceparent']).toBe('00-a"b')
    const own = hop(callWith('{"traceparent":"own"}'), LEGACY, { trace: { traceparent: 'header' } })
    expect(metaOf(own)['traceparent']).toBe('own')
    expect(own.toString()).not.toContain('header')
    expect(metaOf(hop(callWith('{}'), MODERN))).not.toHaveProperty('traceparent')
  })

  test('_meta where the caller sent none', () => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}'
    expect(metaOf(hop(text, LEGACY))).toEqual({ [META.federation]: TRAIL })
    expect(metaOf(hop(callWith('null'), LEGACY))).toEqual({ [META.federation]: TRAIL })
  })
})

describe('what a retry says', () => {
  const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"requestState":"ours","name":"t","inputResponses":{"a":{"x":1.0}},"vendor":1}}`

  test('stays as it is where nothing else is given', () => {
    const params = request(hop(text, MODERN).toString())
    expect(params.param('requestState')).toBe('ours')
    expect(textAt(hop(text, MODERN), 'params', 'inputResponses')).toBe('{"a":{"x":1.0}}')
  })

  test('is replaced to the byte, with the state the upstream gave', () => {
    const state = String.raw`"st\u0061te\/1"`
    const out = hop(text, MODERN, { retry: { inputResponses: '{"a":{}}', requestState: state } })
    expect(textAt(out, 'params', 'requestState')).toBe(state)
    expect(textAt(out, 'params', 'inputResponses')).toBe('{"a":{}}')
    expect(textAt(out, 'params', 'vendor')).toBe('1')
  })

  test('is taken out, also where nothing follows', () => {
    const retry = { inputResponses: '', requestState: '' }
    const bare =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","requestState":"ours"}}'
    for (const one of [text, bare]) {
      const read = request(hop(one, LEGACY, { retry }).toString())
      expect(read.param('requestState')).toBeUndefined()
      expect(read.param('inputResponses')).toBeUndefined()
      expect(read.param('name')).toBe('upstream "name"')
    }
  })

  test('goes with what would make a task of the call, in any order', () => {
    const params = [
      '"requestState":"ours"',
      '"task":{"ttl":1}',
      '"name":"t"',
      '"inputResponses":{}',
    ]
    const shuffles = fc.shuffledSubarray(params, { minLength: params.length })
    fc.assert(
      fc.property(shuffles, fc.boolean(), (order, retried) => {
        const bare = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${order.join()}}}`
        const retry = retried ? { inputResponses: '', requestState: '' } : undefined
        const read = request(hop(bare, LEGACY, { retry, withoutTask: true }).toString())
        expect([read.param('task'), read.param('name')]).toEqual([undefined, 'upstream "name"'])
        expect(read.param('requestState')).toBe(retried ? undefined : 'ours')
        const kept = request(hop(bare, LEGACY, { retry }).toString())
        expect(kept.param('task')).toEqual({ ttl: 1 })
      }),
    )
  })

  test('is put in where the caller, of era 2025, has no such thing', () => {
    const bare = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}'
    const retry = { inputResponses: '{"a":{}}', requestState: '"s"' }
    const read = request(hop(bare, MODERN, { retry }).toString())
    expect([read.param('inputResponses'), read.param('requestState')]).toEqual([{ a: {} }, 's'])
  })
})
