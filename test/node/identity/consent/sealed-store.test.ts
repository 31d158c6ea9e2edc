import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Sealer } from '../../../../node/core/seal.ts'
import { SealedStore } from '../../../../node/identity/consent/sealed-store.ts'
import { StateError } from '../../../../node/identity/state-files.ts'

const SECRET = randomBytes(32)
const NAME = ['grant', 'https://up.example/mcp', 'alice'] as const
const VALUE = { accessToken: 'canary-of-a-token', more: [1, { two: null }] }

let folder: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'sealed-store-')), 'sign-ins')
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

interface Change {
  readonly secret?: Buffer
  readonly purpose?: string
  readonly capacity?: number
  readonly memory?: boolean
}

/** A store as another process would open it. */
function open({
  secret = SECRET,
  purpose = 'sign-ins',
  capacity = 100,
  memory = false,
}: Change = {}): SealedStore {
  const sealer = new Sealer(secret, purpose)
  return new SealedStore({ folder: memory ? undefined : folder, sealer, capacity })
}

async function soleFile(): Promise<string> {
  const [file = '', ...others] = await readdir(folder)
  expect(others).toEqual([])
  return join(folder, file)
}

describe.each([true, false])('a store (in memory: %s)', (memory) => {
  test('law: gives what was kept last under exactly that name', async () => {
    const name = fc.constantFrom(
      ['grant', 'a', 'b'] as const,
      ['grant', 'a'] as const,
      ['grant', 'a', 'b', ''] as const,
      ['client', 'a', 'b'] as const,
      ['grant', 'a","b'] as const,
    )
    const step = fc.tuple(fc.constantFrom('set', 'get', 'delete'), name, fc.nat(9))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await rm(folder, { recursive: true, force: true })
        const store = open({ memory })
        const model = new Map<string, object>()
        const wrong: unknown[] = []
        for (const [what, one, value] of steps) {
          const key = JSON.stringify(one)
          if (what === 'set') {
            await store.set(one, { value })
            model.set(key, { value })
          } else if (what === 'delete') {
            await store.delete(one)
            model.delete(key)
          } else {
            const found = await store.get(one)
            if (JSON.stringify(found) !== JSON.stringify(model.get(key))) wrong.push([one, found])
          }
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: 20 },
    )
  })

  test('takes no more than it may, also of many at once; what is there can be replaced', async () => {
    const store = open({ memory, capacity: 3 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, at) => store.set(['grant', String(at)], { at })),
    )
    const kept = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
    expect(kept).toHaveLength(3)
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'overloaded' },
    })
    const [first = 0] = kept
    await store.set(['grant', String(first)], { at: 'new' })
    expect(await store.get(['grant', String(first)])).toEqual({ at: 'new' })
    await store.delete(['grant', String(first)])
    await store.set(['grant', 'another'], {})
    await expect(store.set(['grant', 'one more'], {})).rejects.toMatchObject({ code: 'overloaded' })
  })
})

describe('on disk', () => {
  test('outlives the process, counts what it finds, and is for its owner only', async () => {
    await open({ capacity: 1 }).set(NAME, VALUE)
    expect(await open().get(NAME)).toEqual(VALUE)
    await expect(open({ capacity: 1 }).set(['grant', 'b'], {})).rejects.toMatchObject({
      code: 'overloaded',
    })
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(await soleFile())).mode & 0o777).toBe(0o600)
  })

  test('says nothing of whose it is, or what', async () => {
    await open().set(NAME, VALUE)
    const file = await soleFile()
    const text = await readFile(file, 'utf8')
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
    const all = `${file} ${text} ${Buffer.from(text, 'base64url').toString('latin1')}`
    expect(all).not.toMatch(/canary|alice|up\.example|grant/)
  })

  test('law: a single bit that differs, or a piece that is missing, and there is nothing', async () => {
    await open().set(NAME, VALUE)
    const file = await soleFile()
    const sealed = await readFile(file)
    const damage = fc.oneof(
      fc.nat(sealed.length * 8 - 1).map((bit) => {
        const bytes = Buffer.from(sealed)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return bytes
      }),
      fc.nat(sealed.length - 1).map((length) => sealed.subarray(0, length)),
      fc.nat(sealed.length - 1).map((start) => sealed.subarray(start + 1)),
      fc.uint8Array({ minLength: 1, maxLength: 8 }).map((more) => Buffer.concat([sealed, more])),
    )
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        await writeFile(file, bytes)
        const isSame = bytes.toString('utf8').trim() === sealed.toString('utf8')
        expect(await open().get(NAME)).toEqual(isSame ? VALUE : undefined)
      }),
      { numRuns: 60 },
    )
    // What cannot be read can be replaced: its user signs in again.
    await open().set(NAME, { fresh: true })
    expect(await open().get(NAME)).toEqual({ fresh: true })
  })

  test.each<[string, Change]>([
    ['another key', { secret: randomBytes(32) }],
    ['another purpose of the same key', { purpose: 'cursor' }],
  ])('does not open under %s', async (_, change) => {
    await open().set(NAME, VALUE)
    expect(await open(change).get(NAME)).toBeUndefined()
  })

  test('attack 35: the file of one user does not open in the place of that of another', async () => {
    const store = open()
    await store.set(NAME, VALUE)
    const alices = await soleFile()
    await store.set([...NAME.slice(0, 2), 'bob'] as unknown as typeof NAME, { of: 'bob' })
    const bobs = (await readdir(folder)).map((one) => join(folder, one)).find((f) => f !== alices)
    await rename(alices, bobs ?? '')
    expect(await open().get(['grant', 'https://up.example/mcp', 'bob'])).toBeUndefined()
    expect(await open().get(NAME)).toBeUndefined()
  })

  test.skipIf(process.platform === 'win32')(
    'is not read where others may use it, which is said',
    async () => {
      await open().set(NAME, VALUE)
      const file = await soleFile()
      for (const mode of [0o640, 0o604, 0o660]) {
        await chmod(file, mode)
        const refusal = open().get(NAME)
        await expect(refusal).rejects.toThrow(StateError)
        await expect(refusal).rejects.toThrow(/chmod 600/)
      }
      await chmod(file, 0o600)
      expect(await open().get(NAME)).toEqual(VALUE)
    },
  )

  test('is tried again where something was in the way', async () => {
    const store = open()
    await writeFile(folder, 'a file')
    await expect(store.set(NAME, VALUE)).rejects.toThrow(StateError)
    await rm(folder)
    await store.set(NAME, VALUE)
    expect(await store.get(NAME)).toEqual(VALUE)
  })

  test('of a value that is no object there is none', async () => {
    const sealer = new Sealer(SECRET, 'sign-ins')
    await open().set(NAME, VALUE)
    await writeFile(await soleFile(), sealer.seal('[1]', JSON.stringify(NAME)))
    expect(await open().get(NAME)).toBeUndefined()
  })
})
