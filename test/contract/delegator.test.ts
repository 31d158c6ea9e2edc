import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Principal } from '../../node/core/principal.ts'
import { Fault } from '../../protocol/errors.ts'
import { actorsOf, chainOf, hashedActor } from '../../protocol/token/act.ts'
import type { AccessClaims } from '../../protocol/token/claims.ts'
import { tellLess, type Telling } from '../../node/identity/telling.ts'
import { accessOf } from '../node/identity/service/token-lab.ts'
import { delegatorContract } from './delegator.contract.ts'
import { byExchange, inProcess, SIGNED_ELSEWHERE, SIGNED_HERE, WAYS } from './delegator-ways.ts'
import type { Bench, Way, WayChange } from './delegators.ts'

for (const way of WAYS) delegatorContract(way)

async function tokenBy(
  bench: Bench,
  change: Partial<AccessClaims> = {},
): Promise<AccessClaims | undefined> {
  try {
    const { principal } = bench.caller(change)
    const authorization = await bench.delegator.delegate(principal, { budget: 6 })
    const [, value = ''] = await authorization.lines('POST')
    return accessOf(value.slice('DPoP '.length))
  } catch (error) {
    if (error instanceof Fault && error.code === 'delegation_refused') return undefined
    throw error
  } finally {
    await bench.close()
  }
}

/** A caller nobody has given a token. */
function keyHolder(bench: Bench): Principal {
  return { ...bench.caller().principal, claims: undefined, credential: undefined }
}

/** Two who acted before, neither of the organisation. */
const OLDER = chainOf([
  { iss: 'https://n0.example', sub: 'https://n0.example/oauth/client.json' },
  { iss: 'https://n1.example', sub: 'https://n1.example/oauth/client.json' },
])

/** What the peer learns by one way: whether of the person, and of how many of those who acted before. */
async function learntBy(way: Way, change: WayChange): Promise<object | undefined> {
  const token = await tokenBy(await way.make(change), { ...(OLDER && { act: OLDER }) })
  if (token === undefined) return undefined
  const [, ...older] = actorsOf(token.act)
  expect(older.map((entry) => hashedActor(entry).hid)).toEqual(
    actorsOf(OLDER).map((entry) => hashedActor(entry).hid),
  )
  const named = older.filter((entry) => 'iss' in entry).length
  return { person: token.sub.endsWith('|alice'), named }
}

const TELLINGS = (['pairwise', 'public'] as const).flatMap((subject) =>
  (['full', 'self', 'hashed'] as const).map((disclose) => ({ subject, disclose })),
)

function expectedOf({ subject, disclose }: Telling): object {
  return { person: subject === 'public', named: disclose === 'full' ? 2 : 0 }
}

describe('what a grant tells', () => {
  test.each([...SIGNED_HERE, ...SIGNED_ELSEWHERE])(
    'is what the upstream says, whoever signs it: $name',
    async (way) => {
      const rule = { subject: 'public', disclose: 'full' } as const
      for (const telling of TELLINGS) {
        expect(await learntBy(way, { telling, rule })).toEqual(expectedOf(telling))
      }
    },
  )

  test.each(SIGNED_ELSEWHERE)(
    'is no more than the record of whoever signs it says: $name',
    async (way) => {
      const cases = fc.tuple(fc.constantFrom(...TELLINGS), fc.constantFrom(...TELLINGS))
      await fc.assert(
        fc.asyncProperty(cases, async ([telling, rule]) => {
          const learnt = await learntBy(way, { telling, rule })
          expect(learnt).toEqual(expectedOf(tellLess(telling, rule)))
        }),
        { numRuns: 12 },
      )
      // Where nothing is said of the peer it gets pseudonyms.
      const telling = { subject: 'public', disclose: 'full' } as const
      expect(await learntBy(way, { telling })).toEqual({ person: false, named: 2 })
    },
  )

  test.each(SIGNED_ELSEWHERE)(
    'goes where the record says, with the scopes it says: $name',
    async (way) => {
      const scope = ['ns:crm:read', 'ns:docs']
      const scopesBy = async (rule: WayChange['rule']): Promise<readonly string[] | undefined> =>
        (
          await tokenBy(await way.make({ ...(rule && { rule }), map: SAME, across: SAME }), {
            scope,
          })
        )?.scope
      expect(await scopesBy({})).toEqual(scope)
      expect(await scopesBy({ scopes: { max: ['ns:docs'] } })).toEqual(['ns:docs'])
      expect(await scopesBy({ scopes: { map: { 'ns:crm:read': ['ns:crm:read'] } } })).toEqual([
        'ns:crm:read',
      ])
      expect(await scopesBy({ scopes: { max: ['ns:sales'] } })).toBeUndefined()
      expect(await scopesBy({ resources: ['https://gw.c.example/mcp/other'] })).toBeUndefined()
    },
  )
})

const SAME = { 'ns:crm:read': ['ns:crm:read'], 'ns:docs': ['ns:docs'] }

const RENAMED = { 'ns:crm:read': ['ns:sales:read'] }

describe('names that change on the way', () => {
  test('at the issuer of the organisation, as the record of the node says', async () => {
    const map = { 'ns:docs': ['ns:crm'] }
    const scope = ['ns:docs']
    const made = await byExchange.make({ map, within: map })
    expect((await tokenBy(made, { scope }))?.scope).toEqual(['ns:crm'])
    const unnamed = await byExchange.make({ map, within: { 'ns:wiki': ['ns:crm'] } })
    expect(await tokenBy(unnamed, { scope })).toBeUndefined()
  })

  test.each([...SIGNED_HERE, ...SIGNED_ELSEWHERE])(
    'at the peer, only where the link expects it: $name',
    async (way) => {
      const change: WayChange = { across: RENAMED }
      const scope = ['ns:crm:read']
      const unexpected = await way.make(change)
      expect(await tokenBy(unexpected, { scope })).toBeUndefined()
      const expected = await way.make({ ...change, accept: ['ns:sales:read'] })
      expect((await tokenBy(expected, { scope }))?.scope).toEqual(['ns:sales:read'])
    },
  )
})

describe('a caller with a static key', () => {
  test.each([byExchange, ...SIGNED_ELSEWHERE])(
    'is never taken for the node where a token must be shown: $name',
    async (way) => {
      const bench = await way.make()
      const keyed = keyHolder(bench)
      const asked = async (): Promise<unknown> => bench.delegator.delegate(keyed, { budget: 6 })
      await expect(asked()).rejects.toMatchObject({ code: 'delegation_refused' })
      expect(bench.posted).toEqual([])
      await bench.close()
    },
  )

  test('is vouched for by a token service in this process, under a name of its own', async () => {
    const bench = await inProcess.make()
    const keyed = keyHolder(bench)
    const authorization = await bench.delegator.delegate(keyed, { budget: 6 })
    const [, value = ''] = await authorization.lines('POST')
    expect(accessOf(value.slice('DPoP '.length)).sub).toBe(`key:${keyed.subject}`)
    await bench.close()
  })

  test('is vouched for by who signs grants for an authorization server, and by no other', async () => {
    const [, forServer] = SIGNED_HERE
    if (forServer === undefined) throw new Error('no such way')
    const bench = await forServer.make({ telling: { subject: 'public' } })
    const keyed = keyHolder(bench)
    const authorization = await bench.delegator.delegate(keyed, { budget: 6 })
    const [, value = ''] = await authorization.lines('POST')
    const named = accessOf(value.slice('DPoP '.length)).sub
    expect(named).toBe(`https://edge.acme.example|key:${keyed.subject}`)
    // A person of the server who is called like that is another.
    const { principal } = bench.caller({ sub: `key:${keyed.subject}` })
    const other = await bench.delegator.delegate(principal, { budget: 6 })
    const [, shown = ''] = await other.lines('POST')
    expect(accessOf(shown.slice('DPoP '.length)).sub).not.toBe(named)
    await bench.close()
  })
})

describe('a delegation that is named by who signs the grant', () => {
  test.each([...SIGNED_HERE, ...SIGNED_ELSEWHERE])(
    'invariant 22: ends by that name: $name',
    async (way) => {
      const bench = await way.make()
      const { principal } = bench.caller({ txn: undefined } as unknown as Partial<AccessClaims>)
      const held = await bench.delegator.delegate(principal, { budget: 6 })
      const [, value = ''] = await held.lines('POST')
      const { txn: id = '' } = accessOf(value.slice('DPoP '.length))
      const until = bench.now() + 600
      bench.revocations.revoke({ issuer: bench.issuer, by: 'txn', id, until })
      expect(await held.lines('POST')).toContain(value)
      bench.revocations.revoke({ issuer: bench.signer, by: 'txn', id, until })
      await expect(async () => held.lines('POST')).rejects.toMatchObject({
        code: 'delegation_refused',
      })
      await bench.close()
    },
  )
})
