import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import {
  readPage,
  writeListed,
  type Listed,
  type ListedPage,
  type ShownAs,
} from '../../protocol/listing.ts'
import { META } from '../../protocol/meta.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { objectText, parse, space, valueText } from './json-text.ts'

const MAX = 2_000
const ORIGIN = {
  origin: ['acme', 'n', 'docs', 'read'],
  source: 'files',
  namespace: 'docs',
  path: ['n'],
}

function page(result: string | Buffer, bytes = MAX): ListedPage {
  const parts = ['{"id":1,"result":', result, '}'].map((part) => Buffer.from(part))
  return readPage(readUpstreamMessage(Buffer.concat(parts)), 'tool', bytes)
}

function only(tool: string | Buffer): Listed {
  const list = Buffer.concat(['{"tools":[', tool, ']}'].map((part) => Buffer.from(part)))
  const { items, dropped } = page(list, 1_000_000)
  const [found] = items
  if (found === undefined) throw new Error(`dropped: ${dropped[0]?.reason ?? 'nothing there'}`)
  return found
}

const AS_NEW: ShownAs = {
  name: 'new',
  origin: undefined,
  objectOutputOnly: false,
  withoutTasks: false,
  uri: undefined,
}

function shown(tool: string, as: Partial<ShownAs> = {}): Record<string, unknown> {
  const text = writeListed(only(tool), { ...AS_NEW, ...as })
  return parse(text) as Record<string, unknown>
}

const upstreamFault = expect.objectContaining({ code: 'upstream_protocol' }) as Error

describe('a page', () => {
  test('tools in order, with what is said of the list', () => {
    const read = page(
      '{"tools":[{"name":"b","inputSchema":{}},{"name":"a","inputSchema":{}}],"nextCursor":"","ttlMs":1500.7,"cacheScope":"public"}',
    )
    expect(read.items.map(({ name }) => name)).toEqual(['b', 'a'])
    expect(read).toMatchObject({ dropped: [], nextCursor: '', ttlMs: 1500, cacheScope: 'public' })
  })

  test.each([
    '{"tools":[]}',
    '{"tools":[],"nextCursor":null,"ttlMs":null,"cacheScope":null}',
    '{"tools":[],"nextCursor":7,"ttlMs":-1,"cacheScope":"PUBLIC"}',
    '{"tools":[],"ttlMs":"5"}',
  ])('%s: no cursor, no ttl, private', (text) => {
    expect(page(text)).toEqual({
      items: [],
      dropped: [],
      nextCursor: undefined,
      ttlMs: undefined,
      cacheScope: 'private',
    })
  })

  test.each([
    'null',
    '[]',
    '{}',
    '{"tools":{}}',
    '{"tools":null}',
    '{"tools":[1 2]}',
    '{"tools":[{"name":tru}]}',
    '{"tools":[],"ttlMs":1x}',
  ])('%s is a fault of the upstream', (result) => {
    expect(() => page(result)).toThrow(upstreamFault)
  })

  const good = '{"name":"good","inputSchema":{}}'

  test.each<[string, string | Buffer, string]>([
    ['a number', '7', ''],
    ['no name', '{"inputSchema":{}}', ''],
    ['an empty name', '{"name":"","inputSchema":{}}', ''],
    ['a name that is a list', '{"name":["a"],"inputSchema":{}}', ''],
    ['no schema', '{"name":"t"}', 't'],
    ['a schema that is a boolean', '{"name":"t","inputSchema":true}', 't'],
    ['too large', `{"name":"t","inputSchema":{},"x":"${'x'.repeat(MAX)}"}`, 't'],
    ['a name twice', '{"name":"x","inputSchema":{},"n\\u0061me":"t"}', 't'],
    ['_meta twice', '{"name":"t","inputSchema":{},"_meta":{},"_meta":{}}', 't'],
    [
      'a key of _meta twice',
      `{"name":"t","inputSchema":{},"_meta":{"${META.federation}":1,"${META.federation}":2}}`,
      't',
    ],
    ['no UTF-8', Buffer.from('{"name":"t","inputSchema":{},"x":"\u00ff"}', 'latin1'), 't'],
  ])('%s: that tool is left out and named, the others stay', (_, tool, name) => {
    const list = [good, ',', tool, ',', good.replace('good', 'last')].map((part) =>
      Buffer.from(part),
    )
    const read = page(Buffer.concat([Buffer.from('{"tools":['), ...list, Buffer.from(']}')]))
    expect(read.items.map((one) => one.name)).toEqual(['good', 'last'])
    expect(read.dropped).toEqual([{ name, reason: expect.stringMatching(/./) as string }])
  })

  test('a tool of exactly the size that is allowed stays', () => {
    expect(page(`{"tools":[${good}]}`, good.length).items).toHaveLength(1)
    expect(page(`{"tools":[${good}]}`, good.length - 1).items).toHaveLength(0)
  })
})

function marked(type: string): string {
  return `{"name":"a","inputSchema":{"properties":{"r":{"type":"${type}","x-mcp-header":"R"}}}}`
}

describe('a tool', () => {
  test('its text is a copy, so that the page can be forgotten', () => {
    const raw = Buffer.from('{"id":1,"result":{"tools":[{"name":"a","inputSchema":{}}]}}')
    const [tool] = readPage(readUpstreamMessage(raw), 'tool', MAX).items
    raw.fill(0)
    expect(tool?.text.toString()).toBe('{"name":"a","inputSchema":{}}')
  })

  test('mirrored headers, or why it must not be published', () => {
    expect(only(marked('string'))).toMatchObject({
      paramHeaders: [{ header: 'R', path: ['r'], type: 'string' }],
      unpublishable: undefined,
    })
    const broken = only(marked('number'))
    expect(broken.paramHeaders).toEqual([])
    expect(broken.unpublishable).toContain('no string, integer or boolean')
  })

  test('where it lives, if it says so', () => {
    const meta = JSON.stringify({ [META.federation]: ORIGIN })
    expect(only(`{"name":"a","inputSchema":{},"_meta":${meta}}`).origin).toMatchObject({
      path: ['n'],
    })
    expect(only('{"name":"a","inputSchema":{},"_meta":null}').origin).toBeUndefined()
    expect(
      only(`{"name":"a","inputSchema":{},"_meta":{"${META.federation}":{}}}`).origin,
    ).toBeUndefined()
  })

  test.each([
    ['{"type":"object"}', false],
    ['{"type":"array"}', true],
    ['{"type":["object","null"]}', true],
    ['{}', true],
    ['true', true],
  ])('whether output %s may be no object: %s', (schema, loose) => {
    expect(only(`{"name":"a","inputSchema":{},"outputSchema":${schema}}`).looseOutput).toBe(loose)
    expect(only('{"name":"a","inputSchema":{}}').looseOutput).toBe(false)
  })
})

const spoken = new Set<unknown>(['name', 'inputSchema', 'outputSchema', '_meta'])
const plain = objectText.filter(({ entries }) =>
  entries.every(({ key }) => !spoken.has(parse(key))),
)
const foreignMeta = objectText.filter(({ entries }) =>
  entries.every(({ key }) => parse(key) !== META.federation),
)

/** A tool in any spelling and order of members. */
const tools = fc
  .record({
    s: space,
    rest: plain,
    schema: objectText.filter(({ text }) => !text.includes('x-mcp-header')),
    output: fc.option(fc.constantFrom('{"type":"object"}', '{"type":"array"}', '[]'), {
      nil: undefined,
    }),
    meta: fc.option(foreignMeta, { nil: undefined }),
    theirs: fc.boolean(),
    seed: fc.array(fc.nat(), { minLength: 9, maxLength: 9 }),
  })
  .map(({ s, rest, schema, output, meta, theirs, seed }) => {
    const kept = rest.entries.map(({ key, value }) => `${key}${s}:${value}`)
    const inner = meta?.entries.map(({ key, value }) => `${key}:${s}${value}`) ?? []
    if (theirs)
      inner.splice((seed[0] ?? 0) % (inner.length + 1), 0, `"${META.federation}":${s}{"old":1}`)
    const parts = [...kept, `"name"${s}:"old"`, `"inputSchema":${schema.text}`]
    if (output !== undefined) parts.push(`"outputSchema":${s}${output}`)
    if (meta !== undefined || theirs) parts.push(`"_meta":{${s}${inner.join(',')}${s}}`)
    const shuffled = parts.toSorted((a, b) => (seed[a.length % 9] ?? 0) - (seed[b.length % 9] ?? 0))
    return { text: `{${s}${shuffled.join(`${s},`)}${s}}`, rest, schema, meta, output }
  })
const as = fc.record({
  name: fc.string({ minLength: 1 }),
  origin: fc.constantFrom(undefined, JSON.stringify(ORIGIN)),
  objectOutputOnly: fc.boolean(),
  withoutTasks: fc.boolean(),
  uri: fc.constant(undefined),
})

function values(text: Buffer, at: number): [string, string][] {
  return members(text, at).map(({ key, start, end }) => [key, text.toString('utf8', start, end)])
}

describe('a tool as it is shown', () => {
  test('law: unknown members, schema and foreign _meta keep their bytes', () => {
    fc.assert(
      fc.property(tools, as, ({ text, rest, schema, meta }, style) => {
        const out = writeListed(only(text), style)
        const found = values(out, 0)
        const kept = found.filter(([key]) => !spoken.has(key)).map(([, value]) => value)
        expect(kept.toSorted()).toEqual(rest.entries.map(({ value }) => value).toSorted())
        expect(found.find(([key]) => key === 'inputSchema')?.[1]).toBe(schema.text)
        const place = memberOf(members(out, 0), '_meta')?.start
        const inside = place === undefined ? [] : values(out, place)
        expect(inside.filter(([key]) => key !== META.federation).map(([, value]) => value)).toEqual(
          meta?.entries.map(({ value }) => value) ?? [],
        )
      }),
      { numRuns: 300 },
    )
  })

  test('law: name, origin and output are those asked for, and nothing stands there twice', () => {
    fc.assert(
      fc.property(tools, as, ({ text, output }, style) => {
        const out = writeListed(only(text), style)
        const keys = members(out, 0).map(({ key }) => key)
        expect(new Set(keys).size).toBe(keys.length)
        const { name, outputSchema, _meta: meta } = parse(out) as Record<string, unknown>
        expect(name).toBe(style.name)
        const told = (meta as Record<string, unknown> | undefined)?.[META.federation]
        expect(told).toEqual(style.origin === undefined ? undefined : ORIGIN)
        const expressible = output?.includes('object') === true || !style.objectOutputOnly
        expect(outputSchema).toEqual(
          output === undefined || !expressible ? undefined : parse(output),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('law: what one node says is what the next one reads', () => {
    fc.assert(
      fc.property(tools, as, ({ text }, style) => {
        const tool = only(text)
        const again = only(writeListed(tool, style))
        expect(again.origin?.path).toEqual(style.origin === undefined ? undefined : ['n'])
        expect(again.name).toBe(style.name)
        expect(again.paramHeaders).toEqual(tool.paramHeaders)
      }),
    )
  })

  test('a tool that needs no change but its name keeps every byte', () => {
    const text = '{ "title":"é", "name" : "old", "inputSchema":{ }, "n":1.0 }'
    const out = writeListed(only(text), { ...AS_NEW, objectOutputOnly: true })
    expect(out.toString()).toBe(text.replace('"old"', '"new"'))
  })

  test('_meta and output schema side by side at the end, both gone', () => {
    const meta = `"_meta":{"${META.federation}":{}}`
    const output = '"outputSchema":{"type":"array"}'
    for (const both of [`${meta},${output}`, `${output} , ${meta}`]) {
      const text = `{"name":"a","inputSchema":{},${both}}`
      expect(shown(text, { objectOutputOnly: true })).toEqual({ name: 'new', inputSchema: {} })
    }
  })

  test('how a tool is called as a task is left out for those who cannot', () => {
    const execution = '"execution":{"taskSupport":"required"}'
    const text = `{"name":"a",${execution},"inputSchema":{}}`
    expect(shown(text)).toEqual({
      name: 'new',
      inputSchema: {},
      execution: { taskSupport: 'required' },
    })
    expect(shown(text, { withoutTasks: true })).toEqual({ name: 'new', inputSchema: {} })
  })

  test('_meta of null becomes ours where we have something to say', () => {
    const text = '{"name":"a","inputSchema":{},"_meta":null}'
    expect(shown(text)).toEqual({ name: 'new', inputSchema: {}, _meta: null })
    expect(shown(text, { origin: '1' })['_meta']).toEqual({ [META.federation]: 1 })
  })

  test('law: a description of any JSON survives as text', () => {
    fc.assert(
      fc.property(valueText, (value) => {
        const tool = only(`{"name":"a","description":${value},"inputSchema":{}}`)
        const out = writeListed(tool, { ...AS_NEW, name: 'b' })
        expect(out.toString()).toBe(`{"name":"b","description":${value},"inputSchema":{}}`)
      }),
    )
  })
})
