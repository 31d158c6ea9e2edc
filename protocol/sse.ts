/** One server-sent event (WHATWG HTML, server-sent events). */
export interface SseEvent {
  /** The data as bytes, the lines of a multi-line event joined by a newline. */
  readonly data: Buffer
  /** `event:`, or "message". */
  readonly type: string
  readonly id: string | undefined
}

/** What a parser hands out. */
export interface SseHandlers {
  event(event: SseEvent): void
  /** The server's `retry:`, in milliseconds. */
  retry?(milliseconds: number): void
}

const LF = 0x0a
const CR = 0x0d
/** A byte order mark, which may stand at the start of the stream and means nothing. */
const BOM = Buffer.from('\ufeff')

/**
 * An incremental parser of an event stream: bytes in, events out, no state shared between streams. `maxBytes` bounds one
 * event; `push` throws a RangeError beyond it.
 */
export class SseParser {
  readonly #handlers: SseHandlers
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #restBytes = 0
  /** The data of the event so far, and room for more behind it; undefined when there is none. */
  #data: Buffer | undefined
  #dataBytes = 0
  #type = ''
  #id: string | undefined
  #sawCr = false
  #begun = false

  constructor(handlers: SseHandlers, maxBytes: number) {
    this.#handlers = handlers
    this.#maxBytes = maxBytes
  }

  /** Takes the next bytes of the stream. */
  push(chunk: Buffer): void {
    // A long line arrives in many chunks; it is joined once, when its end is here.
    if (this.#restBytes > 0 && chunk.indexOf(LF) === -1 && chunk.indexOf(CR) === -1) {
      this.#keep(chunk)
      return
    }
    const bytes = this.#restBytes === 0 ? chunk : Buffer.concat([...this.#parts, chunk])
    this.#parts = []
    this.#restBytes = 0
    const used = this.#lines(bytes)
    if (used < bytes.length) this.#keep(bytes.subarray(used))
  }

  #keep(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#restBytes += chunk.length
    this.#bound(this.#restBytes + this.#dataBytes)
  }

  #bound(size: number): void {
    if (size > this.#maxBytes)
      throw new RangeError(`an event is larger than ${this.#maxBytes} bytes`)
  }

  #lines(bytes: Buffer): number {
    let start = 0
    if (this.#sawCr && bytes.length > 0) {
      if (bytes[0] === LF) start = 1
      this.#sawCr = false
    }
    let lf = bytes.indexOf(LF, start)
    for (;;) {
      // Looked for again only when it is behind us: a stream of bare CRs would cost the square of its length.
      if (lf !== -1 && lf < start) lf = bytes.indexOf(LF, start)
      const crSearch = bytes.subarray(start, lf === -1 ? bytes.length : lf).indexOf(CR)
      const cr = crSearch === -1 ? -1 : start + crSearch
      const end = cr === -1 ? lf : cr
      if (end === -1) return start
      this.#line(bytes.subarray(start, end))
      start = end + 1
      if (cr === -1) continue
      if (start === bytes.length) this.#sawCr = true
      else if (bytes[start] === LF) start += 1
    }
  }

  #line(whole: Buffer): void {
    const marked = !this.#begun && whole.subarray(0, BOM.length).equals(BOM)
    const line = marked ? whole.subarray(BOM.length) : whole
    this.#begun = true
    if (line.length === 0) {
      this.#dispatch()
      return
    }
    const colon = line.indexOf(0x3a)
    if (colon === 0) return
    const field = line.toString('latin1', 0, colon === -1 ? line.length : colon)
    const from = colon === -1 ? line.length : colon + (line[colon + 1] === 0x20 ? 2 : 1)
    this.#field(field, line.subarray(from))
  }

  #field(field: string, value: Buffer): void {
    if (field === 'data') {
      this.#append(value)
    } else if (field === 'event') this.#type = value.toString('utf8')
    else if (field === 'id' && !value.includes(0)) this.#id = value.toString('utf8')
    else if (field === 'retry' && /^\d{1,9}$/.test(value.toString('latin1'))) {
      this.#handlers.retry?.(Number(value.toString('latin1')))
    }
  }

  /** The first line stays where it is. With more they are gathered: an object for each would outweigh short ones. */
  #append(line: Buffer): void {
    const before = this.#data
    const start = before === undefined ? 0 : this.#dataBytes + 1
    const size = start + line.length
    this.#bound(size)
    this.#dataBytes = size
    if (before === undefined) {
      this.#data = line
      return
    }
    const data = size <= before.length ? before : Buffer.allocUnsafe(2 * size)
    if (data !== before) before.copy(data, 0, 0, start - 1)
    data[start - 1] = LF
    line.copy(data, start)
    this.#data = data
  }

  #dispatch(): void {
    const data = this.#data?.subarray(0, this.#dataBytes)
    const type = this.#type === '' ? 'message' : this.#type
    this.#data = undefined
    this.#dataBytes = 0
    this.#type = ''
    if (data !== undefined) this.#handlers.event({ data, type, id: this.#id })
  }
}
