import { open, readdir, rename, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { CHAIN_START, chained, lineHash } from './audit-chain.ts'
import type { AuditRecord } from './audit-record.ts'
import type { AuditSink } from './audit-trail.ts'
import type { Logger } from './logger.ts'

export interface AuditFileOptions {
  /** Absolute. */
  readonly file: string
  /** Size at which it is put aside as `<file>.<number>`, bytes. */
  readonly maxBytes: number
  /** Lines kept in memory while the disk is slow or full, bytes; beyond it they are lost, and counted. */
  readonly bufferBytes: number
  /** What lines of its own are marked with. */
  readonly node: string
  readonly log: Logger
}

/** Time between attempts while the file cannot be written, ms. */
const RETRY_MS = 1_000

const READ_BYTES = 65_536
const NEW_LINE = 0x0a

/**
 * Lines in a file of their own, readable by its owner only; the chain goes on over restarts and put-aside files. A disk
 * that is slow or full costs lines and never a call; how many stands in the file as soon as it can be written again.
 */
export class AuditFile implements AuditSink {
  readonly #options: AuditFileOptions
  #handle: FileHandle
  /** Bytes of the file that are whole lines. */
  #size: number
  #prev: string
  #waiting: string[] = []
  #waitingBytes = 0
  #lost = 0
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failed = false
  #closed = false

  private constructor(options: AuditFileOptions, handle: FileHandle, { size, prev }: Tail) {
    this.#options = options
    this.#handle = handle
    this.#size = size
    this.#prev = prev
  }

  /** @throws Error of the system when the file cannot be opened */
  static async open(options: AuditFileOptions): Promise<AuditFile> {
    const handle = await openFile(options.file)
    const tail = await readTail(handle)
    // What a crash left of a line would break the chain; what is lost with it is said.
    if (tail.torn > 0) await handle.truncate(tail.size)
    const continued =
      tail.prev === CHAIN_START ? { ...tail, prev: await lastPutAside(options.file) } : tail
    const sink = new AuditFile(options, handle, continued)
    if (tail.torn > 0) sink.#say({ decision: 'resumed', reason: 'torn_line', count: 1 })
    return sink
  }

  write(record: AuditRecord): void {
    const text = JSON.stringify(record)
    if (this.#closed || this.#waitingBytes + text.length > this.#options.bufferBytes) {
      this.#lose(1)
      return
    }
    this.#waiting.push(text)
    this.#waitingBytes += text.length
    if (this.#timer === undefined) this.#writing ??= this.#drain()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#writing
    await this.#drain()
    if (this.#waiting.length > 0) this.#lose(this.#waiting.length)
    await this.#handle.close().catch(() => undefined)
  }

  /** Writes what waits, and what comes meanwhile. */
  async #drain(): Promise<void> {
    // What comes in one turn goes out in one piece.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await this.#append(lines)
        this.#failed = false
      } catch (error) {
        this.#putBack(lines, error)
        break
      }
      if (this.#lost > 0) this.#confess()
    }
    this.#writing = undefined
  }

  async #append(lines: readonly string[]): Promise<void> {
    if (this.#size >= this.#options.maxBytes) await this.#putAside()
    let prev = this.#prev
    const texts = lines.map((line) => {
      const text = chained(line, prev)
      prev = lineHash(text)
      return `${text}\n`
    })
    const bytes = Buffer.from(texts.join(''))
    await writeAll(this.#handle, bytes, this.#size)
    this.#size += bytes.length
    this.#prev = prev
  }

  /** Renames the file, and goes on in a new one. */
  async #putAside(): Promise<void> {
    const { file } = this.#options
    // Not there when it was renamed before, and no new one could be made.
    await rename(file, `${file}.${(await newestPutAside(file)) + 1}`).catch(unlessMissing)
    const handle = await openFile(file)
    await this.#handle.close()
    this.#handle = handle
    this.#size = 0
  }

  #putBack(lines: readonly string[], error: unknown): void {
    if (!this.#failed) this.#options.log.error({ cause: error }, 'the audit cannot be written')
    this.#failed = true
    this.#waiting = [...lines, ...this.#waiting]
    this.#waitingBytes = this.#waiting.reduce((sum, text) => sum + text.length, 0)
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing ??= this.#drain()
    }, RETRY_MS).unref()
  }

  #lose(count: number): void {
    if (this.#lost === 0)
      this.#options.log.error({ file: this.#options.file }, 'audit lines are lost')
    this.#lost += count
  }

  #confess(): void {
    const count = this.#lost
    this.#lost = 0
    this.#say({ decision: 'lost', count })
  }

  /** A line about the audit itself. */
  #say(facts: Pick<AuditRecord, 'decision' | 'reason' | 'count'>): void {
    const { node } = this.#options
    const text = JSON.stringify({ ts: new Date().toISOString(), node, kind: 'audit', ...facts })
    this.#waiting.push(text)
    this.#waitingBytes += text.length
    this.#writing ??= this.#drain()
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}

/** Where a file that is there goes on. */
interface Tail {
  readonly size: number
  readonly prev: string
}

function openFile(file: string): Promise<FileHandle> {
  return open(file, 'a+', 0o600)
}

/** Appends; of what was written in part nothing stays. */
async function writeAll(handle: FileHandle, bytes: Buffer, size: number): Promise<void> {
  try {
    await handle.appendFile(bytes)
  } catch (error) {
    await handle.truncate(size).catch(() => undefined)
    throw error
  }
}

/** The last whole line, and what stands behind it. */
async function readTail(handle: FileHandle): Promise<Tail & { readonly torn: number }> {
  const { size } = await handle.stat()
  let text = Buffer.alloc(0)
  for (let start = size; start > 0;) {
    const length = Math.min(READ_BYTES, start)
    start -= length
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, start)
    text = Buffer.concat([buffer, text])
    const end = text.lastIndexOf(NEW_LINE)
    const before = end === -1 ? -1 : text.lastIndexOf(NEW_LINE, end - 1)
    if (end === -1 || (before === -1 && start > 0)) continue
    const torn = text.length - end - 1
    const line = text.subarray(before + 1, end).toString('utf8')
    return { size: size - torn, prev: lineHash(line), torn }
  }
  return { size: 0, prev: CHAIN_START, torn: size }
}

/** The hash a file goes on from that is new: of the last line of the one put aside before it. */
async function lastPutAside(file: string): Promise<string> {
  const newest = await newestPutAside(file)
  if (newest === 0) return CHAIN_START
  const handle = await open(`${file}.${newest}`, 'r')
  try {
    return (await readTail(handle)).prev
  } finally {
    await handle.close()
  }
}

/** Number of the last file put aside; 0 when there is none. */
async function newestPutAside(file: string): Promise<number> {
  const head = `${basename(file)}.`
  const names = await readdir(dirname(file))
  const numbers = names
    .filter((name) => name.startsWith(head))
    .map((name) => name.slice(head.length))
    .filter((rest) => /^[1-9][0-9]{0,8}$/.test(rest))
    .map(Number)
  return Math.max(0, ...numbers)
}
