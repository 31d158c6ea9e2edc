import { beforeEach, describe, expect, test } from 'vitest'
import { FetchFault } from '../../../node/identity/fetch-fault.ts'
import { signJwt, verifyWith } from '../../../node/identity/jwt.ts'
import { RemoteKeys } from '../../../node/identity/remote-keys.ts'
import { SigningKey } from '../../../node/identity/signing-key.ts'
import type { VerifyKey } from '../../../node/identity/verify-key.ts'
import { readCompact } from '../../../protocol/token/compact.ts'

const URL_OF_KEYS = 'https://a.example/oauth/jwks'

let now = 0
let fetched: string[] = []
let publish: () => unknown = () => ({ keys: [] })

beforeEach(() => {
  now = 1_000_000
  fetched = []
})

function remote(): RemoteKeys {
  return new RemoteKeys({
    rules: { algs: ['ES256'], pins: [], thumbprintKids: true },
    locate: () => URL_OF_KEYS,
    clock: () => now,
    fetch: {
      async getJson(url) {
        fetched.push(url)
        await Promise.resolve()
        const json = publish() as Record<string, unknown>
        return { status: 200, header: () => undefined, json }
      },
    },
  })
}

const setOf = (...keys: SigningKey[]): unknown => ({
  keys: keys.map((key) => ({ ...key.jwk, kid: key.kid })),
})
const down = (): never => {
  throw new FetchFault('timeout', 'a.example', 'takes too long to answer')
}

const [one, two] = [SigningKey.generate(), SigningKey.generate()]

async function problem(work: () => VerifyKey | Promise<VerifyKey>): Promise<unknown> {
  try {
    await work()
    return 'found'
  } catch (error) {
    return error instanceof FetchFault ? error.problem : (error as { problem: unknown }).problem
  }
}

describe('keys that are fetched', () => {
  test('are fetched when the first token comes, once for all who wait, and found at once after', async () => {
    publish = () => setOf(one)
    const keys = remote()
    expect(fetched).toEqual([])
    const waiting = [keys.find(one.kid, 'ES256'), keys.find(one.kid, 'ES256')]
    for (const key of waiting) expect((await key).thumbprint).toBe(one.kid)
    expect(fetched).toEqual([URL_OF_KEYS])
    expect(keys.find(one.kid, 'ES256')).not.toBeInstanceOf(Promise)
    const token = readCompact(signJwt(one, 'at+jwt', {}))
    expect(verifyWith(keys, token)).toMatchObject({ thumbprint: one.kid })
  })

  test('are renewed behind the back of whoever uses them, and never older than ten minutes', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    now += 299
    await keys.find(one.kid, 'ES256')
    expect(fetched).toHaveLength(1)
    now += 1
    publish = () => setOf(two)
    expect(keys.find(one.kid, 'ES256')).not.toBeInstanceOf(Promise)
    await keys.find(two.kid, 'ES256')
    expect(fetched).toHaveLength(2)
    now += 601
    publish = () => setOf(one)
    expect(await problem(() => keys.find(two.kid, 'ES256'))).toBe('unknown_key')
    expect(fetched).toHaveLength(3)
  })

  test('attack 4: a flood of unknown kids makes one fetch in thirty seconds', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    const names = [
      '../../etc/passwd',
      "' OR 1=1 --",
      'https://attacker.example/k',
      '\0',
      'k'.repeat(256),
    ]
    const flood = async (): Promise<void> => {
      const all = [...names, ...Array.from({ length: 200 }, (_, index) => `kid ${index}`)]
      for (const kid of all)
        expect(await problem(() => keys.find(kid, 'ES256'))).toBe('unknown_key')
    }
    await flood()
    expect(fetched).toHaveLength(1)
    now += 30
    await flood()
    expect(fetched).toHaveLength(2)
    now += 30
    await Promise.all([flood(), flood(), flood()])
    expect(fetched).toEqual([URL_OF_KEYS, URL_OF_KEYS, URL_OF_KEYS])
    expect(keys.find(one.kid, 'ES256')).not.toBeInstanceOf(Promise)
  })

  test('a new key is found with one fetch', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    now += 31
    publish = () => setOf(one, two)
    expect((await keys.find(two.kid, 'ES256')).thumbprint).toBe(two.kid)
    expect(fetched).toHaveLength(2)
  })

  test('attack 25: the last good keys are kept while there is nothing better, for a day', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    for (const bad of [
      down,
      () => ({}),
      () => ({ keys: Array.from({ length: 10_000 }, () => ({})) }),
    ]) {
      publish = bad
      now += 700
      expect((await keys.find(one.kid, 'ES256')).thumbprint).toBe(one.kid)
      const before = fetched.length
      expect(keys.find(one.kid, 'ES256')).not.toBeInstanceOf(Promise)
      expect(fetched).toHaveLength(before)
    }
    publish = down
    now += 86_400
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('timeout')
  })

  test('when the first fetch fails it is said why, and asked again half a minute later', async () => {
    publish = down
    const keys = remote()
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('timeout')
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('timeout')
    expect(fetched).toHaveLength(1)
    now += 30
    publish = () => setOf(one)
    expect((await keys.find(one.kid, 'ES256')).thumbprint).toBe(one.kid)
  })

  test('while they cannot be had, who needs one hears when they are asked for again', async () => {
    publish = down
    const keys = remote()
    const hint = async (): Promise<unknown> => {
      try {
        await keys.find(one.kid, 'ES256')
        return 'found'
      } catch (error) {
        return error instanceof FetchFault ? error.retryAfterMs : error
      }
    }
    expect(await hint()).toBe(30_000)
    now += 12
    expect(await hint()).toBe(18_000)
    now += 18
    publish = () => {
      throw new FetchFault('status', 'a.example', 'has no time (status 503)', 45_000)
    }
    expect(await hint()).toBe(45_000)
    now += 29
    expect(await hint()).toBe(45_000)
    expect(fetched).toHaveLength(2)
  })

  test('a set that is empty on purpose counts', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    publish = () => ({ keys: [] })
    now += 601
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('unknown_key')
  })

  test('a hint that keys changed makes the next token fetch, not sooner than any other', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    publish = () => setOf(two)
    keys.expire()
    expect((await keys.find(one.kid, 'ES256')).thumbprint).toBe(one.kid)
    expect(fetched).toHaveLength(1)
    now += 30
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('unknown_key')
  })

  test('attack 40: a kid never comes to mean another key', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    publish = () => ({ keys: [{ ...two.jwk, kid: one.kid }] })
    now += 601
    expect(await problem(() => keys.find(one.kid, 'ES256'))).toBe('unknown_key')
  })

  test('a closed one fetches nothing', async () => {
    publish = () => setOf(one)
    const keys = remote()
    await keys.find(one.kid, 'ES256')
    keys.close()
    now += 500
    await keys.find(one.kid, 'ES256')
    expect(await problem(() => keys.find('other', 'ES256'))).toBe('unknown_key')
    expect(fetched).toHaveLength(1)
  })
})
