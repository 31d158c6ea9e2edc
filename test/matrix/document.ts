// The matrix as a page for readers. Made of the same tables that the tests run over, so it says what has been shown.
import type { Era } from '../fixtures/wire.ts'
import { CLIENT_ERAS, proofOf } from './cells.ts'
import { FEATURES } from './features.ts'
import type { Feature } from './scene.ts'
import { IMPOSSIBLE, impossible } from './impossible.ts'
import { SERVERS, type ServerKind } from './servers.ts'

const HEAD = `# What works through Banyan

What a client gets from a server through one, two and three nodes, by the era of either. Each cell is a test that runs
the feature at all three depths; wherever client and server speak one era it is run without a node too, which shows
that the test itself is sound. A cell with a number does not work, for the reason below: it is tested to fail, at each
depth, in the way the reason says. A dash means that the server, or a client of that era, has no such thing.

Era 2025 is revision 2025-11-25, era 2026 is 2026-07-28. The servers:

- _raw_: our own, on plain \`node:http\` or a pipe; _cutting_ breaks each stream after its first message.
- _v1_, _v2_: built with the official TypeScript SDKs of that version.
- _everything_: \`@modelcontextprotocol/server-everything\`.

The client is SDK v1 in era 2025 and SDK v2 in era 2026; broken streams are resumed by a raw client.

This page is generated: \`node test/matrix/publish.ts\`.
`

const SHORT: Readonly<Record<ServerKind['make'], string>> = {
  raw: 'raw',
  'raw, cutting': 'cutting',
  'SDK v1': 'v1',
  'SDK v2': 'v2',
  everything: 'everything',
}

function columnOf({ make, era, transport }: ServerKind): string {
  return `${SHORT[make]} ${era} ${transport}`
}

function symbolOf(kind: ServerKind, era: Era, feature: Feature): string {
  if (proofOf({ kind, era, depth: 1, feature }) === undefined) return '–'
  const reason = impossible(kind, era, feature.id)
  return reason === undefined ? '✓' : `${IMPOSSIBLE.indexOf(reason) + 1}`
}

/** A Markdown table with columns of equal width, as the formatter of this repository wants it. */
function tableOf(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), 3),
  )
  const lines = rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)))
  const rule = widths.map((width) => '-'.repeat(width))
  const [first = [], ...rest] = lines
  return [first, rule, ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function table(era: Era): string {
  const rows = FEATURES.filter(({ only = era }) => only === era).map((feature) => [
    feature.title,
    ...SERVERS.map((kind) => symbolOf(kind, era, feature)),
  ])
  const head = ['Feature', ...SERVERS.map(columnOf)]
  return [`## Client of era ${era}`, '', tableOf([head, ...rows])].join('\n')
}

/** What is tested elsewhere, because each needs a server made for it. */
const ELSEWHERE = `## Tasks and skills

Both are tested through one and three nodes, not in the tables: [tasks of the extension](../test/mesh/tasks.test.ts),
[tasks of the core of 2025-11-25](../test/mesh/core-tasks.test.ts), [skills](../test/mesh/skills.test.ts). Tasks stay within
their era: those of 2026 are decided by the server for callers that declare them in that very request, those of 2025 by the
caller for tools that take them, and the methods of one are not in the other. Across eras a tool is called without a task,
and one that only runs as a task is not shown. Skills are shown to clients of both eras.`

/** The whole page, as Markdown. */
export function matrixDocument(): string {
  const notes = IMPOSSIBLE.map(({ reason }, index) => `${index + 1}. ${reason}`)
  const parts = [HEAD.trimEnd(), ...CLIENT_ERAS.map(table)]
  if (notes.length > 0) parts.push(['## What does not, and why', '', ...notes].join('\n'))
  parts.push(ELSEWHERE)
  return `${parts.join('\n\n')}\n`
}

/** Where the page is kept. */
export const MATRIX_PAGE: URL = new URL('../../docs/matrix.md', import.meta.url)
