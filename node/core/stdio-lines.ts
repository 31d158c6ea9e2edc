const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/**
 * Cuts a byte stream into lines: bytes in, lines out, no byte looked at twice. A line longer than `maxBytes` is skipped
 * and `tooLong` told of it once; where there is no `tooLong`, `push` throws a RangeError.
 */
export class LineSplitter {
  readonly #maxBytes: number
  readonly #line: (line: Buffer) => void
  readonly #tooLong: (() => void) | undefined
  #parts: Buffer[] = []
  #bytes = 0
  #skipping = false

  constructor(maxBytes: number, line: (line: Buffer) => void, tooLong?: () => void) {
    this.#maxBytes = maxBytes
    this.#line = line
    this.#tooLong = tooLong
  }

  /** Takes the next bytes; hands over each line that ends in them, without its line end. */
  push(chunk: Buffer): void {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LF, start)
      if (end === -1) break
      this.#keep(chunk.subarray(start, end))
      this.#flush()
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  /** Hands over what came after the last line end, if anything did. */
  end(): void {
    if (this.#bytes > 0) this.#flush()
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return
    this.#bytes += part.length
    if (this.#bytes <= this.#maxBytes) {
      this.#parts.push(part)
      return
    }
    if (this.#tooLong === undefined) {
      throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`)
    }
    this.#skipping = true
    this.#parts = []
    this.#tooLong()
  }

  #flush(): void {
    if (this.#skipping) {
      this.#skipping = false
      this.#bytes = 0
      return
    }
    const [first] = this.#parts
    const line = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    this.#line(line.at(-1) === CR ? line.subarray(0, -1) : line)
  }
}

/**
 * A JSON text on one line, as stdio wants it (MCP 2026-07-28, transports/stdio) and an event stream too. In JSON a raw
 * line end is white space and nothing else, so a space can stand in its place.
 */
export function singleLine(json: Buffer): Buffer {
  if (!json.includes(LF) && !json.includes(CR)) return json
  const line = Buffer.from(json)
  for (let index = 0; index < line.length; index += 1) {
    if (line[index] === LF || line[index] === CR) line[index] = SPACE
  }
  return line
}
