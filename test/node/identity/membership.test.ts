// Who may say that a node belongs to the organisation: attacks first.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  membershipKeys,
  membershipProblem,
  readMembership,
  signMembership,
  type Claimed,
} from '../../../node/identity/membership.ts'

const NOW = 1_800_000_000
const NODE = 'N'.repeat(43)
const OTHER = 'O'.repeat(43)

const issuer = generateKeyPairSync('ed25519')
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ed25519')

function jwkOf(key: KeyObject): Record<string, unknown> {
  return { ...key.export({ format: 'jwk' }) }
}

const keys = membershipKeys([jwkOf(issuer.publicKey), jwkOf(second.publicKey)])
const CLAIMED: Claimed = { organisation: 'acme', id: NODE, name: 'edge', now: NOW }
const MEMBER = { organisation: 'acme', node: NODE, name: 'edge', expiresAt: NOW + 3_600 }

const problem = (token: string, claimed: Partial<Claimed> = {}): string | undefined =>
  membershipProblem(token, keys, { ...CLAIMED, ...claimed })

const good = signMembership(issuer.privateKey, MEMBER, NOW)

describe('is a member', () => {
  test('by a token of either key', () => {
    expect(problem(good)).toBeUndefined()
    expect(problem(signMembership(second.privateKey, MEMBER, NOW))).toBeUndefined()
  })

  test('under any name, where the token names none', () => {
    const token = signMembership(issuer.privateKey, { ...MEMBER, name: undefined }, NOW)
    expect(problem(token, { name: 'other' })).toBeUndefined()
    expect(problem(token, { name: undefined })).toBeUndefined()
  })

  test('a little longer than the token says, for clocks are apart', () => {
    expect(problem(good, { now: NOW + 3_600 + 200 })).toBeUndefined()
  })
})

describe('is no member', () => {
  test('by a token of another organisation', () => {
    const token = signMembership(issuer.privateKey, { ...MEMBER, organisation: 'globex' }, NOW)
    expect(problem(token)).toBe('organisation')
  })

  test('by a token of another node', () => {
    expect(problem(signMembership(issuer.privateKey, { ...MEMBER, node: OTHER }, NOW))).toBe('node')
    expect(problem(good, { id: OTHER })).toBe('node')
  })

  test('under a name that is another node’s', () => {
    expect(problem(good, { name: 'front' })).toBe('name')
    expect(problem(good, { name: undefined })).toBe('name')
  })

  test('by a token that is over', () => {
    expect(problem(good, { now: NOW + 3_600 + 301 })).toBe('expired')
  })

  test('by a token of a key that is not the organisation’s', () => {
    expect(problem(signMembership(stranger.privateKey, MEMBER, NOW))).toBe('signature')
  })

  test('by its own word', () => {
    const own = generateKeyPairSync('ed25519')
    expect(problem(signMembership(own.privateKey, MEMBER, NOW))).toBe('signature')
  })

  const claims = { org: 'acme', cnf: { jkt: NODE }, name: 'edge', iat: NOW, exp: NOW + 60 }
  const signed = (typ: string | undefined, body: object = claims): Promise<string> =>
    new SignJWT({ ...body })
      .setProtectedHeader({ alg: 'EdDSA', ...(typ !== undefined && { typ }) })
      .sign(issuer.privateKey)

  test.each(['at+jwt', 'JWT', 'banyan-rec+jwt', 'dpop+jwt', undefined])(
    'by a token of the type %s',
    async (typ) => {
      expect(problem(await signed(typ))).not.toBeUndefined()
    },
  )

  test.each([
    ['no key', { org: 'acme', exp: NOW + 60 }],
    ['a key that is none', { org: 'acme', cnf: { jkt: 7 }, exp: NOW + 60 }],
    ['no end', { org: 'acme', cnf: { jkt: NODE } }],
    ['an end that is no number', { org: 'acme', cnf: { jkt: NODE }, exp: '9999999999' }],
    ['no organisation', { cnf: { jkt: NODE }, exp: NOW + 60 }],
    ['a name that is no text', { org: 'acme', cnf: { jkt: NODE }, exp: NOW + 60, name: ['edge'] }],
  ])('by a token with %s', async (_, body) => {
    expect(problem(await signed('banyan-member+jwt', body))).toBe('claims')
  })

  test('by a token whose claims were changed', () => {
    const [header = '', , signature = ''] = good.split('.')
    const forged = Buffer.from(JSON.stringify({ ...claims, exp: NOW + 1e6 })).toString('base64url')
    expect(problem(`${header}.${forged}.${signature}`)).toBe('signature')
  })

  test('by a token that is signed with nothing', () => {
    const header = Buffer.from('{"alg":"none","typ":"banyan-member+jwt"}').toString('base64url')
    const [, body = ''] = good.split('.')
    expect(problem(`${header}.${body}.`)).toBe('unreadable')
    expect(problem(`${header}.${body}.AA`)).toBe('unreadable')
  })

  test.each(['', 'x', 'a.b.c', '.'.repeat(9_000)])('by %j', (token) => {
    expect(problem(token)).toBe('unreadable')
  })

  test('by any token, where no key may sign', () => {
    expect(membershipProblem(good, [], CLAIMED)).toBe('signature')
  })
})

test('what a token says can be read without keys', () => {
  expect(readMembership(good)).toEqual(MEMBER)
  expect(readMembership('nothing')).toBeUndefined()
})

test('keys for other things are refused', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  expect(() => membershipKeys([jwkOf(rsa.publicKey)])).toThrow(TypeError)
  expect(() => membershipKeys([jwkOf(issuer.privateKey)])).toThrow('private')
})
