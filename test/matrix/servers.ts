// The servers at the far end of the matrix.
import { fileURLToPath } from 'node:url'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import type { Era } from '../fixtures/wire.ts'
import type { Target } from './client.ts'
import { startWorldV1 } from './world-v1.ts'
import { startLegacyWorldV2, startWorldV2 } from './world-v2.ts'
import { PAGE_SIZE } from './world-settings.ts'

/** What a server is made of. */
export type Make = 'raw' | 'SDK v1' | 'SDK v2' | 'everything'

/** A server that runs, or can be run. */
export interface Running {
  readonly target: Target
  close(): Promise<void>
}

/** One server of the matrix. */
export interface ServerKind {
  readonly make: Make
  readonly era: Era
  readonly transport: 'HTTP' | 'stdio'
  /** Whether the link has to be told the era, because the server speaks both. */
  readonly isPinned?: boolean
  start(): Promise<Running>
}

function program(command: Exclude<Target, string>): () => Promise<Running> {
  return () => Promise.resolve({ target: command, close: () => Promise.resolve() })
}

function script(path: string, ...args: string[]): Exclude<Target, string> {
  return {
    command: process.execPath,
    args: [fileURLToPath(new URL(path, import.meta.url)), ...args],
  }
}

async function hosted(
  start: () => Promise<{ url: string; close(): Promise<void> }>,
): Promise<Running> {
  const server = await start()
  return { target: server.url, close: () => server.close() }
}

function raw(era: Era): () => Promise<Running> {
  return () => hosted(() => FixtureServer.start({ era, pageSize: PAGE_SIZE }))
}

/** The servers, in the order of the document. */
export const SERVERS: readonly ServerKind[] = [
  { make: 'raw', era: '2025', transport: 'HTTP', start: raw('2025') },
  { make: 'raw', era: '2026', transport: 'HTTP', start: raw('2026') },
  {
    make: 'raw',
    era: '2025',
    transport: 'stdio',
    start: program(stdioCommand({ era: '2025', pageSize: PAGE_SIZE })),
  },
  {
    make: 'raw',
    era: '2026',
    transport: 'stdio',
    start: program(stdioCommand({ era: '2026', pageSize: PAGE_SIZE })),
  },
  { make: 'SDK v1', era: '2025', transport: 'HTTP', start: () => hosted(startWorldV1) },
  { make: 'SDK v1', era: '2025', transport: 'stdio', start: program(script('world-v1.ts')) },
  { make: 'SDK v2', era: '2025', transport: 'HTTP', start: () => hosted(startLegacyWorldV2) },
  { make: 'SDK v2', era: '2026', transport: 'HTTP', start: () => hosted(startWorldV2) },
  {
    make: 'SDK v2',
    era: '2025',
    transport: 'stdio',
    isPinned: true,
    start: program(script('world-v2.ts')),
  },
  { make: 'SDK v2', era: '2026', transport: 'stdio', start: program(script('world-v2.ts')) },
]
