import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FINDER, finderItems, isFinder } from '../../../../node/hop/search/finder-tools.ts'
import { writeViewItem } from '../../../../node/hop/view.ts'
import { isObject, type JsonObject } from '../../../../protocol/jsonrpc.ts'
import { exposedName } from '../../../../protocol/names.ts'
import { anyCharacter } from '../../../fixtures/any-character.ts'
import { rule, SELF } from '../tools.ts'

const ITEMS = finderItems(rule())

function written(era: '2025' | '2026', revision: string): readonly JsonObject[] {
  return ITEMS.map((item) => {
    const text = writeViewItem(item, { era, revision, federated: false })
    return JSON.parse(text.toString('utf8')) as JsonObject
  })
}

test('law: no tool of a namespace has the name of one that finds', () => {
  const text = fc.oneof(
    fc.constantFrom(...Object.values(FINDER), 'search', 'tools', 'call', 'search_', '_tools'),
    fc.string({ unit: anyCharacter, maxLength: 40 }),
  )
  const names: readonly string[] = Object.values(FINDER)
  fc.assert(
    fc.property(text, text, fc.integer({ min: 16, max: 128 }), (namespace, name, maxLength) => {
      const id = { organisation: 'acme', node: SELF, namespace, name }
      const exposed = exposedName(namespace, id, { style: 'prefixed', maxLength })
      expect(names).not.toContain(exposed)
    }),
  )
})

test('they are told apart from everything in a namespace', () => {
  for (const { entry } of ITEMS) {
    expect(isFinder(entry)).toBe(true)
    expect(isFinder({ ...entry, namespace: 'docs' })).toBe(false)
  }
})

test('each says what it does, what it takes and what may come of it', () => {
  const definitions = written('2026', '2026-07-28')
  expect(definitions.map(({ name }) => name)).toEqual([
    'call_tool',
    'describe_tools',
    'search_tools',
  ])
  for (const { description, inputSchema, annotations, _meta } of definitions) {
    expect(String(description).length).toBeGreaterThan(40)
    expect(isObject(inputSchema) && inputSchema['additionalProperties']).toBe(false)
    expect(annotations).toMatchObject({ title: expect.any(String) })
    expect(_meta).toBeUndefined()
  }
  // A host that asks before it calls must not be told that what may do anything does nothing.
  expect(definitions[0]?.['annotations']).toMatchObject({
    readOnlyHint: false,
    destructiveHint: true,
    openWorldHint: true,
  })
})

test('only in the era of such tasks may a call become one', () => {
  expect(written('2025', '2025-11-25')[0]).toHaveProperty('execution.taskSupport', 'optional')
  for (const others of [written('2025', '2025-06-18'), written('2026', '2026-07-28')]) {
    expect(others[0]).not.toHaveProperty('execution')
  }
})
