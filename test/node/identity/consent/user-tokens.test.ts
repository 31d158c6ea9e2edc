import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { KeptGrant } from '../../../../node/identity/consent/kept-grant.ts'
import { SignInOver, UserTokens } from '../../../../node/identity/consent/user-tokens.ts'
import type { DelegatedToken } from '../../../../node/identity/delegation/delegated-token.ts'
import { revealToken } from '../../../../node/identity/delegation/delegated-token.ts'
import { FetchFault } from '../../../../node/identity/fetch-fault.ts'
import { OAuthFault } from '../../../../protocol/token/faults.ts'

let now: number
/** What is kept; undefined where nothing is. */
let kept: KeptGrant | undefined
let renewals: KeptGrant[]
/** What a renewal comes to. */
let renewed: () => Promise<KeptGrant>
let count: number

beforeEach(() => {
  now = 1_000
  kept = undefined
  renewals = []
  count = 0
  renewed = () => Promise.resolve(grant())
})

function grant(life = 300, renewable = true): KeptGrant {
  count += 1
  const facts = { issuer: 'i', resource: 'r', clientId: 'c', scheme: 'Bearer' } as const
  const refreshToken = renewable ? `refresh-${count}` : undefined
  const secrets = { accessToken: `access-${count}`, refreshToken, key: undefined }
  return new KeptGrant({ ...facts, scopes: ['use'], expiresAt: now + life }, secrets)
}

function tokens(): UserTokens {
  return new UserTokens({
    clock: () => now,
    load: () => Promise.resolve(kept),
    save: (one) => {
      kept = one
      return Promise.resolve()
    },
    renew: (one) => {
      renewals.push(one)
      return renewed()
    },
  })
}

async function shown(of: UserTokens): Promise<string> {
  return revealToken(await of.token())
}

/** Lets what goes on in the background come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

describe('the tokens of a user', () => {
  test('are read once from where they are kept, and are there at once afterwards', async () => {
    kept = grant()
    const mine = tokens()
    expect(mine.grant).toBeUndefined()
    await Promise.all([mine.load(), mine.load()])
    expect(mine.load()).toBeUndefined()
    expect(await shown(mine)).toBe('access-1')
    expect(renewals).toEqual([])
  })

  test('are none before a sign-in', async () => {
    const mine = tokens()
    await mine.load()
    expect(() => mine.token()).toThrow(SignInOver)
  })

  test('are kept before they are used: a sign-in that cannot be kept is none', async () => {
    const mine = new UserTokens({
      clock: () => now,
      load: () => Promise.resolve(undefined),
      save: () => Promise.reject(new Error('no room')),
      renew: () => renewed(),
    })
    await expect(mine.take(grant())).rejects.toThrow('no room')
    expect(mine.grant).toBeUndefined()
  })

  test('law: what is shown has not ended, and no refresh token is used twice', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), by: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constantFrom('use' as const, 'refused' as const, 'sign-in' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        now = 1_000
        renewals = []
        const mine = tokens()
        await mine.take(grant())
        const wrong: string[] = []
        let last: DelegatedToken | undefined
        for (const one of steps) {
          if (one.kind === 'wait') now += one.by
          else if (one.kind === 'sign-in') await mine.take(grant())
          else if (one.kind === 'refused' && last !== undefined) mine.unwanted(last)
          else {
            last = await Promise.resolve()
              .then(() => mine.token())
              .catch(() => undefined)
            if (last !== undefined && last.facts.expiresAt <= now) wrong.push('has ended')
          }
          await settle()
          if (mine.grant !== kept) wrong.push('another is kept than is used')
        }
        if (new Set(renewals).size !== renewals.length) wrong.push('a refresh token twice')
        expect(wrong).toEqual([])
      }),
    )
  })

  test('are renewed once, however many ask', async () => {
    const mine = tokens()
    await mine.take(grant())
    now += 280
    const all = await Promise.all(Array.from({ length: 10 }, () => shown(mine)))
    expect(new Set(all)).toEqual(new Set(['access-2']))
    expect(renewals).toHaveLength(1)
    expect(kept).toBe(mine.grant)
  })

  test('are renewed when the upstream does not take one', async () => {
    const mine = tokens()
    await mine.take(grant())
    expect(mine.unwanted(await mine.token())).toBe(true)
    expect(await shown(mine)).toBe('access-2')
  })

  test.each<[string, Error, boolean]>([
    ['by the server, are over', new OAuthFault('invalid_grant', 'no'), true],
    ['by the network, are not', new FetchFault('timeout', 'as.example', 'is slow'), false],
  ])('whose renewal fails %s', async (_, error, isOver) => {
    const mine = tokens()
    await mine.take(grant())
    now += 280
    renewed = () => Promise.reject(error)
    await expect(shown(mine)).rejects.toBeInstanceOf(isOver ? SignInOver : FetchFault)
    expect([mine.grant === undefined, kept === undefined]).toEqual([isOver, isOver])
  })

  test('that cannot be renewed are over when they end, or are not taken', async () => {
    const mine = tokens()
    await mine.take(grant(300, false))
    now += 299
    expect(await shown(mine)).toBe('access-1')
    now += 1
    expect(() => mine.token()).toThrow(SignInOver)
    await settle()
    expect(kept).toBeUndefined()
    await mine.take(grant(300, false))
    expect(mine.unwanted(await mine.token())).toBe(false)
    await settle()
    expect(kept).toBeUndefined()
  })

  test('of a sign-in during a renewal are those of the sign-in', async () => {
    const mine = tokens()
    await mine.take(grant())
    now += 280
    const answer = Promise.withResolvers<KeptGrant>()
    renewed = () => answer.promise
    const waiting = shown(mine)
    const fresh = grant()
    await mine.take(fresh)
    answer.resolve(grant())
    await waiting
    expect(mine.grant).toBe(fresh)
    expect(kept).toBe(fresh)
    expect(await shown(mine)).toBe('access-2')
  })
})
