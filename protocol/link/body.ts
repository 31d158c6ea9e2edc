import { Buffer } from 'node:buffer'

/** Longest part a body is sent in, bytes: several are read from the system at once, so that few of them have to be joined. */
const PART_BYTES = 16_384

const EMPTY = Buffer.alloc(0)

/** The text of a message as it comes and goes on a link: in parts, which are joined only where somebody reads it. */
export class Body {
  readonly parts: readonly Buffer[]
  /** Bytes. */
  readonly length: number
  #text: Buffer | undefined

  constructor(parts: readonly Buffer[]) {
    this.parts = parts
    let length = 0
    for (const part of parts) length += part.length
    this.length = length
  }

  /** All of it in one piece. */
  get text(): Buffer {
    const [only = EMPTY] = this.parts
    this.#text ??= this.parts.length <= 1 ? only : Buffer.concat(this.parts, this.length)
    return this.#text
  }

  /** Whether some bytes, `needle`, stand in it, wherever it is cut. */
  includes(needle: Buffer): boolean {
    const edge = needle.length - 1
    let before: Buffer = EMPTY
    for (const part of this.parts) {
      const across = Buffer.concat([before, part.subarray(0, edge)])
      if (across.includes(needle) || part.includes(needle)) return true
      before = (part.length < edge ? Buffer.concat([before, part]) : part).subarray(-edge)
    }
    return false
  }

  /** The same text in parts of a size to be sent. */
  fragments(): readonly Buffer[] {
    if (this.parts.every(({ length }) => length <= PART_BYTES)) return this.parts
    const fragments: Buffer[] = []
    for (const part of this.parts) {
      for (let at = 0; at < part.length; at += PART_BYTES) {
        fragments.push(part.subarray(at, at + PART_BYTES))
      }
    }
    return fragments
  }
}
