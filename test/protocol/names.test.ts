import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  exposedName,
  importedNamespace,
  MAX_ORIGIN_TEXT,
  MAX_ORIGIN_URI,
  readOrigin,
  toolHash,
  toolKey,
  writeOrigin,
  type NameRule,
  type ToolId,
} from '../../protocol/names.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

const PREFIXED: NameRule = { style: 'prefixed', maxLength: 48 }

function tool(name: string, node = 'node-a'): ToolId {
  return { organisation: 'acme', node, namespace: 'docs', name }
}

const anyName = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'B', '_', '-', '.', '7'), minLength: 1, maxLength: 140 }),
  fc.string({ unit: anyCharacter, minLength: 1 }),
)
/** Labels of namespaces without an underscore: with one, the place where the prefix ends is not unique. */
const namespace = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 20 })
const id: fc.Arbitrary<ToolId> = fc.record({
  organisation: fc.constantFrom('acme', 'globex'),
  node: fc.constantFrom('node-a', 'node-b'),
  namespace,
  name: anyName,
})
const rule: fc.Arbitrary<NameRule> = fc.record({
  style: fc.constantFrom('prefixed', 'plain'),
  maxLength: fc.integer({ min: 16, max: 128 }),
})

function sameNamed(one: ToolId, other: ToolId): boolean {
  return one.namespace === other.namespace && one.name === other.name
}

describe('exposed names', () => {
  test.each<[string, string, NameRule, string]>([
    ['docs', 'read', PREFIXED, 'docs__read'],
    ['docs', 'x', PREFIXED, 'docs__x'],
    ['docs', 'files.read', { style: 'plain', maxLength: 48 }, 'files.read'],
    ['docs', 'read', { style: 'plain', maxLength: 48 }, 'read'],
  ])('%s and %s are written as they are where they fit: %j', (label, name, style, expected) => {
    expect(exposedName(label, tool(name), style)).toBe(expected)
  })

  test('what does not fit ends in a readable cut and the hash, which a pin holds', () => {
    const dotted = tool('files.read')
    expect(toolHash(dotted)).toBe('ldqq7d6r6q')
    expect(exposedName('docs', dotted, PREFIXED)).toBe('docs__files_read_ldqq7d6r6q')
    const long = tool('x'.repeat(60))
    expect(exposedName('docs', long, PREFIXED)).toBe(`docs__${'x'.repeat(31)}_${toolHash(long)}`)
  })

  test('a name that just fits is not cut, one character more is', () => {
    const fits = 'x'.repeat(48 - 'docs__'.length)
    expect(exposedName('docs', tool(fits), PREFIXED)).toBe(`docs__${fits}`)
    expect(exposedName('docs', tool(`${fits}x`), PREFIXED)).toHaveLength(48)
  })

  test('row 21: names keep to the charset and the cap of the endpoint', () => {
    fc.assert(
      fc.property(namespace, id, rule, (label, toolId, style) => {
        const name = exposedName(label, toolId, style)
        const charset = style.style === 'plain' ? /^[A-Za-z0-9_.-]+$/ : /^[A-Za-z0-9_-]+$/
        expect(name).toMatch(charset)
        expect(name.length).toBeLessThanOrEqual(style.maxLength)
      }),
      { numRuns: 500 },
    )
  })

  test('row 21: names keep to the limits at every depth of nesting, and do not grow from hop to hop', () => {
    const hops = fc.array(fc.tuple(namespace, fc.integer({ min: 16, max: 128 })), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(id, hops, (toolId, chain) => {
        let offered = toolId.namespace
        for (const [upstream, maxLength] of chain) {
          offered = importedNamespace('{namespace}', upstream, offered)
          const name = exposedName(offered, toolId, { style: 'prefixed', maxLength })
          expect(name).toMatch(/^[A-Za-z0-9_-]{1,128}$/)
          expect(name).toBe(exposedName(toolId.namespace, toolId, { style: 'prefixed', maxLength }))
        }
      }),
    )
  })

  test('law: two tools of an endpoint never share a name', () => {
    fc.assert(
      fc.property(id, id, rule, (one, other, style) => {
        // Without a prefix nothing but the name itself tells them apart.
        const same = style.style === 'plain' ? one.name === other.name : sameNamed(one, other)
        fc.pre(!same)
        expect(exposedName(one.namespace, one, style)).not.toBe(
          exposedName(other.namespace, other, style),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('tools that differ in what is cut off, or in a character that is replaced, stay apart', () => {
    const names = ['a'.repeat(60), `${'a'.repeat(59)}b`, 'é', 'è', 'é.', ' ', '']
    const exposed = names.map((name) => exposedName('docs', tool(name), PREFIXED))
    expect(new Set(exposed).size).toBe(names.length)
  })
})

describe('keys and hashes', () => {
  test('law: keys and hashes of two tools differ, however their parts are divided', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '"', ',', '\\', '['), maxLength: 4 })
    const parts = fc.record({ organisation: part, node: part, namespace: part, name: part })
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const same = JSON.stringify(Object.values(one)) === JSON.stringify(Object.values(other))
        expect(toolKey(one) === toolKey(other)).toBe(same)
        expect(toolHash(one) === toolHash(other)).toBe(same)
      }),
    )
  })

  test('law: a hash is ten characters of base32, spread over the whole alphabet', () => {
    const seen = new Set<string>()
    for (let index = 0; index < 1_000; index += 1) {
      const hash = toolHash(tool(`t${index}`))
      expect(hash).toMatch(/^[a-z2-7]{10}$/)
      for (let at = 0; at < hash.length; at += 1) seen.add(`${at}${hash.charAt(at)}`)
    }
    expect(seen.size).toBe(10 * 32)
  })
})

describe('imported namespaces', () => {
  test.each([
    ['{upstream}-{namespace}', 'globex-docs'],
    ['{namespace}', 'docs'],
    ['x-{namespace}-{namespace}', 'x-docs-docs'],
    ['fixed', 'fixed'],
  ])('%s gives %s', (as, expected) => {
    expect(importedNamespace(as, 'globex', 'docs')).toBe(expected)
  })

  test('law: what another node calls its namespace is filled in as it is', () => {
    const theirs = fc.string({
      unit: fc.constantFrom('$', '&', '`', "'", '1', '{namespace}', '{upstream}'),
    })
    fc.assert(
      fc.property(theirs, (text) => {
        expect(importedNamespace('{upstream}-{namespace}!', 'up', text)).toBe(`up-${text}!`)
      }),
    )
  })
})

describe('where a tool lives', () => {
  const nodeId = fc.string({
    unit: fc.constantFrom('a', 'Z', '0', '_', '-'),
    minLength: 1,
    maxLength: 64,
  })
  const short = fc.string({ minLength: 1, maxLength: MAX_ORIGIN_TEXT })
  const origin = fc.record({
    id: fc.record({ organisation: short, node: nodeId, namespace: short, name: short }),
    source: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/),
    namespace: short,
    path: fc.array(nodeId, { minLength: 1, maxLength: 64 }),
  })

  test('law: it is read as it was written', () => {
    fc.assert(
      fc.property(origin, (value) => {
        expect(readOrigin(JSON.parse(writeOrigin(value)), 'tool')).toEqual(value)
      }),
    )
  })

  const good = {
    origin: ['acme', 'n', 'docs', 'read'],
    source: 'files',
    namespace: 'docs',
    path: ['n'],
  }

  test('the wire form others depend on', () => {
    const value = { id: tool('read', 'n'), source: 'files', namespace: 'docs', path: ['n'] }
    expect(writeOrigin(value)).toBe(JSON.stringify(good))
    expect(readOrigin({ ...good, later: 1 }, 'tool')).toEqual(value)
  })

  const of = (name: string): unknown => ({ ...good, origin: ['acme', 'n', 'docs', name] })

  test('a URI may be longer than a name', () => {
    const uri = `x:${'x'.repeat(MAX_ORIGIN_URI - 2)}`
    expect(readOrigin(of(uri), 'resource')?.id.name).toBe(uri)
    expect(readOrigin(of(uri), 'template')?.id.name).toBe(uri)
    expect(readOrigin(of(uri), 'prompt')).toBeUndefined()
    expect(readOrigin(of(`${uri}x`), 'resource')).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['no origin', { ...good, origin: undefined }],
    ['half an origin', { ...good, origin: ['acme', 'n', 'docs'] }],
    ['an empty part', { ...good, origin: ['', 'n', 'docs', 'read'] }],
    ['a part that is a number', { ...good, origin: ['acme', 'n', 'docs', 7] }],
    ['a node that is none', { ...good, origin: ['acme', 'n n', 'docs', 'read'] }],
    [
      'a part that is too long',
      { ...good, origin: ['acme', 'n', 'docs', 'x'.repeat(MAX_ORIGIN_TEXT + 1)] },
    ],
    ['no source', { ...good, source: undefined }],
    ['a source that is no label', { ...good, source: 'a/b' }],
    ['a source that is too long', { ...good, source: 'a'.repeat(33) }],
    ['no namespace', { ...good, namespace: undefined }],
    ['no path', { ...good, path: undefined }],
    ['an empty path', { ...good, path: [] }],
    ['a path through no node', { ...good, path: ['n', ''] }],
    ['a path that never ends', { ...good, path: Array(65).fill('n') }],
  ])('%s is not read', (_, value) => {
    expect(readOrigin(value, 'tool')).toBeUndefined()
  })
})
