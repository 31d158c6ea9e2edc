// What a delegator remembers, against what it would do without a memory (identity.md, invariants 20 to 22).
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SILENT } from '../../../../node/core/logger.ts'
import type { Principal } from '../../../../node/core/principal.ts'
import type { Delegation } from '../../../../node/identity/delegation/backend.ts'
import { DelegatedToken } from '../../../../node/identity/delegation/delegated-token.ts'
import { UpstreamDelegator } from '../../../../node/identity/delegation/upstream-delegator.ts'
import { ProofMaker } from '../../../../node/identity/proof-maker.ts'
import { MemoryRevocations } from '../../../../node/identity/service/revocations.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { principalKey } from '../../../../node/identity/verifier/principals.ts'
import type { AccessClaims } from '../../../../protocol/token/claims.ts'
import { Fault } from '../../../../protocol/errors.ts'

const OWN = 'https://own.example'
const KEY = SigningKey.generate()
const TTL = 120

/** Who calls: of each kind of name a few, so that they collide in all ways. */
interface Who {
  readonly iss: string
  readonly sub: string
  readonly client: string
  readonly jti: string
  readonly scopes: readonly string[]
  readonly life: number
}

const who: fc.Arbitrary<Who> = fc.record({
  iss: fc.constantFrom(OWN, 'https://other.example'),
  sub: fc.constantFrom('ann', 'bob', 'a', 'nn'),
  client: fc.constantFrom('c', 'annc', ''),
  jti: fc.constantFrom('1', '11', '2'),
  scopes: fc.constantFrom(['ns:a'], ['ns:a', 'ns:b'], ['ns:b']),
  life: fc.constantFrom(600, 5_000, 1_000_000),
})

function principalOf({ iss, sub, client, jti, scopes, life }: Who): Principal {
  const exp = 1_000 + life
  const claims: AccessClaims = {
    iss,
    sub,
    aud: `${OWN}/mcp/main`,
    clientId: client,
    jti,
    iat: 1_000,
    exp,
    scope: scopes,
    txn: `txn of ${iss} ${jti}`,
  }
  return {
    issuer: iss,
    subject: sub,
    clientId: client,
    key: principalKey(iss, sub, client),
    scopes,
    claims,
    credential: undefined,
    expiresAt: exp * 1_000,
  }
}

/** What a token was made from, and when it ends. */
interface Given {
  readonly from: string
  readonly jti: string
  readonly end: number
  readonly policy: number
}

/** A delegator whose issuer gives whatever is asked for, and says what that was. */
class Scene {
  now = 1_000
  policy = 0
  readonly given = new Map<string, Given>()
  readonly revocations: MemoryRevocations
  readonly delegator: UpstreamDelegator

  constructor() {
    const clock = (): number => this.now
    this.revocations = new MemoryRevocations({ clock, capacity: 1_000 })
    this.delegator = new UpstreamDelegator({
      label: 'up',
      url: 'https://up.example/mcp',
      map: { 'ns:a': ['ns:a'], 'ns:b': ['ns:b'] },
      requires: [],
      capacity: 8,
      clock,
      backend: { obtain: (delegation) => this.#give(delegation) },
      self: () => ({ issuer: OWN, subject: OWN, clientId: OWN, scopes: [], expiresAt: Infinity }),
      ownIssuer: () => OWN,
      signer: () => OWN,
      proofs: new ProofMaker(KEY, clock),
      isRevoked: (claims) => this.revocations.isRevoked(claims),
      log: SILENT,
    })
    this.revocations.onRevoked((revocation) => this.delegator.revoked(revocation))
  }

  /** The token of a call; undefined where it is refused. */
  async call(caller: Principal, budget: number): Promise<Given | undefined> {
    try {
      const authorization = await this.delegator.delegate(caller, { budget })
      const [, value = ''] = await authorization.lines('POST')
      return this.given.get(value.slice('DPoP '.length))
    } catch (error) {
      if (error instanceof Fault) return undefined
      throw error
    }
  }

  async #give(delegation: Delegation): Promise<DelegatedToken> {
    const { parent } = delegation
    const end = Math.min(parent.expiresAt, this.now + TTL)
    const { policy } = this
    const raw = `t-${this.given.size}`
    await Promise.resolve()
    this.given.set(raw, { from: nameOf(delegation), jti: raw, end, policy })
    const facts = { scopes: parent.scopes, expiresAt: end, jti: raw, issuer: 'https://up.example' }
    return new DelegatedToken(raw, { scheme: 'DPoP', ...facts, txn: parent.txn ?? '' })
  }
}

/** Everything a token depends on, written so that no two are alike. */
function nameOf({ parent, origin }: Delegation): string {
  const { issuer, subject, clientId, scopes, budget, expiresAt } = parent
  return JSON.stringify([issuer, subject, clientId, scopes, budget, expiresAt, origin?.jti])
}

function wanted(caller: Who, budget: number): string {
  const { iss, sub, client, scopes, life, jti } = caller
  return JSON.stringify([iss, sub, client, scopes, budget, 1_000 + life, jti])
}

/** Of the few callers there are, so that each comes back. */
const index = fc.nat(2)
const by = fc.constantFrom('jti' as const, 'txn' as const)
// Mostly with the same budget, for another is another token.
const budget = fc.constantFrom(1, 1, 1, 1, 2)
const call = fc.record({ kind: fc.constant('call' as const), index, budget })
const step = fc.oneof(
  { weight: 8, arbitrary: call },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.integer({ min: 1, max: 200 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), index, by }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const) }) },
)

describe('what is remembered of tokens', () => {
  test('law (invariants 20, 21 and 22): a call gets what it would get without a memory, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(who, who, who),
        fc.array(step, { maxLength: 50 }),
        async (callers, steps) => {
          const scene = new Scene()
          const dead = new Set<string>()
          const wrong: string[] = []
          const callerAt = (at: number): Who => callers[at] ?? callers[0]
          for (const one of steps) {
            if (one.kind === 'wait') scene.now += one.seconds
            else if (one.kind === 'reload') {
              scene.policy += 1
              scene.delegator.clear()
            } else if (one.kind === 'revoke') {
              const {
                iss,
                jti,
                txn = '',
              } = principalOf(callerAt(one.index)).claims ?? {
                iss: '',
                jti: '',
              }
              const id = one.by === 'jti' ? jti : txn
              scene.revocations.revoke({ issuer: iss, by: one.by, id, until: Infinity })
              dead.add(`${iss} ${one.by} ${id}`)
            } else {
              // Who is over is no caller any more.
              const called = callerAt(one.index)
              if (scene.now >= 1_000 + called.life) continue
              const caller = principalOf(called)
              const found = await scene.call(caller, one.budget)
              const { iss, jti, txn } = caller.claims ?? { iss: '', jti: '', txn: '' }
              const isDead = dead.has(`${iss} jti ${jti}`) || dead.has(`${iss} txn ${txn}`)
              if (isDead && found !== undefined) wrong.push('it was revoked (22)')
              if (found === undefined) continue
              if (found.from !== wanted(called, one.budget)) wrong.push(`of somebody else (21)`)
              if (found.end <= scene.now) wrong.push('it is over (20)')
              if (found.policy !== scene.policy) wrong.push('by another policy (20)')
            }
          }
          expect(wrong).toEqual([])
        },
      ),
      { numRuns: 200 },
    )
  })

  test('law (invariant 21): any two who differ in anything have two tokens', async () => {
    await fc.assert(
      fc.asyncProperty(who, who, async (one, other) => {
        const scene = new Scene()
        const [mine, theirs] = [
          await scene.call(principalOf(one), 3),
          await scene.call(principalOf(other), 3),
        ]
        const isSame = wanted(one, 3) === wanted(other, 3)
        expect(mine?.jti === theirs?.jti).toBe(isSame)
        expect(mine).toBeDefined()
      }),
    )
  })

  test('invariant 22: what is on its way when it is revoked is not used, by whoever waits for it', async () => {
    const scene = new Scene()
    const one: Who = { iss: OWN, sub: 'ann', client: 'c', jti: '1', scopes: ['ns:a'], life: 600 }
    const waiting = [1, 2, 3].map(() => scene.call(principalOf(one), 3))
    scene.revocations.revoke({ issuer: OWN, by: 'jti', id: '1', until: Infinity })
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined])
  })
})
