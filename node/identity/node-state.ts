import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { join } from 'node:path'
import type { NodeId } from '../../protocol/federation.ts'
import { makeStateFolder, readOrMake, StateError } from './state-files.ts'
import { thumbprint } from './thumbprint.ts'

export { StateError } from './state-files.ts'

/** What a node keeps from one start to the next. */
export interface NodeState {
  /** RFC 7638 thumbprint of the node's key. */
  readonly id: NodeId
  /** That key, Ed25519 and private: it signs what the node says of itself to other nodes. */
  readonly key: KeyObject
  /** 32 bytes that session ids and cursors are sealed with. */
  readonly sessionKey: Buffer
}

const NODE_KEY = 'node-key.pem'
const SESSION_KEY = 'session.key'
const SESSION_KEY_BYTES = 32

/** Keys that live as long as the process. */
export function volatileState(): NodeState {
  return { ...nodeKey(newNodeKey()), sessionKey: randomBytes(SESSION_KEY_BYTES) }
}

/**
 * Reads the keys in `folder`, and makes those that are not there yet, readable by their owner only.
 *
 * @throws StateError naming the file that is damaged or cannot be read or written
 */
export async function loadState(folder: string): Promise<NodeState> {
  await makeStateFolder(folder)
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
    return { ...nodeKey(pem), sessionKey }
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

function nodeKey(pem: string): Pick<NodeState, 'id' | 'key'> {
  const key = createPrivateKey(pem)
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  if (jwk.crv !== 'Ed25519') throw new TypeError('not an Ed25519 key')
  return { id: thumbprint(jwk), key }
}
