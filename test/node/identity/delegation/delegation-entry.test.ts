import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DelegatedToken } from '../../../../node/identity/delegation/delegated-token.ts'
import { DelegationEntry } from '../../../../node/identity/delegation/delegation-entry.ts'
import { OAuthFault } from '../../../../protocol/token/faults.ts'

let count = 0

/** A token that ends then. */
function tokenUntil(expiresAt: number): DelegatedToken {
  count += 1
  return new DelegatedToken(`raw-${count}`, {
    scheme: 'DPoP',
    scopes: [],
    expiresAt,
    jti: `${count}`,
  })
}

describe('the token for one caller', () => {
  test('is fetched once for all who ask at the same time', async () => {
    const asked: ((token: DelegatedToken) => void)[] = []
    const obtain = (): Promise<DelegatedToken> => new Promise((resolve) => asked.push(resolve))
    const entry = new DelegationEntry({ clock: () => 0, obtain })
    const waiting = [0, 1, 2].map(async () => entry.token())
    expect(asked).toHaveLength(1)
    const token = tokenUntil(100)
    asked[0]?.(token)
    expect(await Promise.all(waiting)).toEqual([token, token, token])
    expect(entry.token()).toBe(token)
  })

  test('law (invariant 20): what it gives could be got at that moment, whatever happened before', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), by: fc.integer({ min: 1, max: 90 }) }),
      fc.record({ kind: fc.constantFrom('ask' as const, 'forget' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        let now = 1_000
        const given = new Set<DelegatedToken>()
        let forgotten = new Set<DelegatedToken>()
        const wrong: string[] = []
        const obtain = (): DelegatedToken => tokenUntil(now + 120)
        const entry = new DelegationEntry({ clock: () => now, obtain })
        for (const one of steps) {
          if (one.kind === 'wait') now += one.by
          else if (one.kind === 'forget') {
            entry.forget()
            forgotten = new Set(given)
          } else {
            const token = await entry.token()
            given.add(token)
            if (token.facts.expiresAt <= now) wrong.push('it is over')
            if (forgotten.has(token)) wrong.push('it was forgotten')
          }
        }
        expect(wrong).toEqual([])
      }),
    )
  })

  test('is renewed while it is used, before it ends, and the old one serves until the new one is there', async () => {
    let now = 0
    const later = Promise.withResolvers<DelegatedToken>()
    const tokens = [tokenUntil(100), later.promise]
    const entry = new DelegationEntry({
      clock: () => now,
      obtain: () => tokens.shift() ?? tokenUntil(0),
    })
    const first = entry.token()
    now = 75
    expect(entry.token()).toBe(first)
    expect(tokens).toEqual([])
    const second = tokenUntil(200)
    later.resolve(second)
    await later.promise
    await Promise.resolve()
    expect(entry.token()).toBe(second)
  })

  test('that is refused is not asked for again at once', () => {
    let now = 0
    let asked = 0
    const obtain = (): DelegatedToken => {
      asked += 1
      throw new OAuthFault('invalid_scope', 'no')
    }
    const entry = new DelegationEntry({ clock: () => now, obtain })
    for (let turn = 0; turn < 5; turn++) expect(() => entry.token()).toThrow('no')
    expect(asked).toBe(1)
    now = 4
    expect(() => entry.token()).toThrow('no')
    expect(asked).toBe(2)
  })

  test('that could not be fetched is asked for again', () => {
    let asked = 0
    const obtain = (): DelegatedToken => {
      asked += 1
      throw new Error('down')
    }
    const entry = new DelegationEntry({ clock: () => 0, obtain })
    for (let turn = 0; turn < 3; turn++) expect(() => entry.token()).toThrow('down')
    expect(asked).toBe(3)
  })

  test('invariant 22: that was on its way when it was forgotten is not kept', async () => {
    const first = Promise.withResolvers<DelegatedToken>()
    const tokens = [first.promise, Promise.resolve(tokenUntil(500))]
    const entry = new DelegationEntry({
      clock: () => 0,
      obtain: () => tokens.shift() ?? tokenUntil(0),
    })
    const waiting = entry.token()
    entry.forget()
    const old = tokenUntil(500)
    first.resolve(old)
    await waiting
    expect(await entry.token()).not.toBe(old)
  })
})

test('attack 34: a token prints as what it is', () => {
  const token = tokenUntil(1)
  for (const text of [String(token), JSON.stringify({ token }), inspect(token)]) {
    expect(text).toContain('[token jti=')
    expect(text).not.toContain('raw-')
  }
})
