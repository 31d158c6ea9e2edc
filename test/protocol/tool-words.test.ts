import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toolWords, wordsOf } from '../../protocol/tool-words.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

describe('the words of a text', () => {
  test.each([
    ['read_text_file', ['read', 'text', 'file']],
    ['readTextFile', ['readtextfile', 'read', 'text', 'file']],
    ['HTTPServer', ['httpserver', 'http', 'server']],
    ['GitHub', ['github', 'git', 'hub']],
    ['s3-put.object', ['s3', '3', 'put', 'object']],
    ['OAuth2', ['oauth2', 'auth', '2']],
    ['Files, issues and queries', ['file', 'issue', 'query']],
    ['Boxes, classes, bus, analysis', ['box', 'class', 'bus', 'analysis']],
    ['How do I use this?', []],
    ['Événement à Zürich', ['evenement', 'zurich']],
    ['東京の天気', ['東京', '京の', 'の天', '天気']],
    ['фотографии', ['фотографии']],
    ['', []],
    ['__ -- !?', []],
  ])('%s', (text, words) => {
    expect(wordsOf(text)).toEqual(words)
  })

  test('are told apart by nothing but what a reader sees: case, accents and what stands between', () => {
    const word = fc.stringMatching(/^[a-z]{3,12}$/)
    const between = fc.constantFrom(' ', '_', '-', '.', '/', ', ', '\n', '—')
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), between, (words, separator) => {
        const plain = wordsOf(words.join(' '))
        expect(wordsOf(words.join(separator))).toEqual(plain)
        expect(wordsOf(words.join(' ').toUpperCase())).toEqual(plain)
      }),
    )
  })

  test('hold no white space and no capitals, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 80 }), (text) => {
        for (const word of wordsOf(text)) {
          expect(word).not.toMatch(/\s|^$/)
          expect(word).toBe(word.toLowerCase())
        }
      }),
    )
  })
})

describe('the words of a tool', () => {
  test('come from its name and titles, its description, and its parameters at all levels', () => {
    const definition = {
      name: 'createEvent',
      title: 'New appointment',
      annotations: { title: 'New appointment' },
      description: 'Creates an event.',
      inputSchema: {
        type: 'object',
        properties: {
          guests: {
            type: 'array',
            description: 'Who comes.',
            items: { type: 'object', properties: { emailAddress: { type: 'string' } } },
          },
        },
      },
    }
    expect(toolWords(definition)).toEqual({
      name: ['createevent', 'create', 'event', 'new', 'appointment'],
      description: ['create', 'event'],
      parameters: ['guest', 'come', 'emailaddress', 'email', 'address'],
    })
  })

  test('may be missing, of another type, or far too many', () => {
    const none = { name: [], description: [], parameters: [] }
    expect(toolWords({})).toEqual(none)
    expect(toolWords({ name: 7, description: null, inputSchema: [], annotations: 'x' })).toEqual(
      none,
    )
    const many = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [
        `field${index}`,
        { description: 'x'.repeat(99) },
      ]),
    )
    const { description, parameters } = toolWords({
      description: 'word '.repeat(10_000),
      inputSchema: { properties: many },
    })
    expect(description.length).toBeLessThan(1_000)
    expect(parameters.length).toBeLessThan(500)
  })

  test('are read of schemas without end as well', () => {
    let deep: object = {}
    for (let level = 0; level < 2_000; level += 1) deep = { properties: { [`p${level}`]: deep } }
    expect(toolWords({ inputSchema: { ...deep } }).parameters.length).toBeLessThan(20)
  })
})
