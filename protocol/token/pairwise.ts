import { createHmac } from 'node:crypto'

/** What a pairwise subject is made of. */
export interface PairwiseInput {
  /** Issuer that knows the subject by `sub`. */
  readonly iss: string
  readonly sub: string
  /** Issuer the subject is told to. */
  readonly target: string
}

/** Names the construction, so that another one never makes the same subject. */
const VERSION = 'banyan-pairwise-1'

/**
 * The name of a subject towards one other issuer: the same for every node and every time, another for every other issuer,
 * and without the secret not to be linked to either. 43 base64url characters (HMAC-SHA256).
 *
 * @param secret of the own issuer, 32 random bytes or more
 */
export function pairwiseSubject(secret: Uint8Array, { iss, sub, target }: PairwiseInput): string {
  // With the length in front no two different lists have one text.
  const parts = [VERSION, iss, sub, target].flatMap((part) => {
    const bytes = Buffer.from(part, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  return createHmac('sha256', secret).update(Buffer.concat(parts)).digest('base64url')
}
