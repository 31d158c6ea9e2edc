import { describe, expect, it } from 'vitest'
import {
  claimNames,
  classesOf,
  type CallerFacts,
  type ClassRule,
} from '../../../protocol/policy/classes.ts'

const IDP = 'https://login.acme.example'
const ACME = 'https://edge.acme.example'
const GLOBEX = 'https://gate.globex.example'

function token(parts: Partial<Extract<CallerFacts, { kind: 'token' }>> = {}): CallerFacts {
  const base = { kind: 'token', issuer: IDP, subject: 'alice', clientId: 'app' } as const
  return { ...base, claims: {}, ...parts }
}

const isIn = (rule: ClassRule, facts: CallerFacts): boolean =>
  classesOf({ one: [rule] }, facts).length > 0

describe('a caller is in a class', () => {
  it.each<[string, ClassRule, CallerFacts, boolean]>([
    ['by issuer', { issuer: IDP }, token(), true],
    ['not by another', { issuer: `${IDP}/` }, token(), false],
    ['by subject', { subjects: ['al*'] }, token(), true],
    ['not by another', { subjects: ['bob'] }, token(), false],
    ['by client', { clients: ['app', 'x'] }, token(), true],
    ['by a claim', { claims: { groups: ['a'] } }, token({ claims: { groups: 'a' } }), true],
    [
      'by one of a list',
      { claims: { groups: ['a'] } },
      token({ claims: { groups: ['b', 'a'] } }),
      true,
    ],
    [
      'by one of some',
      { claims: { groups: ['x', 'a'] } },
      token({ claims: { groups: 'a' } }),
      true,
    ],
    ['not by a part', { claims: { groups: ['a'] } }, token({ claims: { groups: 'ab' } }), false],
    ['not by another type', { claims: { level: ['1'] } }, token({ claims: { level: 1 } }), false],
    ['by a boolean', { claims: { staff: [true] } }, token({ claims: { staff: true } }), true],
    ['not by what is missing', { claims: { groups: ['a'] } }, token(), false],
    [
      'by a path',
      { claims: { 'realm_access.roles': ['ops'] } },
      token({ claims: { realm_access: { roles: ['ops'] } } }),
      true,
    ],
    [
      'by a name with a dot',
      { claims: { 'https://acme.example/role': ['ops'] } },
      token({ claims: { 'https://acme.example/role': 'ops' } }),
      true,
    ],
    ['never by what all objects have', { claims: { toString: ['x'] } }, token(), false],
    ['only by all together', { issuer: IDP, subjects: ['bob'] }, token(), false],
    ['by the name of a key', { keys: ['desk'] }, { kind: 'key', name: 'desk' }, true],
    ['not by a subject of that name', { keys: ['alice'] }, token(), false],
    ['not a key by anything else', { subjects: ['*'] }, { kind: 'key', name: 'desk' }, false],
    ['not when nobody knows it', { subjects: ['*'] }, { kind: 'anonymous' }, false],
  ])('%s', (_, rule, facts, expected) => {
    expect(isIn(rule, facts)).toBe(expected)
  })

  const foreign = token({ issuer: ACME, subject: `${GLOBEX}|p-1` })

  it('that another organisation passes on by the issuer there', () => {
    expect(isIn({ issuer: GLOBEX }, foreign)).toBe(true)
    expect(isIn({ issuer: GLOBEX, subjects: ['p-1'] }, foreign)).toBe(true)
    expect(isIn({ issuer: ACME }, foreign)).toBe(false)
  })

  it('never as one of ours, when another organisation passes it on', () => {
    expect(isIn({ subjects: ['*'] }, foreign)).toBe(false)
    expect(isIn({ clients: ['app'] }, foreign)).toBe(false)
  })

  it('of several at once, by any of several ways', () => {
    const classes = {
      b: [{ subjects: ['bob'] }, { clients: ['app'] }],
      a: [{ issuer: IDP }],
      c: [],
    }
    expect(classesOf(classes, token())).toEqual(['a', 'b'])
  })
})

it('knows which members of tokens are asked for', () => {
  const classes = { a: [{ claims: { groups: ['x'], 'realm_access.roles': ['y'] } }], b: [{}] }
  expect([...claimNames(classes)].toSorted()).toEqual([
    'groups',
    'realm_access',
    'realm_access.roles',
  ])
})
