import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jwkThumbprint } from '../../protocol/token/dpop.ts'
import { readRecord, recordClaims, type NodeRecord } from '../../topology/record.ts'
import { openRecord, recordSealer } from '../../topology/signed-record.ts'
import { recordOf } from './records.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
const id = jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })
const seal = recordSealer(privateKey)

const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
const records: fc.Arbitrary<NodeRecord> = fc
  .record({
    inc: fc.nat(),
    seq: fc.nat(),
    status: fc.constantFrom('up' as const, 'drain' as const, 'left' as const),
    name: fc.option(name, { nil: undefined }),
    urls: fc.array(fc.webUrl(), { maxLength: 3 }),
    disclosure: fc.constantFrom('full' as const, 'digest' as const, 'none' as const),
    links: fc.uniqueArray(
      fc.record({ to: name, up: fc.boolean(), epoch: fc.nat(), cost: fc.nat(1_000) }),
      { selector: ({ to }) => to, maxLength: 5 },
    ),
    namespaces: fc.array(
      fc.record({ name, count: fc.nat(), digest: name, tags: fc.array(name, { maxLength: 3 }) }),
      { maxLength: 5 },
    ),
  })
  .map((fields) => recordOf(id, fields))

describe('a signed record', () => {
  test('law: it says what was signed', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(JSON.parse(JSON.stringify(readRecord(recordClaims(record))))).toEqual(
          JSON.parse(JSON.stringify(record)),
        )
        const signed = seal(record)
        const opened = openRecord(signed.text)
        expect(opened?.digest).toBe(signed.digest)
        expect(opened?.record).toEqual(readRecord(recordClaims(record)))
      }),
      { numRuns: 50 },
    )
  })

  test('law: one changed character makes it nothing', () => {
    const { text } = seal(recordOf(id, { name: 'edge' }))
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom('A', 'b', '0', '.', ' ', '='),
        (at, by) => {
          fc.pre(text[at] !== by)
          expect(openRecord(text.slice(0, at) + by + text.slice(at + 1))).toBeUndefined()
        },
      ),
      { numRuns: 300 },
    )
  })

  test('nobody signs for another: the key must be the one the id is the thumbprint of', () => {
    expect(openRecord(seal(recordOf(`${id.slice(1)}x`)).text)).toBeUndefined()
  })

  test.each([
    ['of another type', { alg: 'EdDSA', typ: 'JWT' }],
    ['unsigned', { alg: 'none', typ: 'banyan-rec+jwt' }],
    ['of another algorithm', { alg: 'HS256', typ: 'banyan-rec+jwt' }],
  ])('a token %s is no record', (_, change) => {
    const [, payload, signature] = seal(recordOf(id)).text.split('.')
    const header = { kid: id, jwk: { kty: 'OKP', crv: 'Ed25519', x }, ...change }
    const text = Buffer.from(JSON.stringify(header)).toString('base64url')
    expect(openRecord(`${text}.${payload}.${signature}`)).toBeUndefined()
  })

  test.each([
    ['two links to one node', { links: [linkTo('b', 1), linkTo('b', 2)] }],
    ['an organisation that could be a subject', { organisation: 'a.>' }],
    ['a version below zero', { inc: -1 }],
    [
      'a namespace with two names',
      { namespaces: [{ name: 'a', blinded: 'b', count: 1, digest: 'd', tags: [] }] },
    ],
  ])('%s: no record', (_, change) => {
    expect(readRecord(recordClaims(recordOf(id, change)))).toBeUndefined()
    expect(openRecord(seal(recordOf(id, change)).text)).toBeUndefined()
  })

  test('a text that is too long is not even looked at', () => {
    const urls = Array.from({ length: 200 }, (_, at) => `https://${'u'.repeat(400)}.example/${at}`)
    expect(openRecord(seal(recordOf(id, { urls })).text)).toBeUndefined()
  })
})

function linkTo(to: string, epoch: number): NodeRecord['links'][number] {
  return { to, up: true, epoch, cost: 1 }
}
