// What nodes do to results and descriptions on the way leaves what was signed as it was; anything else does not.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { urisFrom } from '../../../node/hop/uri-map.ts'
import type { Candidate, Entry } from '../../../node/core/stages.ts'
import { writeHopResponse } from '../../../protocol/hop-response.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { readPage, writeListed, type Listed } from '../../../protocol/listing.ts'
import { META } from '../../../protocol/meta.ts'
import { writeOrigin } from '../../../protocol/names.ts'
import { descriptorDigests, isDescribed } from '../../../protocol/provenance/descriptor-form.ts'
import { argumentsDigest, resultDigest } from '../../../protocol/provenance/result-form.ts'
import { resultUriEdits } from '../../../protocol/result-uris.ts'
import type { Era } from '../../../protocol/revisions.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import { exposeUri, type UriHome } from '../../../protocol/uris.ts'
import { valueText, parse } from '../json-text.ts'

const HOME: UriHome = { organisation: 'globex', node: 'c', namespace: 'fx', source: 'files' }
const ID = { organisation: 'globex', node: 'c', namespace: 'fx', name: 'read' }

/** A node on the way, the origin first. */
interface Hop {
  readonly names: 'prefixed' | 'plain'
  /** Of the link to whoever asks it. */
  readonly era: Era
}

const hop: fc.Arbitrary<Hop> = fc.record({
  names: fc.constantFrom('prefixed', 'plain'),
  era: fc.constantFrom('2025', '2026'),
})
const chain = fc.array(hop, { minLength: 1, maxLength: 5 })

/** How a node shows URIs of what comes from the one behind it; the origin has a server behind it. */
function mapOf({ names }: Hop, behind: Hop | undefined): ((uri: string) => string) | undefined {
  const candidate: Candidate = { upstream: 'x', name: 'read', imported: behind !== undefined }
  const entry = { kind: 'tool', name: 'fx__read', id: ID, source: HOME.source } as unknown as Entry
  const uris = behind?.names === 'plain' ? ('plain' as const) : ('exposed' as const)
  const peer = { version: 1, node: 'b', organisation: 'm', name: 'b', uris }
  return urisFrom(names, { entry, candidate }, behind === undefined ? undefined : peer)
}

/** The response as the next one on the way gets it. */
function passOn(
  message: UpstreamMessage,
  { era }: Hop,
  map: ReturnType<typeof mapOf>,
): UpstreamMessage {
  const { text } = writeHopResponse(message, {
    callerId: 7,
    callerEra: era,
    serverInfo: '{"name":"node"}',
    edits: map === undefined ? [] : resultUriEdits('tools/call', message, map),
  })
  return readUpstreamMessage(Buffer.concat(text))
}

const anyUri = fc.oneof(
  fc.constantFrom('note://a/b', 'file:///etc/hosts', 'https://x.example/?q=1', 'test:odd uri', ''),
  // A server may say what looks like the URI of a node, its own or another.
  fc.constantFrom(exposeUri(HOME, 'note://a'), exposeUri({ ...HOME, node: 'd' }, 'note://b')),
)

const block: fc.Arbitrary<object> = fc.oneof(
  fc.record({ type: fc.constant('text'), text: fc.string() }),
  fc.record({ type: fc.constant('image'), data: fc.base64String(), mimeType: fc.constant('a/b') }),
  fc.record({ type: fc.constant('resource_link'), uri: anyUri, name: fc.string() }),
  fc.record({
    type: fc.constant('resource'),
    resource: fc.record({ uri: anyUri, text: fc.string() }),
    annotations: fc.record({ priority: fc.double({ noNaN: true }) }),
  }),
)

/** A member with a comma before it, or nothing. */
function member(key: string, text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.option(
    text.map((value) => `,"${key}":${value}`),
    { nil: '' },
  )
}

/** Odd values as text: numbers no double holds among them. */
const sound = valueText.filter((text) => !/\\u[dD][89a-fA-F]/.test(text))

/** The text of a result as a server may write it. */
const resultText: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(block, { maxLength: 3 }).map((content) => JSON.stringify(content)),
    member('structuredContent', sound),
    member('isError', fc.constantFrom('true', 'false')),
    member('vendor', sound),
    member('_meta', fc.constantFrom('{}', '{"a":1}', '{"ui":{"resourceUri":"ui://x"}}')),
  )
  .map(([content, ...more]) => `{"content":${content}${more.join('')}}`)

function answer(result: string): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result}}`))
}

/** What is signed at the origin, and what stands on each link behind it, the outermost last. */
function sent(result: string, hops: readonly Hop[]): { digest: string; seen: UpstreamMessage[] } {
  const [origin] = hops as [Hop, ...Hop[]]
  const map = mapOf(origin, undefined)
  const digest = resultDigest(answer(result), HOME, map)
  const seen: UpstreamMessage[] = [passOn(answer(result), origin, map)]
  hops.slice(1).forEach((one, index) => {
    seen.push(passOn(seen.at(-1) ?? answer(result), one, mapOf(one, hops[index])))
  })
  return { digest, seen }
}

/** Every place in a JSON value, and a change of it. */
function changed(value: unknown, path: readonly number[], instead: unknown): unknown {
  const [step = 0, ...rest] = path
  if (typeof value !== 'object' || value === null) return instead
  const keys = Object.keys(value)
  const key = keys[step % (keys.length + 1)]
  if (key === undefined)
    return Array.isArray(value) ? [...value, instead] : { ...value, added: instead }
  if (rest.length === 0 && step % 3 === 0) {
    return Array.isArray(value)
      ? value.filter((_, index) => index !== Number(key))
      : Object.fromEntries(Object.entries(value).filter(([other]) => other !== key))
  }
  const inner = changed((value as JsonObject)[key], rest, instead)
  return Array.isArray(value)
    ? value.map((item, index) => (index === Number(key) ? inner : (item as unknown)))
    : { ...value, [key]: inner }
}

describe('the digest of a result', () => {
  test('is the same at every node on the way, whatever eras and names they have', () => {
    fc.assert(
      fc.property(resultText, chain, (result, hops) => {
        const { digest, seen } = sent(result, hops)
        for (const message of seen) expect(resultDigest(message, HOME)).toBe(digest)
      }),
      { numRuns: 300 },
    )
  })

  test('is another one after any one change on the way', () => {
    const change = fc.tuple(fc.array(fc.nat(12), { minLength: 1, maxLength: 5 }), fc.uuid())
    const plan = fc.tuple(resultText, chain, fc.nat(4), change)
    fc.assert(
      fc.property(plan, ([result, hops, at, [path, instead]]) => {
        const { digest, seen } = sent(result, hops)
        const message = seen[at % seen.length] ?? answer(result)
        const whole = parse(message.raw) as { result: JsonObject }
        const { _meta: __, resultType: ___, ...covered } = whole.result
        const after = changed(covered, path, instead) as JsonObject
        if (JSON.stringify(after) === JSON.stringify(covered)) return
        const lie = answer(JSON.stringify({ ...after, _meta: whole.result['_meta'] }))
        expect(resultDigest(lie, HOME)).not.toBe(digest)
      }),
      { numRuns: 500 },
    )
  })

  test('sees what a parser would not: the last digit of a large number', () => {
    const before = answer('{"content":[],"structuredContent":{"id":9007199254740993}}')
    const after = answer('{"content":[],"structuredContent":{"id":9007199254740992}}')
    expect(resultDigest(before, HOME)).not.toBe(resultDigest(after, HOME))
  })

  test('does not see how the text is written', () => {
    const a = answer(
      '{"content":[{"type":"text","text":"é/\\n"}],"structuredContent":{"a":1.50,"b":1e2}}',
    )
    const b = answer(
      '{ "structuredContent" : {"b":100,"a":1.5}, "content":[ {"text":"\\u00e9\\/\\u000a","type":"text"} ], "resultType":"complete" }',
    )
    expect(resultDigest(a, HOME)).toBe(resultDigest(b, HOME))
  })

  test('depends on whose URIs they are', () => {
    const link = answer('{"content":[{"type":"resource_link","uri":"note://a","name":"a"}]}')
    expect(resultDigest(link, HOME)).not.toBe(resultDigest(link, { ...HOME, source: 'other' }))
  })

  test.each([
    ['a member twice', '{"content":[],"content":[{"type":"text","text":"x"}]}'],
    ['a member twice in structured content', '{"content":[],"structuredContent":{"a":1,"a":2}}'],
    ['half a character', '{"content":[{"type":"text","text":"\\ud800"}]}'],
    ['an endless exponent', '{"content":[],"structuredContent":{"a":1e9999999999}}'],
  ])('there is none for %s', (_, result) => {
    expect(() => resultDigest(answer(result), HOME)).toThrow('JSON')
  })
})

function digestOf(text: string): string {
  const raw = Buffer.from(text)
  return argumentsDigest(raw, { key: 'arguments', keyStart: 0, start: 0, end: raw.length })
}

describe('the digest of arguments', () => {
  test('of none is that of an empty object', () => {
    expect(argumentsDigest(Buffer.alloc(0), undefined)).toBe(digestOf('{ }'))
  })

  test('changes with any change', () => {
    fc.assert(
      fc.property(
        fc.object(),
        fc.array(fc.nat(9), { minLength: 1 }),
        fc.uuid(),
        (args, path, id) => {
          const before = parse(JSON.stringify(args))
          const after = changed(before, path, id)
          if (JSON.stringify(after) === JSON.stringify(before)) return
          fc.pre(!/\\ud[89a-f]/.test(JSON.stringify([before, after])))
          expect(digestOf(JSON.stringify(after))).not.toBe(digestOf(JSON.stringify(before)))
        },
      ),
    )
  })
})

/** Tools as a server may list them. */
const toolText: fc.Arbitrary<string> = fc
  .tuple(
    member('title', fc.constant('"T"')),
    member(
      'description',
      sound.filter((text) => text.startsWith('"')),
    ),
    member('outputSchema', fc.constantFrom('{"type":"object"}', '{"type":"array"}', '{}')),
    member('annotations', fc.constant('{"readOnlyHint":true}')),
    member('execution', fc.constant('{"taskSupport":"optional"}')),
    member('vendor', sound),
    member('_meta', fc.constantFrom('{}', '{"ui":{"resourceUri":"ui://x"}}', '{"a":1}')),
  )
  .map((more) => `{"name":"read","inputSchema":{"type":"object"}${more.join('')}}`)

function listed(tool: string): Listed {
  const text = `{"jsonrpc":"2.0","id":1,"result":{"tools":[${tool}]}}`
  const [one] = readPage(readUpstreamMessage(Buffer.from(text)), 'tool', 100_000).items
  if (one === undefined) throw new Error(`it is left out: ${tool}`)
  return one
}

/** A tool as the next one on the way lists it. */
function shown(tool: Listed, { names, era }: Hop, index: number): Listed {
  const origin = { id: ID, source: HOME.source, namespace: `ns${index}`, path: ['c'] }
  const text = writeListed(tool, {
    name: `ns${index}__read`,
    origin: index % 2 === 0 ? writeOrigin(origin) : undefined,
    objectOutputOnly: era === '2025',
    withoutTasks: index % 2 === 1,
    uri: names === 'plain' ? undefined : (uri) => exposeUri(HOME, uri),
  })
  return listed(text.toString())
}

describe('the digest of a description', () => {
  test('is good for what any node on the way lists', () => {
    fc.assert(
      fc.property(toolText, chain, (text, hops) => {
        let tool = listed(text)
        const digests = descriptorDigests(tool)
        hops.forEach((one, index) => {
          tool = shown(tool, one, index)
          expect(isDescribed(tool, digests)).toBe(true)
        })
      }),
    )
  })

  test('is good for nothing else', () => {
    fc.assert(
      fc.property(toolText, fc.array(fc.nat(12), { minLength: 1 }), fc.uuid(), (text, path, id) => {
        const before = listed(text)
        const whole = parse(before.text) as JsonObject
        const { name, _meta: __, execution: ___, ...covered } = whole
        const after = changed(covered, path, id) as JsonObject
        if (JSON.stringify(after) === JSON.stringify(covered)) return
        // The one thing nodes may leave out.
        const leftOut = !('outputSchema' in after) && before.looseOutput
        fc.pre(!leftOut && typeof after['inputSchema'] === 'object')
        const lie = listed(JSON.stringify({ ...after, name }))
        expect(isDescribed(lie, descriptorDigests(before))).toBe(false)
      }),
    )
  })

  test('does not cover what each node says for itself', () => {
    const tool = listed(`{"name":"read","inputSchema":{},"_meta":{"${META.federation}":1}}`)
    expect(isDescribed(tool, descriptorDigests(listed('{"name":"x","inputSchema":{}}')))).toBe(true)
  })
})
