import { CHAIN_START, lineHash } from '../core/audit-chain.ts'
import type { TraceEntry } from './trace-files.ts'

/** A place where a chain does not hold. */
export interface ChainBreak {
  readonly file: string
  readonly number: number
  readonly message: string
}

/** The lines of one node, as far as they are there. */
export interface ChainReport {
  readonly node: string
  readonly lines: number
  /** Processes, where each has a chain of its own; otherwise 1. */
  readonly chains: number
  readonly from: string
  readonly to: string
  /** Hash of the last line. Kept elsewhere, it shows later that nothing was cut off. */
  readonly head: string
  /** Whether lines were written before the first that is here. */
  readonly isCut: boolean
  readonly breaks: readonly ChainBreak[]
}

/** Lines of one node that stand in one file. */
type Segment = readonly [TraceEntry, ...TraceEntry[]]

/**
 * Checks that each line holds the hash of the one before it, over files that were put aside too, in whatever order they
 * are given. What was cut off at the end shows only by the head.
 */
export function verifyChains(entries: readonly TraceEntry[]): readonly ChainReport[] {
  const nodes = Map.groupBy(entries, ({ line }) => line.node)
  return [...nodes].map(([node, own]) => verifyNode(node, own))
}

function verifyNode(node: string, entries: readonly TraceEntry[]): ChainReport {
  const files = [...Map.groupBy(entries, ({ file }) => file).values()] as unknown as Segment[]
  const ordered = inOrder(files)
  const all = ordered.flat()
  const breaks: ChainBreak[] = []
  let chains = 0
  all.forEach((entry, index) => {
    const before = all[index - 1]
    if (entry.line.prev === CHAIN_START) chains += 1
    const message = problemOf(entry, before)
    if (message !== undefined) breaks.push({ file: entry.file, number: entry.number, message })
  })
  const [first, last] = [all[0], all.at(-1)]
  return {
    node,
    lines: all.length,
    chains: Math.max(1, chains),
    from: first?.line.ts ?? '',
    to: last?.line.ts ?? '',
    head: last === undefined ? '' : lineHash(last.text),
    isCut: first?.line.prev !== CHAIN_START,
    breaks,
  }
}

/** Each file behind the one it goes on from. */
function inOrder(files: readonly Segment[]): readonly Segment[] {
  const heads = new Map(files.map((file) => [lineHash((file.at(-1) ?? file[0]).text), file]))
  const next = new Map<Segment, Segment>()
  for (const file of files) {
    const before = heads.get(file[0].line.prev)
    if (before !== undefined && before !== file) next.set(before, file)
  }
  const followers = new Set(next.values())
  const starts = files
    .filter((file) => !followers.has(file))
    .toSorted((a, b) => a[0].line.ts.localeCompare(b[0].line.ts))
  const ordered: Segment[] = []
  for (const start of starts) {
    for (let file: Segment | undefined = start; file !== undefined; file = next.get(file)) {
      ordered.push(file)
    }
  }
  return ordered
}

function problemOf(
  { line, isLogged }: TraceEntry,
  before: TraceEntry | undefined,
): string | undefined {
  if (before === undefined) return undefined
  if (line.prev === lineHash(before.text)) return undefined
  // A process that starts has no file to go on from.
  if (line.prev === CHAIN_START && isLogged) return undefined
  const what = line.prev === CHAIN_START ? 'starts a chain anew behind' : 'does not follow from'
  return `${what} ${before.file}:${before.number}: one of the two was changed, or what stood between them is gone`
}
