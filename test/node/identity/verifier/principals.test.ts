import { array, assert, constantFrom, oneof, property, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAuthorization } from '../../../../node/identity/verifier/authorization-header.ts'
import {
  grantedScopes,
  keyPrincipal,
  principalKey,
} from '../../../../node/identity/verifier/principals.ts'
import { covers } from '../../../../protocol/token/scopes.ts'
import { faultOf } from '../../../protocol/fault.ts'

const text = string({ unit: 'grapheme', maxLength: 12 })

describe('the key of a principal', () => {
  it('is equal for equal callers only, however their names run into each other', () => {
    const caller = tuple(text, text, text)
    assert(
      property(caller, caller, (one, other) => {
        const same = one.every((part, at) => part === other[at])
        expect(principalKey(...one) === principalKey(...other)).toBe(same)
      }),
    )
    expect(principalKey('a', 'bc', 'd')).not.toBe(principalKey('ab', 'c', 'd'))
    expect(principalKey('1 a', '', '')).not.toBe(principalKey('', '1 a', ''))
  })

  it('of a static key is that of no token, and another at each endpoint', () => {
    const key = { name: 'ci', hash: '', scopes: ['ns:a'] }
    const main = keyPrincipal(key, 'https://a.example/mcp/main')
    expect(main.issuer).toBe('')
    expect(main.key).not.toBe(keyPrincipal(key, 'https://a.example/mcp/other').key)
    expect(main.credential).toBeUndefined()
  })
})

const map = { read: ['ns:a:read'], admin: ['ns:a', 'ns:b'], 'ns:x': ['ns:y'], none: [] }

function taken(granted: readonly string[], everything = false): readonly string[] {
  return grantedScopes(granted, { map, everything })
}

describe('scopes of a token', () => {
  it('are taken by the map first, as they are written where they are of the grammar, and else dropped', () => {
    expect(taken(['read', 'openid', 'ns:x', 'tool:q/t'])).toEqual(['ns:a:read', 'ns:y', 'tool:q/t'])
    expect(taken(['admin', 'read'])).toEqual(['ns:a', 'ns:b'])
    expect(taken(['none', 'toString', '__proto__', 'constructor'])).toEqual([])
    expect(taken(['*'])).toEqual([])
    expect(taken(['*', 'ns:a'], true)).toEqual(['*'])
  })

  it('never open more than those written down do', () => {
    const scope = constantFrom('ns:a', 'ns:a:read', 'tool:a/t', 'ns:b', '*', 'openid', 'read')
    assert(
      property(array(scope), (granted) => {
        const written = granted.flatMap((one) => (one === 'read' ? ['ns:a:read'] : [one]))
        for (const one of taken(granted)) {
          expect(written.some((wide) => wide !== '*' && covers(wide, one))).toBe(true)
        }
      }),
    )
  })
})

describe('the Authorization header', () => {
  it('never gives a token that does not stand there whole, behind one space', () => {
    const value = oneof(
      string(),
      tuple(constantFrom('Bearer ', 'DPoP ', 'bearer  ', 'Bearer'), string()).map((two) =>
        two.join(''),
      ),
    )
    assert(
      property(array(value, { maxLength: 3 }), (lines) => {
        if (faultOf(() => readAuthorization(lines, 100)) !== undefined) return
        const { scheme, token } = readAuthorization(lines, 100)
        expect(lines).toHaveLength(1)
        expect(lines[0]?.toLowerCase()).toBe(`${scheme} ${token}`.toLowerCase())
        expect(token).toMatch(/^[A-Za-z0-9\-._~+/]+=*$/)
      }),
    )
  })

  it('has a limit', () => {
    expect(readAuthorization([`Bearer ${'a'.repeat(100)}`], 100).token).toHaveLength(100)
    expect(faultOf(() => readAuthorization([`Bearer ${'a'.repeat(101)}`], 100))).toMatchObject({
      problem: 'too_large',
    })
  })
})
