import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals small values that leave the node and come back: session ids and cursors. AES-256-GCM (NIST SP 800-38D) with a
 * random nonce, under a key of its own per purpose (HKDF-SHA-256, RFC 5869), so that one kind never opens as another.
 */
export class Sealer {
  readonly #key: Buffer
  readonly #nonceKey: Buffer

  /** @param secret 32 bytes */
  constructor(secret: Buffer, purpose: string) {
    if (secret.length !== 32) throw new TypeError('the sealing key must be 32 bytes')
    this.#key = derive(secret, `banyan ${purpose}`)
    this.#nonceKey = derive(secret, `banyan nonce ${purpose}`)
  }

  /** The sealed text, base64url. `bound` must be given again to open it. */
  seal(text: string, bound: string): string {
    return this.#seal(text, bound, randomBytes(NONCE_BYTES))
  }

  /**
   * The same sealed text each time, for what its holder compares: ids. The nonce is a MAC of what is sealed, so that it
   * comes again only with the same text (the idea of RFC 5297); that two are equal is all that can be seen.
   */
  sealSame(text: string, bound: string): string {
    const mac = createHmac('sha256', this.#nonceKey)
      .update(JSON.stringify([bound, text]))
      .digest()
    return this.#seal(text, bound, mac.subarray(0, NONCE_BYTES))
  }

  #seal(text: string, bound: string, nonce: Buffer): string {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(Buffer.from(bound))
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')
  }

  /** What was sealed, or undefined when it was not sealed here, for this purpose and this `bound`, to the last bit. */
  open(sealed: string, bound: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    // Decoding skips what is no base64url: without this two texts would open as one.
    if (bytes.toString('base64url') !== sealed) return undefined
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(bound))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      const body = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([body, decipher.final()]).toString('utf8')
    } catch {
      return undefined
    }
  }
}

function derive(secret: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, 32))
}
