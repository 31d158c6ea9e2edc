import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadState, StateError, volatileState } from '../../../node/identity/node-state.ts'
import { isNodeId } from '../../../protocol/federation.ts'

let parent: string
let folder: string
const nodeKey = (): string => join(folder, 'node-key.pem')
const sessionKey = (): string => join(folder, 'session.key')

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'banyan-state-'))
  folder = join(parent, 'deep', 'edge')
})
afterEach(() => rm(parent, { recursive: true, force: true }))

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

async function refusal(): Promise<StateError> {
  try {
    await loadState(folder)
  } catch (error) {
    if (error instanceof StateError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('the first start', () => {
  test('makes a folder and two files nobody else can read', async () => {
    const { id, sessionKey: key } = await loadState(folder)
    expect(isNodeId(id)).toBe(true)
    expect(key).toHaveLength(32)
    expect((await readdir(folder)).toSorted()).toEqual(['node-key.pem', 'session.key'])
    expect(await mode(folder)).toBe('700')
    expect(await mode(nodeKey())).toBe('600')
    expect(await mode(sessionKey())).toBe('600')
  })

  test('the id is the thumbprint of the key by RFC 7638', async () => {
    const { id } = await loadState(folder)
    const key = createPublicKey(createPrivateKey(await readFile(nodeKey(), 'utf8')))
    const { x } = key.export({ format: 'jwk' })
    const canonical = `{"crv":"Ed25519","kty":"OKP","x":"${x ?? ''}"}`
    expect(id).toBe(createHash('sha256').update(canonical).digest('base64url'))
  })

  test('no two nodes have a key in common', async () => {
    const [one, other] = [volatileState(), volatileState()]
    const kept = await loadState(folder)
    expect(new Set([one.id, other.id, kept.id]).size).toBe(3)
    const keys = [one, other, kept].map((state) => state.sessionKey.toString('hex'))
    expect(new Set(keys).size).toBe(3)
  })
})

describe('the next start', () => {
  test('finds the same node and the same session key, and changes no file', async () => {
    const first = await loadState(folder)
    const files = await Promise.all([nodeKey(), sessionKey()].map((file) => readFile(file, 'utf8')))
    expect(await loadState(folder)).toEqual(first)
    expect(
      await Promise.all([nodeKey(), sessionKey()].map((file) => readFile(file, 'utf8'))),
    ).toEqual(files)
  })

  test('a lost session key is made anew, and the node stays who it is', async () => {
    const first = await loadState(folder)
    await rm(sessionKey())
    const second = await loadState(folder)
    expect(second.id).toBe(first.id)
    expect(second.sessionKey).not.toEqual(first.sessionKey)
  })

  test('the known key gives the known id', async () => {
    // The key and thumbprint of RFC 8037, appendices A.1 and A.3.
    const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' })
    await mkdir(folder, { recursive: true })
    await writeFile(nodeKey(), key.export({ type: 'pkcs8', format: 'pem' }))
    expect((await loadState(folder)).id).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})

describe('what cannot be used', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const half = Buffer.alloc(31).toString('base64url')

  test.each<[string, () => string, string]>([
    ['an empty node key', nodeKey, ''],
    ['a node key that is none', nodeKey, 'hello'],
    ['a node key of another kind', nodeKey, ec.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['an empty session key', sessionKey, ''],
    ['a session key that is too short', sessionKey, half],
    ['a session key that is too long', sessionKey, `${half}AAAA`],
    ['a session key that is no base64url', sessionKey, '?'.repeat(43)],
  ])('%s is named and left as it is', async (_, file, text) => {
    await loadState(folder)
    await writeFile(file(), text)
    const error = await refusal()
    expect(error.file).toBe(file())
    expect(error.message).toContain(`${file()}: is damaged`)
    expect(await readFile(file(), 'utf8')).toBe(text)
    expect(await readdir(folder)).toHaveLength(2)
  })

  test('the words of the error hold nothing of the key', async () => {
    await loadState(folder)
    const secret = Buffer.alloc(20, 'secret').toString('base64url')
    await writeFile(sessionKey(), secret)
    expect(String(await refusal())).not.toContain(secret)
  })

  test('a file that cannot be read is named', async () => {
    await mkdir(nodeKey(), { recursive: true })
    const error = await refusal()
    expect(error.message).toBe(`${nodeKey()}: cannot be read`)
    expect(error.cause).toMatchObject({ code: 'EISDIR' })
  })

  test('a folder that cannot be made is named', async () => {
    await writeFile(join(parent, 'deep'), 'a file in the way')
    const error = await refusal()
    expect(error.message).toBe(`${folder}: cannot be made`)
  })
})
