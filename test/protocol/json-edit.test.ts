import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { members } from '../../protocol/json-bytes.ts'
import { insertMembers, removeMembers, splice, type Edit } from '../../protocol/json-edit.ts'
import { means, objectText, valueText, type ObjectText } from './json-text.ts'

function written(entries: ObjectText['entries']): string {
  return `{${entries.map(({ key, value }) => `${key}:${value}`).join(',')}}`
}

describe('editing', () => {
  const edited = fc.tuple(objectText, fc.nat(), valueText)

  test('law: replacing a value is parse, edit, stringify, with all other bytes kept', () => {
    fc.assert(
      fc.property(edited, ([{ text, entries }, seed, value]) => {
        fc.pre(entries.length > 0)
        const at = seed % entries.length
        const bytes = Buffer.from(text)
        const place = members(bytes, 0)[at]
        if (place === undefined) throw new Error('a member is missing')
        const out = splice(bytes, [{ start: place.start, end: place.end, text: value }])
        expect(means(out, written(entries.with(at, { key: entries[at]?.key ?? '', value })))).toBe(
          true,
        )
        expect(out.subarray(0, place.start)).toEqual(bytes.subarray(0, place.start))
        const rest = bytes.length - place.end
        expect(out.subarray(out.length - rest)).toEqual(bytes.subarray(place.end))
      }),
    )
  })

  test('law: a member that is removed is gone, and nothing else', () => {
    fc.assert(
      fc.property(edited, ([{ text, entries }, seed]) => {
        fc.pre(entries.length > 0)
        const at = seed % entries.length
        const bytes = Buffer.from(text)
        const list = members(bytes, 0)
        const out = splice(
          bytes,
          removeMembers(list, (member) => member === list[at]),
        )
        expect(means(out, written(entries.toSpliced(at, 1)))).toBe(true)
      }),
    )
  })

  test('law: any set of members can be removed at once', () => {
    fc.assert(
      fc.property(
        objectText,
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        (object, go) => {
          const bytes = Buffer.from(object.text)
          const list = members(bytes, 0)
          const out = splice(
            bytes,
            removeMembers(list, (member) => go[list.indexOf(member)] === true),
          )
          expect(means(out, written(object.entries.filter((_, index) => go[index] !== true)))).toBe(
            true,
          )
        },
      ),
    )
  })

  test('law: inserted members come first, into an empty object too', () => {
    fc.assert(
      fc.property(objectText, valueText, ({ text, entries }, value) => {
        const bytes = Buffer.from(text)
        const out = splice(bytes, [insertMembers(bytes, 0, `"new key":${value}`)])
        expect(means(out, written([{ key: '"new key"', value }, ...entries]))).toBe(true)
        expect(members(out, 0)[0]?.key).toBe('new key')
      }),
    )
  })

  /** Cuts of a text: the pieces between them, each with what to put in its place or undefined to keep it. */
  const cuts = fc.array(
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.option(fc.string(), { nil: undefined })),
  )

  test('law: splicing replaces each span and keeps what lies between, in whatever order they are given', () => {
    fc.assert(
      fc.property(cuts, fc.boolean(), fc.boolean(), (pieces, backwards, asBuffers) => {
        const edits: Edit[] = []
        let at = 0
        for (const [piece, instead] of pieces) {
          const end = at + Buffer.byteLength(piece)
          if (instead !== undefined) {
            edits.push({ start: at, end, text: asBuffers ? Buffer.from(instead) : instead })
          }
          at = end
        }
        // Insertions at one place have no order of their own but the one they are given in.
        const places = edits.map(({ start }) => start)
        fc.pre(!backwards || new Set(places).size === places.length)
        const bytes = Buffer.from(pieces.map(([piece]) => piece).join(''))
        const expected = pieces.map(([piece, instead]) => instead ?? piece).join('')
        expect(splice(bytes, backwards ? edits.toReversed() : edits).toString()).toBe(
          Buffer.from(expected).toString(),
        )
      }),
    )
  })

  test('an insertion where another span begins comes before it', () => {
    const bytes = Buffer.from('abc')
    const insertion: Edit = { start: 1, end: 1, text: 'X' }
    const removal: Edit = { start: 1, end: 3, text: '' }
    expect(splice(bytes, [removal, insertion]).toString()).toBe('aX')
    expect(splice(bytes, [insertion, removal]).toString()).toBe('aX')
  })
})
