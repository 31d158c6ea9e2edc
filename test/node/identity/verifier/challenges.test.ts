import { describe, expect, it } from 'vitest'
import { challengeHeaders } from '../../../../node/identity/verifier/challenges.ts'
import { Fault } from '../../../../protocol/errors.ts'
import { TokenFault, type TokenProblem } from '../../../../protocol/token/faults.ts'

const rules = {
  dpop: 'accepted',
  resourceMetadata: 'https://a.example/.well-known/oauth-protected-resource/mcp/main',
  scopes: () => ['ns:fx'],
  nonce: () => 'fresh',
} as const

function said(fault: Fault, dpop: 'accepted' | 'required' = 'accepted'): readonly string[] {
  return challengeHeaders(fault, { ...rules, dpop })
}

const of = (problem: TokenProblem): Fault => new TokenFault(problem, 'words')

describe('a challenge', () => {
  it('is made for what a token would help with, and nothing else', () => {
    for (const code of [
      'overloaded',
      'bad_http',
      'internal',
      'loop',
      'unknown_endpoint',
    ] as const) {
      expect(said(new Fault(code, 'words'))).toEqual([])
    }
  })

  it('has no error where no token was sent', () => {
    expect(said(of('missing')).join(' ')).not.toContain('error=')
  })

  it.each<[TokenProblem, string]>([
    ['expired', 'invalid_token'],
    ['binding', 'invalid_token'],
    ['malformed', 'invalid_token'],
    ['proof', 'invalid_dpop_proof'],
    ['replayed', 'invalid_dpop_proof'],
    ['nonce', 'use_dpop_nonce'],
  ])('for %s says %s', (problem, error) => {
    expect(said(of(problem))[1]).toContain(`error="${error}"`)
  })

  it('brings a nonce along where one is needed', () => {
    expect(said(of('nonce')).slice(-2)).toEqual(['dpop-nonce', 'fresh'])
    expect(said(of('proof'))).not.toContain('dpop-nonce')
  })

  it('offers no Bearer where tokens must be bound', () => {
    const values = said(of('missing'), 'required')
    expect(values).toHaveLength(2)
    expect(values[1]).toMatch(/^DPoP /)
  })

  it('names all scopes of the call, and nothing that is no scope', () => {
    const data = { scopes: ['tool:fx/a', 'ns:b', 'x" evil="1', 'a b', 7, '', 'x\r\ny'] }
    const [, bearer] = said(new Fault('insufficient_scope', 'words', { data }))
    expect(bearer).toBe(
      `Bearer error="insufficient_scope", scope="tool:fx/a ns:b", resource_metadata="${rules.resourceMetadata}"`,
    )
  })

  it('has none of the words of a fault in it', () => {
    const fault = new TokenFault('claims', 'canary', { cause: new Error('canary') })
    expect(said(fault).join(' ')).not.toContain('canary')
  })
})
