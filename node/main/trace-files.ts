import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isAuditLine, type AuditLine } from '../core/audit-chain.ts'

/** A line of the audit, and where it stands. */
export interface TraceEntry {
  readonly line: AuditLine
  /** What its hash is of. */
  readonly text: string
  readonly file: string
  /** From 1. */
  readonly number: number
  /** Whether it stands in a log, whose chains last as long as a process. */
  readonly isLogged: boolean
}

/** Something in a file that cannot be read. */
export interface TraceProblem {
  readonly file: string
  readonly number: number
  readonly message: string
}

export interface TraceFiles {
  /** In the order of the files. */
  readonly entries: readonly TraceEntry[]
  readonly problems: readonly TraceProblem[]
}

/**
 * Reads audit files, and logs that have audit lines among others. What is no JSON is named and left out.
 *
 * @throws Error of the system when a file cannot be read
 */
export async function readTraceFiles(files: readonly string[]): Promise<TraceFiles> {
  const entries: TraceEntry[] = []
  const problems: TraceProblem[] = []
  for (const file of files) {
    let number = 0
    // A file that cannot be opened must reach the loop below, which readline alone would not let it.
    const input = createReadStream(file, 'utf8')
    for await (const text of linesOf(input)) {
      number += 1
      if (text.trim() === '') continue
      const found = entryOf(text)
      if (found === 'broken') problems.push({ file, number, message: 'is no line of JSON' })
      else if (found !== undefined) entries.push({ ...found, file, number })
    }
  }
  return { entries, problems }
}

async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  const failed = new Promise<never>((_, reject) => {
    input.once('error', reject)
  })
  const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), failed])
      if (next.done === true) break
      yield next.value
    }
  } finally {
    failed.catch(() => undefined)
  }
}

/** Undefined for JSON that is no line of the audit. */
function entryOf(
  text: string,
): Pick<TraceEntry, 'line' | 'text' | 'isLogged'> | 'broken' | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'broken'
  }
  if (isAuditLine(value)) return { line: value, text, isLogged: false }
  const logged =
    typeof value === 'object' && value !== null && 'audit' in value ? value.audit : undefined
  // A logger writes the members in the order it was given them.
  return isAuditLine(logged)
    ? { line: logged, text: JSON.stringify(logged), isLogged: true }
    : undefined
}
