import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NO_CAPABILITIES,
  readClientCapabilities,
  readSessionCapabilities,
  RELAYED_EXTENSIONS,
  TASKS_EXTENSION,
} from '../../protocol/client-capabilities.ts'
import { FEDERATION } from '../../protocol/federation.ts'

/** Whether `offered` says nothing that `declared` does not. */
function isPartOf(offered: unknown, declared: unknown): boolean {
  if (typeof offered !== 'object' || offered === null) return Object.is(offered, declared)
  if (typeof declared !== 'object' || declared === null) return false
  return Object.entries(offered).every(
    ([key, value]) => Object.hasOwn(declared, key) && isPartOf(value, Reflect.get(declared, key)),
  )
}

const settings = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
/** As it comes out of JSON, which has no `-0`. */
const capability = fc
  .record(
    {
      elicitation: fc.record(
        { form: settings, url: settings, other: settings },
        { requiredKeys: [] },
      ),
      sampling: fc.record(
        { tools: settings, context: settings, other: settings },
        { requiredKeys: [] },
      ),
      roots: fc.record({ listChanged: fc.boolean() }, { requiredKeys: [] }),
      tasks: settings,
      experimental: settings,
      extensions: fc.dictionary(
        fc.constantFrom(...RELAYED_EXTENSIONS, FEDERATION, 'x/y'),
        settings,
      ),
      vendor: settings,
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as typeof value)

const noObject = fc
  .jsonValue({ maxDepth: 1 })
  .filter((value) => Array.isArray(value) || typeof value !== 'object')

describe('what a client can be asked', () => {
  test('row 31: law: no more is offered upstream than was declared, and only what a node can carry', () => {
    fc.assert(
      fc.property(capability, (declared) => {
        const read = readClientCapabilities(declared)
        const offered = JSON.parse(`{${read.offered}}`) as Record<string, unknown>
        expect(isPartOf(offered, declared)).toBe(true)
        const known = ['elicitation', 'sampling', 'roots', 'extensions']
        expect(known).toEqual(expect.arrayContaining(Object.keys(offered)))
        expect(offered['roots'] ?? {}).toEqual({})
        const extensions = Object.keys(offered['extensions'] ?? {})
        expect(RELAYED_EXTENSIONS).toEqual(expect.arrayContaining(extensions))
      }),
    )
  })

  test('law: what was offered is read again as the same', () => {
    fc.assert(
      fc.property(capability, (declared) => {
        const read = readClientCapabilities(declared)
        const again = readClientCapabilities(JSON.parse(`{${read.offered}}`))
        expect({ ...again, federation: read.federation }).toEqual(read)
      }),
    )
  })

  test('law: anything else declares nothing', () => {
    fc.assert(
      fc.property(noObject, (value) => {
        expect(readClientCapabilities(value)).toBe(NO_CAPABILITIES)
      }),
    )
  })

  test('law: a session has no tasks of the extension, and all else it declares', () => {
    fc.assert(
      fc.property(capability, (declared) => {
        const read = readSessionCapabilities(declared)
        const full = readClientCapabilities(declared)
        expect(read.extensions).toEqual(
          new Set([...full.extensions].filter((name) => name !== TASKS_EXTENSION)),
        )
        expect(read.offered).not.toContain(TASKS_EXTENSION)
        expect({ ...read, offered: '', extensions: '' }).toEqual({
          ...full,
          offered: '',
          extensions: '',
        })
      }),
    )
  })

  test.each([
    [{}, { form: true, url: false }],
    [{ form: {} }, { form: true, url: false }],
    [{ url: {} }, { form: false, url: true }],
    [
      { form: {}, url: {} },
      { form: true, url: true },
    ],
  ])('elicitation %j means %j', (elicitation, modes) => {
    expect(readClientCapabilities({ elicitation }).elicitation).toEqual(modes)
  })
})
