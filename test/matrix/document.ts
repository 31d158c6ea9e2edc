// The matrix as a page for readers. Made of the same tables that the tests run over, so it says what has been shown.
import type { Era } from '../fixtures/wire.ts'
import { CLIENT_ERAS, proofOf } from './cells.ts'
import type { Feature } from './scene.ts'
import { IMPOSSIBLE, impossible } from './impossible.ts'
import type { ServerKind } from './servers.ts'
import { SHEETS, type Sheet } from './sheets.ts'

const HEAD = `# What works through Banyan

What a client gets from a server through one, two and three nodes, by the era of either. Each cell is a test that runs
the feature at all three depths; wherever client and server speak one era it is run without a node too, which shows
that the test itself is sound. A cell with a number does not work, for the reason below: it is tested to fail, at each
depth, in the way the reason says. A dash means that the server, or a client of that era, has no such thing.

Era 2025 is revision 2025-11-25, era 2026 is 2026-07-28. The servers:

- _raw_: our own, on plain \`node:http\` or a pipe; _cutting_ breaks each stream after its first message.
- _v1_, _v2_: built with the official TypeScript SDKs of that version.
- _everything_: \`@modelcontextprotocol/server-everything\`.

The client is SDK v1 in era 2025 and SDK v2 in era 2026; broken streams are resumed by a raw client, and what SDK v2 does
not know of tasks is sent on its transport as it is. Tasks are those of the core in era 2025 and those of the extension in
era 2026, for servers as for clients. Links between nodes are of era 2026, as they are by default, except in front of
servers with tasks of the core: those pass only over links of era 2025 (\`era: '2025'\` at the upstream that is a node), and
over others they are hidden.

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

function table({ title, features, servers }: Sheet, era: Era): string {
  const rows = features
    .filter(({ only = era }) => only === era)
    .map((feature) => [feature.title, ...servers.map((kind) => symbolOf(kind, era, feature))])
  const head = ['Feature', ...servers.map(columnOf)]
  return [`## ${title} of era ${era}`, '', tableOf([head, ...rows])].join('\n')
}

/** The whole page, as Markdown. */
export function matrixDocument(): string {
  const notes = IMPOSSIBLE.map(({ reason }, index) => `${index + 1}. ${reason}`)
  const tables = SHEETS.flatMap((sheet) => CLIENT_ERAS.map((era) => table(sheet, era)))
  const parts = [HEAD.trimEnd(), ...tables]
  if (notes.length > 0) parts.push(['## What does not, and why', '', ...notes].join('\n'))
  return `${parts.join('\n\n')}\n`
}

/** Where the page is kept. */
export const MATRIX_PAGE: URL = new URL('../../docs/matrix.md', import.meta.url)
