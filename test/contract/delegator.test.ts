import { describe, expect, test } from 'vitest'
import type { Principal } from '../../node/core/principal.ts'
import { Fault } from '../../protocol/errors.ts'
import type { AccessClaims } from '../../protocol/token/claims.ts'
import { accessOf } from '../node/identity/service/token-lab.ts'
import { delegatorContract } from './delegator.contract.ts'
import { WAYS, type Bench, type WayChange } from './delegators.ts'

for (const way of WAYS) delegatorContract(way)

const [inProcess, byExchange, byOwnGrant, byGrantOfIssuer] = WAYS

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

const RENAMED = { 'ns:crm:read': ['ns:sales:read'] }

describe('names that change on the way', () => {
  test('at the issuer of the organisation, as the record of the node says', async () => {
    const map = { 'ns:docs': ['ns:crm'] }
    const scope = ['ns:docs']
    const made = await byExchange?.make({ map, within: map })
    expect(made && (await tokenBy(made, { scope }))?.scope).toEqual(['ns:crm'])
    const unnamed = await byExchange?.make({ map, within: { 'ns:wiki': ['ns:crm'] } })
    expect(unnamed && (await tokenBy(unnamed, { scope }))).toBeUndefined()
  })

  test.each([byOwnGrant, byGrantOfIssuer])(
    'at the peer, only where the link expects it: $name',
    async (way) => {
      const change: WayChange = { across: RENAMED }
      const scope = ['ns:crm:read']
      const unexpected = await way?.make(change)
      expect(unexpected && (await tokenBy(unexpected, { scope }))).toBeUndefined()
      const expected = await way?.make({ ...change, accept: ['ns:sales:read'] })
      expect(expected && (await tokenBy(expected, { scope }))?.scope).toEqual(['ns:sales:read'])
    },
  )
})

describe('a caller with a static key', () => {
  test.each([byExchange, byGrantOfIssuer])(
    'is never taken for the node where a token must be shown: $name',
    async (way) => {
      const bench = await way?.make()
      if (bench === undefined) throw new Error('no such way')
      const keyed = keyHolder(bench)
      const asked = async (): Promise<unknown> => bench.delegator.delegate(keyed, { budget: 6 })
      await expect(asked()).rejects.toMatchObject({ code: 'delegation_refused' })
      expect(bench.posted).toEqual([])
      await bench.close()
    },
  )

  test('is vouched for by a token service in this process, under a name of its own', async () => {
    const bench = await inProcess?.make()
    if (bench === undefined) throw new Error('no such way')
    const keyed = keyHolder(bench)
    const authorization = await bench.delegator.delegate(keyed, { budget: 6 })
    const [, value = ''] = await authorization.lines('POST')
    expect(accessOf(value.slice('DPoP '.length)).sub).toBe(`key:${keyed.subject}`)
    await bench.close()
  })
})
