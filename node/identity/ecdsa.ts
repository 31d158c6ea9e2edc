/**
 * Signatures of ECDSA in the two forms there are: r and s side by side as JWS has them (RFC 7518 §3.4), and DER as
 * OpenSSL makes and takes them. `node:crypto` converts too, but only when the key is given in an object of options, and
 * that costs it more than half a signature each time.
 */

const SEQUENCE = 0x30
const INTEGER = 0x02
const HIGH_BIT = 0x80

/** Largest curve whose signatures stay below 128 bytes of content, where a DER length is one byte: P-384. */
const MAX_COORDINATE = 48

/**
 * r and s, each `size` bytes, as `SEQUENCE { INTEGER, INTEGER }`.
 *
 * @param raw exactly twice `size` bytes
 * @param size bytes of a coordinate of the curve, at most 48
 */
export function derOfRaw(raw: Uint8Array, size: number): Buffer {
  if (size > MAX_COORDINATE || raw.length !== 2 * size) throw new RangeError('not a signature')
  const [r, s] = [integerAt(raw, 0, size), integerAt(raw, size, 2 * size)]
  const content = lengthOf(r) + lengthOf(s) + 4
  const der = Buffer.allocUnsafe(content + 2)
  der[0] = SEQUENCE
  der[1] = content
  writeInteger(der, writeInteger(der, 2, raw, r), raw, s)
  return der
}

/**
 * r and s side by side, of a signature OpenSSL has just made.
 *
 * @param size bytes of a coordinate of the curve, at most 48
 */
export function rawOfDer(der: Uint8Array, size: number): Buffer {
  const raw = Buffer.alloc(2 * size)
  const second = readInteger(der, 2, raw, size)
  readInteger(der, second, raw, 2 * size)
  return raw
}

/** An unsigned number among bytes, without leading zeros; zero itself keeps one. */
interface Digits {
  readonly start: number
  readonly end: number
  /** Whether a zero must go before it, lest it be negative. */
  readonly padded: boolean
}

function integerAt(bytes: Uint8Array, from: number, end: number): Digits {
  let start = from
  while (start < end - 1 && bytes[start] === 0) start += 1
  return { start, end, padded: ((bytes[start] ?? 0) & HIGH_BIT) !== 0 }
}

function lengthOf({ start, end, padded }: Digits): number {
  return end - start + (padded ? 1 : 0)
}

/** Index behind what was written. */
function writeInteger(der: Buffer, at: number, bytes: Uint8Array, digits: Digits): number {
  der[at] = INTEGER
  der[at + 1] = lengthOf(digits)
  let index = at + 2
  if (digits.padded) der[index++] = 0
  der.set(bytes.subarray(digits.start, digits.end), index)
  return index + digits.end - digits.start
}

/** Writes the integer at `at` so that it ends before `end`; index behind it. */
function readInteger(der: Uint8Array, at: number, raw: Buffer, end: number): number {
  const length = der[at + 1] ?? 0
  const behind = at + 2 + length
  const from = der[at + 2] === 0 ? at + 3 : at + 2
  raw.set(der.subarray(from, behind), end - (behind - from))
  return behind
}
