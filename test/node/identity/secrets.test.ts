import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CredentialHolder, revealCredential } from '../../../node/identity/credential.ts'
import { loadSecrets, volatileSecrets } from '../../../node/identity/secrets.ts'
import { findStaticKey, hashStaticKey } from '../../../node/identity/static-keys.ts'

describe('secrets', () => {
  let folder: string
  const file = (): string => join(folder, 'identity.secret')
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-secrets-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('are the same at the next start, and have nothing in common', async () => {
    const first = await loadSecrets(folder)
    expect(await loadSecrets(folder)).toEqual(first)
    const all = [...Object.values(first), ...Object.values(volatileSecrets())] as Buffer[]
    expect(new Set(all.map((secret) => secret.toString('hex'))).size).toBe(6)
    for (const secret of all) expect(secret).toHaveLength(32)
    const kept = await readFile(file(), 'utf8')
    for (const secret of all) expect(kept).not.toContain(secret.toString('base64url'))
  })

  test.each([
    '',
    'x',
    Buffer.alloc(31).toString('base64url'),
    `${'A'.repeat(42)}B`,
    '?'.repeat(43),
  ])('a damaged file is named and left as it is: %s', async (text) => {
    await writeFile(file(), text, { mode: 0o600 })
    await expect(loadSecrets(folder)).rejects.toThrow(`${file()}: is damaged`)
    expect(await readFile(file(), 'utf8')).toBe(text)
  })

  test('a file that others can read is refused', async () => {
    await loadSecrets(folder)
    await chmod(file(), 0o604)
    await expect(loadSecrets(folder)).rejects.toThrow(`chmod 600 ${file()}`)
  })
})

describe('credentials', () => {
  test('attack 34: no way to print one shows it', () => {
    const raw = 'eyJ.canary.sig'
    const credential = new CredentialHolder(raw)
    const error = new Error(`caught ${credential.toString()}`, { cause: { credential } })
    const printed = [
      credential.toString(),
      String(credential),
      JSON.stringify({ credential }),
      JSON.stringify(Object.entries(credential)),
      inspect(credential, { showHidden: true, depth: 9, showProxy: true, customInspect: false }),
      inspect({ deep: [credential] }, { showHidden: true, depth: 9 }),
      inspect(structuredClone(credential), { showHidden: true }),
      inspect(error, { depth: 9 }),
    ]
    expect(printed.join('\n')).not.toContain('canary')
    expect(inspect(credential)).toBe('[credential]')
    expect(JSON.stringify(credential)).toBe('"[credential]"')
    expect(revealCredential(credential)).toBe(raw)
  })

  test('what only looks like one holds nothing', () => {
    const copy = Object.create(CredentialHolder.prototype) as CredentialHolder
    expect(() => revealCredential(copy)).toThrow(TypeError)
  })
})

describe('static keys', () => {
  const hash = hashStaticKey('bk_one')
  const one = { name: 'one', hash, scopes: ['ns:crm'] }
  const two = { name: 'two', hash: hashStaticKey('bk_two'), scopes: [], notAfter: 5_000 }

  test('are kept by their hash', () => {
    expect(hash).toBe(`sha256$${createHash('sha256').update('bk_one').digest('base64url')}`)
  })

  test('are found by the key alone', () => {
    expect(findStaticKey([one, two], 'bk_one', 1)).toBe(one)
    expect(findStaticKey([one, two], 'bk_two', 1)).toBe(two)
    for (const other of ['', 'bk_on', 'bk_one ', 'BK_ONE', hash]) {
      expect(findStaticKey([one, two], other, 1)).toBeUndefined()
    }
    expect(findStaticKey([], 'bk_one', 1)).toBeUndefined()
  })

  test('end', () => {
    expect(findStaticKey([two], 'bk_two', 4.999)).toBe(two)
    expect(findStaticKey([two], 'bk_two', 5)).toBeUndefined()
  })

  test('hashes that are none match nothing', () => {
    for (const broken of ['', 'sha256$', 'sha256$AAAA', `sha512$${hash.slice(7)}`, hash.slice(7)]) {
      expect(findStaticKey([{ ...one, hash: broken }], 'bk_one', 1)).toBeUndefined()
    }
  })
})
