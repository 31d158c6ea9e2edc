import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { signJwt, verifyWith } from '../../../node/identity/jwt.ts'
import { Keys, type KeysOptions } from '../../../node/identity/keys.ts'
import { StateError } from '../../../node/identity/state-files.ts'
import { readCompact } from '../../../protocol/token/compact.ts'

const LIFETIME = 30 * 86_400
const OVERLAP = 125
const LEAD = 900

let folder: string
let now = 1_800_000_000
const opened: Keys[] = []

beforeEach(async () => {
  now = 1_800_000_000
  folder = join(await mkdtemp(join(tmpdir(), 'banyan-keys-')), 'state')
})
afterEach(async () => {
  for (const keys of opened.splice(0)) keys.close()
  await rm(join(folder, '..'), { recursive: true, force: true })
})

async function open(options: Partial<KeysOptions> = {}): Promise<Keys> {
  const keys = await Keys.open({
    folder,
    clock: () => now,
    lifetime: LIFETIME,
    overlap: OVERLAP,
    ...options,
  })
  opened.push(keys)
  return keys
}

const file = (purpose: string): string => join(folder, `keys-${purpose}.json`)

function jwksOf(keys: Keys): JSONWebKeySet {
  return JSON.parse(keys.ring('sts').jwks()) as JSONWebKeySet
}

async function refusal(work: Promise<unknown>): Promise<StateError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof StateError) return error
  throw new Error('it was not refused', { cause: error })
}

describe('the first start', () => {
  test('makes one file a purpose, nobody else can read them, and none for proofs', async () => {
    await open()
    expect((await readdir(folder)).toSorted()).toEqual([
      'keys-client.json',
      'keys-result.json',
      'keys-sts.json',
    ])
    expect(((await stat(folder)).mode & 0o777).toString(8)).toBe('700')
    for (const name of await readdir(folder)) {
      expect(((await stat(join(folder, name))).mode & 0o777).toString(8)).toBe('600')
    }
  })

  test('publishes keys whose kid is their thumbprint, and nothing private', async () => {
    const keys = await open()
    for (const purpose of ['sts', 'client', 'dpop', 'result'] as const) {
      const { keys: published } = JSON.parse(keys.ring(purpose).jwks()) as JSONWebKeySet
      expect(published).toHaveLength(1)
      const [jwk] = published
      expect(Object.keys(jwk ?? {}).toSorted()).toEqual([
        'alg',
        'crv',
        'kid',
        'kty',
        'use',
        'x',
        'y',
      ])
      expect(jwk?.kid).toBe(await calculateJwkThumbprint(jwk ?? {}))
    }
  })

  test('what is signed is verified by jose with what is published', async () => {
    const keys = await open()
    const token = signJwt(keys.ring('sts').signing(), 'at+jwt', { sub: 'ann' })
    const { protectedHeader } = await compactVerify(token, createLocalJWKSet(jwksOf(keys)))
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
  })

  test('without a folder keys live as long as the process', async () => {
    const [one, other] = [await open({ folder: undefined }), await open({ folder: undefined })]
    expect(one.ring('sts').jwks()).not.toBe(other.ring('sts').jwks())
    await one.ring('sts').rotate()
    expect(jwksOf(one).keys).toHaveLength(2)
  })
})

describe('the next start', () => {
  test('finds the same keys, and a new one for proofs', async () => {
    const [first, second] = [await open(), await open()]
    for (const purpose of ['sts', 'client', 'result'] as const) {
      expect(second.ring(purpose).jwks()).toBe(first.ring(purpose).jwks())
    }
    expect(second.ring('dpop').jwks()).not.toBe(first.ring('dpop').jwks())
  })

  test('of several that start at once all have the same keys', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => open()))
    expect(new Set(all.map((keys) => keys.ring('sts').jwks())).size).toBe(1)
    expect((await readdir(folder)).toSorted()).toHaveLength(3)
  })
})

describe('rotation', () => {
  test('by age: next, current, old, gone', async () => {
    const keys = await open()
    const ring = keys.ring('sts')
    const [old] = ring.states()
    now += LIFETIME - LEAD
    await keys.refresh()
    expect(ring.states().map(({ state }) => state)).toEqual(['current', 'next'])
    const next = ring.states()[1]?.kid
    expect(ring.signing().kid).toBe(old?.kid)
    now += LEAD
    expect(ring.signing().kid).toBe(next)
    expect(ring.states().map(({ state }) => state)).toEqual(['old', 'current'])
    now += OVERLAP
    expect(jwksOf(keys).keys.map(({ kid }) => kid)).toEqual([next])
    await keys.refresh()
    expect(await readFile(file('sts'), 'utf8')).not.toContain(old?.kid)
  })

  test('on demand, while another process runs with the same keys', async () => {
    const [node, command] = [await open(), await open()]
    const due = await command.ring('sts').rotate()
    expect(due).toBe(now + LEAD)
    await node.refresh()
    expect(node.ring('sts').jwks()).toBe(command.ring('sts').jwks())
    expect(node.ring('sts').states()).toHaveLength(2)
    now = due
    expect(node.ring('sts').signing().kid).toBe(command.ring('sts').signing().kid)
  })

  test('by several processes at once loses no key', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open()))
    await Promise.all(all.map((keys) => keys.ring('sts').rotate()))
    const fresh = await open()
    expect(fresh.ring('sts').states()).toHaveLength(2)
    for (const keys of all) {
      await keys.refresh()
      expect(keys.ring('sts').jwks()).toBe(fresh.ring('sts').jwks())
    }
  })

  test('attack 40: a removed key that still signs is refused at once, and its kid never comes back', async () => {
    const keys = await open()
    const ring = keys.ring('sts')
    const stolen = ring.signing()
    expect(await ring.remove('unknown')).toBe(false)
    expect(await ring.remove(stolen.kid)).toBe(true)
    expect(ring.signing().kid).not.toBe(stolen.kid)
    const token = readCompact(signJwt(stolen, 'at+jwt', { sub: 'ann' }))
    expect(() => verifyWith(ring, token)).toThrow(
      expect.objectContaining({ problem: 'unknown_key' }),
    )
    expect(ring.jwks()).not.toContain(stolen.kid)
    expect((await open()).ring('sts').jwks()).toBe(ring.jwks())
  })

  test('attack 40: an old key counts in the overlap and not after', async () => {
    const keys = await open()
    const ring = keys.ring('sts')
    const old = ring.signing()
    now = await ring.rotate()
    const token = readCompact(signJwt(old, 'at+jwt', { sub: 'ann' }))
    now += OVERLAP - 1
    expect(verifyWith(ring, token)).toMatchObject({ thumbprint: old.kid })
    now += 1
    expect(() => verifyWith(ring, token)).toThrow(
      expect.objectContaining({ problem: 'unknown_key' }),
    )
  })

  test('a file that is gone is no reason to forget the keys', async () => {
    const keys = await open()
    const before = keys.ring('sts').jwks()
    await rm(file('sts'))
    await keys.refresh()
    expect(keys.ring('sts').jwks()).toBe(before)
  })
})

async function damaged(text: string): Promise<StateError> {
  await open()
  await writeFile(file('sts'), text)
  const error = await refusal(open())
  expect(error.file).toBe(file('sts'))
  expect(await readFile(file('sts'), 'utf8')).toBe(text)
  return error
}

describe('what cannot be used', () => {
  const key = { kid: 'k', madeAt: 1, usedFrom: 1, jwk: { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' } }

  test.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['an array', '[]'],
    ['no version', '{"purpose":"sts","keys":[]}'],
    ['no keys', '{"version":1,"purpose":"sts","keys":[]}'],
    ['half a key', JSON.stringify({ version: 1, purpose: 'sts', keys: [{ kid: 'x' }] })],
    ['no time', JSON.stringify({ version: 1, purpose: 'sts', keys: [{ ...key, madeAt: '1' }] })],
    ['no point', JSON.stringify({ version: 1, purpose: 'sts', keys: [key] })],
  ])('a file with %s is named and left as it is', async (_, text) => {
    expect((await damaged(text)).message).toContain(`${file('sts')}: is damaged`)
  })

  test('a newer version of the file is named as that', async () => {
    expect((await damaged('{"version":2}')).message).toContain('newer version')
  })

  test('a key whose halves are of two keys, or whose kid is another, is refused', async () => {
    await open()
    const good = JSON.parse(await readFile(file('sts'), 'utf8')) as {
      keys: [{ kid: string; jwk: Record<string, string> }]
    }
    const other = JSON.parse(await readFile(file('client'), 'utf8')) as typeof good
    const [mine] = good.keys
    const d = other.keys[0].jwk['d'] ?? ''
    const mixed = { ...good, keys: [{ ...mine, jwk: { ...mine.jwk, d } }] }
    const error = await damaged(JSON.stringify(mixed))
    expect(error.message).toContain('is damaged')
    expect(inspect(error)).not.toContain(d)
    const renamed = { ...good, keys: [{ ...mine, kid: other.keys[0].kid }] }
    expect((await damaged(JSON.stringify(renamed)).catch(refused)).message).toContain('is damaged')
  })

  test('damage while the node runs is told, and the keys stay', async () => {
    const keys = await open()
    const before = keys.ring('sts').jwks()
    await writeFile(file('sts'), '{')
    expect((await refusal(keys.refresh())).file).toBe(file('sts'))
    expect(keys.ring('sts').jwks()).toBe(before)
  })

  test('a file others can read is refused, and the command that mends it is said', async () => {
    await open()
    await chmod(file('client'), 0o640)
    const error = await refusal(open())
    expect(error.message).toContain(`chmod 600 ${file('client')}`)
  })

  test('a file of one purpose is of no use for another', async () => {
    await open()
    await writeFile(file('result'), await readFile(file('sts')))
    expect((await refusal(open())).message).toContain('purpose "result"')
  })

  test('one key never serves two purposes', async () => {
    await open()
    const text = await readFile(file('sts'), 'utf8')
    await writeFile(file('result'), text.replace('"sts"', '"result"'))
    const error = await refusal(open())
    expect(error.file).toBe(file('result'))
    expect(error.message).toContain('purpose "sts"')
  })
})

test('attack 34: no way to print a ring shows a private key', async () => {
  const keys = await open()
  const { keys: kept } = JSON.parse(await readFile(file('sts'), 'utf8')) as {
    keys: [{ jwk: { d: string } }]
  }
  const { d } = kept[0].jwk
  const ring = keys.ring('sts')
  const printed = [keys, ring, ring.signing()].flatMap((one) => [
    inspect(one, { depth: 9, showHidden: true }),
    JSON.stringify(one),
  ])
  expect(printed.join('\n')).not.toContain(d)
})

function refused(error: unknown): StateError {
  if (error instanceof StateError) return error
  throw error
}
