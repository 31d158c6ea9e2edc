import { createHash, timingSafeEqual } from 'node:crypto'
import type { StaticKey } from '../core/config-identity-types.ts'

const PREFIX = 'sha256$'
const DIGEST_BYTES = 32

/**
 * How a static key is kept: `sha256$<base64url>`. No salt and no slow hash, since the key is 256 random bits: there is
 * nothing to guess, and it is compared on every request.
 */
export function hashStaticKey(key: string): string {
  return `${PREFIX}${createHash('sha256').update(key).digest('base64url')}`
}

/**
 * The configured key that was presented, if any and not over. How long it takes does not depend on which one matches.
 *
 * @param now seconds since 1970
 */
export function findStaticKey<Key extends Pick<StaticKey, 'hash' | 'notAfter'>>(
  keys: readonly Key[],
  presented: string,
  now: number,
): Key | undefined {
  const digest = createHash('sha256').update(presented).digest()
  let found: Key | undefined
  for (const key of keys) if (timingSafeEqual(digestOf(key.hash), digest)) found = key
  const over = found?.notAfter !== undefined && found.notAfter <= now * 1_000
  return over ? undefined : found
}

/** What cannot be the hash of anything becomes a digest nobody knows a key for. */
function digestOf(hash: string): Buffer {
  const digest = Buffer.from(hash.slice(PREFIX.length), 'base64url')
  const sound = hash.startsWith(PREFIX) && digest.length === DIGEST_BYTES
  return sound ? digest : Buffer.alloc(DIGEST_BYTES)
}
