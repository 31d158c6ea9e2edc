import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeId } from '../../protocol/federation.ts'

/** What a node keeps from one start to the next. */
export interface NodeState {
  /** RFC 7638 thumbprint of the node's key. */
  readonly id: NodeId
  /** 32 bytes that session ids and cursors are sealed with. */
  readonly sessionKey: Buffer
}

/** A file of the state folder cannot be used. It is left as it is: only its owner can tell what it was. */
export class StateError extends Error {
  override readonly name: string = 'StateError'
  readonly file: string

  constructor(file: string, problem: string, cause?: unknown) {
    super(`${file}: ${problem}`, { cause })
    this.file = file
  }
}

const NODE_KEY = 'node-key.pem'
const SESSION_KEY = 'session.key'
const SESSION_KEY_BYTES = 32

/** Keys that live as long as the process. */
export function volatileState(): NodeState {
  return { id: thumbprint(newNodeKey()), sessionKey: randomBytes(SESSION_KEY_BYTES) }
}

/**
 * Reads the keys in `folder`, and makes those that are not there yet, readable by their owner only.
 *
 * @throws StateError naming the file that is damaged or cannot be read or written
 */
export async function loadState(folder: string): Promise<NodeState> {
  await attempt(folder, 'cannot be made', () => mkdir(folder, { recursive: true, mode: 0o700 }))
  const pem = await readOrMake(join(folder, NODE_KEY), newNodeKey)
  const text = await readOrMake(join(folder, SESSION_KEY), newSessionKey)
  const sessionKey = Buffer.from(text.trim(), 'base64url')
  if (sessionKey.length !== SESSION_KEY_BYTES) {
    throw new StateError(
      join(folder, SESSION_KEY),
      'is damaged: it must hold 32 bytes in base64url',
    )
  }
  try {
    return { id: thumbprint(pem), sessionKey }
  } catch (cause) {
    throw new StateError(join(folder, NODE_KEY), 'is damaged: it must hold an Ed25519 key', cause)
  }
}

function newNodeKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function newSessionKey(): string {
  return `${randomBytes(SESSION_KEY_BYTES).toString('base64url')}\n`
}

/** The SHA-256 of the members RFC 7638 §3.2 asks for (RFC 8037 §2 for this kind of key), base64url. */
function thumbprint(pem: string): NodeId {
  const { crv, kty, x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' })
  if (kty !== 'OKP' || crv !== 'Ed25519') throw new TypeError('not an Ed25519 key')
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
}

async function readOrMake(file: string, make: () => string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw new StateError(file, 'cannot be read', error)
  }
  await attempt(file, 'cannot be written', () => createAtomically(file, make()))
  return readFile(file, 'utf8')
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** A crash in between leaves the whole file or none. Of two that start at once the first wins, for both. */
async function createAtomically(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function attempt(file: string, problem: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new StateError(file, problem, error)
  }
}
