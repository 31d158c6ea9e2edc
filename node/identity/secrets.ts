import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { makeStateFolder, readOrMake, refuseExposed, StateError } from './state-files.ts'

/** Secrets of identity, 32 bytes each; one can be told from none of the others. */
export interface IdentitySecrets {
  /** Pseudonyms of subjects (HMAC): who has it can link them, and who loses it changes every pseudonym. */
  readonly pairwise: Buffer
  /** Subjects in audit lines (HMAC). */
  readonly audit: Buffer
  /** What this node gives out and reads again: DPoP nonces and the like. */
  readonly sealing: Buffer
}

const FILE = 'identity.secret'
const SECRET_BYTES = 32

/** Secrets that live as long as the process. */
export function volatileSecrets(): IdentitySecrets {
  return derived(randomBytes(SECRET_BYTES))
}

/**
 * The secrets of the state folder, made at the first start.
 *
 * @throws StateError naming the file that is damaged, open to others, or cannot be read or written
 */
export async function loadSecrets(folder: string): Promise<IdentitySecrets> {
  const file = join(folder, FILE)
  await makeStateFolder(folder)
  await refuseExposed(file)
  const text = await readOrMake(file, newSecret)
  const secret = Buffer.from(text.trim(), 'base64url')
  if (secret.length !== SECRET_BYTES || secret.toString('base64url') !== text.trim()) {
    throw new StateError(file, 'is damaged: it must hold 32 bytes in base64url')
  }
  return derived(secret)
}

/** Who a line of the audit is about: HMAC-SHA-256 of issuer and subject under the secret, base64url. */
export function auditSubject(secret: Buffer, issuer: string, subject: string): string {
  const text = `${issuer.length} ${issuer}${subject}`
  return createHmac('sha256', secret).update(text).digest('base64url')
}

function newSecret(): string {
  return `${randomBytes(SECRET_BYTES).toString('base64url')}\n`
}

/** HKDF-SHA-256 (RFC 5869), one label a purpose. */
function derived(secret: Buffer): IdentitySecrets {
  const derive = (purpose: string): Buffer =>
    Buffer.from(
      hkdfSync('sha256', secret, Buffer.alloc(0), `banyan identity ${purpose}`, SECRET_BYTES),
    )
  return { pairwise: derive('pairwise'), audit: derive('audit'), sealing: derive('sealing') }
}
