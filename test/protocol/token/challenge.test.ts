import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseChallenges,
  readResourceChallenges,
  writeChallenge,
  type ChallengeFacts,
} from '../../../protocol/token/challenge.ts'
import { anyText } from './tokens.ts'

const METADATA = 'https://a.example/.well-known/oauth-protected-resource/mcp/main'

describe('writing a challenge', () => {
  test('says where the metadata is, and nothing of an error where there were no credentials', () => {
    expect(writeChallenge({ scheme: 'Bearer', resourceMetadata: METADATA })).toBe(
      `Bearer resource_metadata="${METADATA}"`,
    )
  })

  test('says the error, all scopes, and the algorithms of proofs', () => {
    const facts: ChallengeFacts = {
      scheme: 'DPoP',
      resourceMetadata: METADATA,
      error: 'insufficient_scope',
      scopes: ['ns:crm:read', 'tool:crm/find'],
      algs: ['ES256', 'EdDSA'],
    }
    expect(writeChallenge(facts)).toBe(
      `DPoP error="insufficient_scope", scope="ns:crm:read tool:crm/find", resource_metadata="${METADATA}", algs="ES256 EdDSA"`,
    )
    expect(writeChallenge({ ...facts, scheme: 'Bearer' })).not.toContain('algs')
  })

  test('attack 32: whatever is in it, it is one challenge of one line', () => {
    const text = anyText()
    fc.assert(
      fc.property(text, fc.array(text), text, (description, scopes, resourceMetadata) => {
        const facts = {
          scheme: 'Bearer',
          error: 'invalid_token',
          description,
          scopes,
        } as const
        const written = writeChallenge({ ...facts, resourceMetadata })
        expect(written).toMatch(/^[\x20-\x7e]*$/)
        const [challenge, ...more] = parseChallenges(written)
        expect(more).toEqual([])
        expect(challenge?.params.get('error')).toBe('invalid_token')
      }),
    )
    const evil = 'x", resource_metadata="https://evil.example", y="\r\nSet-Cookie: a=b'
    const written = writeChallenge({
      scheme: 'Bearer',
      resourceMetadata: METADATA,
      error: 'invalid_token',
      description: evil,
    })
    expect(parseChallenges(written)[0]?.params.get('resource_metadata')).toBe(METADATA)
  })
})

function plain(text: string): unknown {
  return parseChallenges(text).map(({ scheme, params }) => [scheme, Object.fromEntries(params)])
}

describe('reading challenges', () => {
  test.each<[string, unknown]>([
    ['', []],
    ['Bearer', [['bearer', {}]]],
    [
      'Basic, Bearer',
      [
        ['basic', {}],
        ['bearer', {}],
      ],
    ],
    ['Bearer realm="x"', [['bearer', { realm: 'x' }]]],
    ['Bearer REALM = x , scope="a b"', [['bearer', { realm: 'x', scope: 'a b' }]]],
    ['Bearer realm="a\\"b, c"', [['bearer', { realm: 'a"b, c' }]]],
    [
      'Negotiate YWJj==, Bearer',
      [
        ['negotiate', {}],
        ['bearer', {}],
      ],
    ],
    [
      'DPoP algs="ES256", error="use_dpop_nonce", Bearer scope="x", , Basic realm=y',
      [
        ['dpop', { algs: 'ES256', error: 'use_dpop_nonce' }],
        ['bearer', { scope: 'x' }],
        ['basic', { realm: 'y' }],
      ],
    ],
  ])('%j', (text, expected) => {
    expect(plain(text)).toEqual(expected)
  })

  test.each([
    'Bearer realm="x',
    'Bearer realm="x" scope="y"',
    'Bearer realm="x", realm="y"',
    'Bearer realm="x", Realm="y"',
    'Bearer realm=;',
    'Bearer realm="a\u0000b"',
    'Bearer realm="ü"',
    '"Bearer"',
    `Bearer realm="${'x'.repeat(9_000)}"`,
    Array.from({ length: 20 }, () => 'Bearer').join(','),
    `Bearer ${Array.from({ length: 40 }, (_, at) => `p${at}=1`).join(',')}`,
  ])('%j is none at all', (text) => {
    expect(plain(text)).toEqual([])
  })

  test('are what was written', () => {
    const value = fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', ' ', '=', '\t') })
    const params = fc.dictionary(fc.constantFrom('realm', 'scope', 'error', 'x'), value)
    const schemes = fc.array(fc.tuple(fc.constantFrom('bearer', 'dpop', 'basic'), params), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(schemes, (list) => {
        const text = list
          .map(([scheme, all]) => {
            const quoted = Object.entries(all).map(
              ([name, of]) => `${name}="${of.replace(/["\\]/g, '\\$&')}"`,
            )
            return `${scheme} ${quoted.join(', ')}`.trim()
          })
          .join(', ')
        expect(plain(text)).toEqual(list.map(([scheme, all]) => [scheme, { ...all }]))
      }),
    )
  })

  test('never throw, and take no more time than their length', () => {
    fc.assert(fc.property(anyText(), (text) => void parseChallenges(text)))
    for (const unit of [',', ' ', 'a ', 'a=', 'a="', '\\', 'a=b,', '=']) {
      expect(Array.isArray(parseChallenges(`Bearer ${unit.repeat(8_000 / unit.length)}`))).toBe(
        true,
      )
    }
  })

  test('keep what a client can use', () => {
    const text =
      'Basic realm="x", DPoP error="e", scope="a  b", Bearer scope="a b", resource_metadata="u"'
    expect(readResourceChallenges(text)).toEqual([
      { scheme: 'dpop', error: 'e', scopes: [] },
      { scheme: 'bearer', scopes: ['a', 'b'], resourceMetadata: 'u' },
    ])
  })
})
