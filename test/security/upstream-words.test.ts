// Invariant 30, and what row 34 asks of things that are printed: words of an upstream's refusals, and dumps of what a node
// holds.
import { inspect } from 'node:util'
import { serialize } from 'node:v8'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../node/core/logger.ts'
import { CredentialHolder } from '../../node/identity/credential.ts'
import { DelegatedToken } from '../../node/identity/delegation/delegated-token.ts'
import { tokenPrincipal } from '../../node/identity/verifier/principals.ts'
import { capturedStandardError } from '../node/main/captured.ts'
import { Three } from './three.ts'

let three: Three

beforeAll(async () => {
  three = await Three.start()
})
beforeEach(() => three.begin())
afterAll(() => three.close())

/** Long enough that nothing says it by chance, and what a header may hold. */
const word = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789:/._~'.split('')),
  minLength: 12,
  maxLength: 60,
})

const refusal = fc.record({
  status: fc.constantFrom(400, 401, 403, 404, 429, 500, 502, 503),
  scheme: fc.constantFrom('Bearer', 'DPoP', 'Basic'),
  error: fc.constantFrom('invalid_token', 'insufficient_scope', 'use_dpop_nonce', 'other'),
})

describe('invariant 30: errors to clients contain no string from upstream errors', () => {
  it('invariant 30: of a refusal by the endpoint, whatever it says and wherever', async () => {
    await fc.assert(
      fc.asyncProperty(word, refusal, async (said, { status, scheme, error }) => {
        three.begin()
        three.b.misdeed = (_, exchange) =>
          exchange.raw(JSON.stringify({ error, error_description: said, message: said }), {
            status,
            headers: {
              'www-authenticate': `${scheme} error="${error}", scope="${said}", error_description="${said}", resource_metadata="https://${said}"`,
              'dpop-nonce': said,
              location: `https://${said}`,
              'retry-after': said,
              'content-type': 'application/json',
            },
          })
        const reply = await three.callAs({})
        expect(JSON.stringify([reply.raw, reply.headers])).not.toContain(said)
        expect(JSON.stringify(three.records.a.calls)).not.toContain(said)
        expect(three.arrived).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('invariant 30: of a refusal by its token endpoint', async () => {
    let last = 0
    await fc.assert(
      fc.asyncProperty(word, refusal, async (said, { error }) => {
        three.begin()
        three.b.answer = () => ({ error, error_description: said, error_uri: `https://${said}` })
        // Nobody's token is kept from the run before.
        last += 1
        const reply = await three.callAs({ sub: `carol-${last}` })
        expect(reply.error.code).toBeLessThan(0)
        expect(JSON.stringify([reply.raw, reply.headers])).not.toContain(said)
        expect(JSON.stringify(three.records.a.calls)).not.toContain(said)
        expect(three.records.a.audit.at(-1)?.decision).toBe('refused')
        expect(JSON.stringify(three.records.a.audit)).not.toContain(said)
      }),
      { numRuns: 40 },
    )
  })
})

describe('attack 34: what is dumped of what a node holds', () => {
  const raw = `eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJjYW5hcnkifQ.${'canary0'.repeat(12)}`
  const claims = {
    iss: 'https://id.example',
    sub: 'alice',
    aud: 'https://node.example/mcp/main',
    clientId: 'app',
    jti: 'j',
    iat: 1,
    exp: 2,
    scope: ['ns:fx'],
  }
  const principal = tokenPrincipal(
    claims,
    { map: {}, everything: false },
    new CredentialHolder(raw),
  )
  const token = new DelegatedToken(raw, { scheme: 'DPoP', scopes: [], expiresAt: 2, jti: 'j' })

  it('attack 34: by the logger of the program, of an error with all that hangs on it', async () => {
    const failure = Object.assign(new Error('failed', { cause: new Error('inside') }), {
      principal,
      token,
    })
    const text = await capturedStandardError(() => {
      const log = createLogger('debug')
      log.error({ cause: failure, principal, token }, 'failed')
      log.debug({ headers: { authorization: `DPoP ${raw}`, dpop: raw, cookie: raw } }, 'sent')
      log.info({ authorization: raw, one: { token: raw } }, 'slipped')
    })
    expect(text.trim().split('\n')).toHaveLength(3)
    expect(text).not.toContain('canary0')
  })

  it('attack 34: by a debugger, a copy, or a text', () => {
    for (const held of [principal, token, { principal, token }]) {
      const seen = inspect(held, {
        depth: 20,
        showHidden: true,
        getters: true,
        customInspect: false,
      })
      const printed = [inspect(held, { depth: 20 }), JSON.stringify(held), seen]
      const copied = serialize(JSON.parse(JSON.stringify(held))).toString('latin1')
      for (const text of [...printed, copied]) expect(text).not.toContain('canary0')
    }
    const shown = Object.entries({ token, credential: principal.credential })
    expect(serialize(JSON.parse(JSON.stringify(shown))).toString('latin1')).not.toContain('canary0')
    expect([String(token), String(principal.credential)].join(' ')).not.toContain('canary0')
  })
})
