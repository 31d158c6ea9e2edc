import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { insertYaml, NotInsertable } from '../../../node/main/yaml-insert.ts'

const FILE = `# the edge
node: { name: edge } # here
trust:
  # the first
  - issuer: https://a.example # of old
    maxDepth: 2

# what feeds us
upstreams:
    files:   { stdio: { command: x } }

# the end
`

describe('inserting into a YAML file', () => {
  test('adds to a list and leaves every other byte', () => {
    const made = insertYaml(FILE, { part: 'trust', value: { issuer: 'https://b.example' } })
    expect(made).toContain('    maxDepth: 2\n')
    expect(made.replace('  - issuer: https://b.example\n', '')).toBe(FILE)
    expect(parse(made)).toMatchObject({
      trust: [{ issuer: 'https://a.example' }, { issuer: 'https://b.example' }],
    })
  })

  test('adds to a table, as far in as its keys are', () => {
    const insertion = { part: 'upstreams', key: 'b', value: { node: { url: 'x' } } }
    const made = insertYaml(FILE, insertion)
    expect(made.replace('    b:\n      node:\n        url: x\n', '')).toBe(FILE)
    expect(Object.keys((parse(made) as { upstreams: object }).upstreams)).toEqual(['files', 'b'])
  })

  test('begins a part that is not there, also where no line ends', () => {
    expect(insertYaml('node: {}', { part: 'trust', value: 1 })).toBe('node: {}\ntrust:\n  - 1\n')
  })

  test.each([
    ['a flow list', 'trust: []\n', { part: 'trust', value: 1 }],
    ['a flow table', 'upstreams: { a: 1 }\n', { part: 'upstreams', key: 'b', value: 1 }],
    ['a key that is there', FILE, { part: 'upstreams', key: 'files', value: 1 }],
    ['a list in place of a table', FILE, { part: 'trust', key: 'b', value: 1 }],
    ['nothing', 'trust:\n', { part: 'trust', value: 1 }],
    ['what is no YAML', 'a: [\n', { part: 'trust', value: 1 }],
  ])('refuses %s', (_, text, insertion) => {
    expect(() => insertYaml(text, insertion)).toThrow(NotInsertable)
  })

  test('law: whatever stands in the file, it is written whole and all else stays, or not at all', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
    const value = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,6}$/),
      fc.oneof(scalar, fc.array(scalar), fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), scalar)),
      { minKeys: 1 },
    )
    const file = fc.record({
      node: value,
      trust: fc.array(value, { minLength: 1 }),
      upstreams: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), value, { minKeys: 1 }),
    })
    fc.assert(
      fc.property(file, value, fc.integer({ min: 2, max: 6 }), (before, added, indent) => {
        const text = stringify(before, { indent, lineWidth: 0 })
        const made = insertYaml(text, { part: 'trust', value: added })
        expect(parse(made)).toEqual(
          parse(stringify({ ...before, trust: [...before.trust, added] })),
        )
        expect(made.length).toBeGreaterThan(text.length)
      }),
    )
  })
})
