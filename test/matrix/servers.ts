// The servers at the far end of the matrix.
import { fileURLToPath } from 'node:url'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { script, stdioCommand } from '../fixtures/stdio-command.ts'
import { startConformanceV1 } from '../fixtures/conformance-v1.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import type { Era } from '../fixtures/wire.ts'
import type { Target } from './client.ts'
import { hostV1 } from './v1-host.ts'
import { startWorldV1 } from './world-v1.ts'
import { startLegacyWorldV2, startWorldV2 } from './world-v2.ts'
import { PAGE_SIZE } from './world-settings.ts'

/** What a server is made of. */
export type Make = 'raw' | 'raw, cutting' | 'SDK v1' | 'SDK v2' | 'everything'

/** What only some servers have: the tasks of their era, and skills. */
export type Extra = 'tasks' | 'skills'

/** A server that runs, or can be run. */
export interface Running {
  readonly target: Target
  /** What was wrong with the requests it got, in words; only our own servers look. */
  readonly faults?: () => readonly string[]
  close(): Promise<void>
}

/** One server of the matrix. */
export interface ServerKind {
  readonly make: Make
  readonly era: Era
  readonly transport: 'HTTP' | 'stdio'
  /** Whether the link has to be told the era, because the server speaks both. */
  readonly isPinned?: boolean
  /** Default: nothing. */
  readonly has?: readonly Extra[]
  /** Whether its own streams can be resumed. */
  readonly isResumable?: boolean
  start(): Promise<Running>
}

function program(command: Exclude<Target, string>): () => Promise<Running> {
  return () => Promise.resolve({ target: command, close: () => Promise.resolve() })
}

function scriptAt(path: string, ...args: string[]): Exclude<Target, string> {
  return script([fileURLToPath(new URL(path, import.meta.url)), ...args])
}

async function hosted(
  start: () => Promise<{ url: string; close(): Promise<void> }>,
): Promise<Running> {
  const server = await start()
  return { target: server.url, close: () => server.close() }
}

function raw(options: FixtureOptions): () => Promise<Running> {
  return async () => {
    const server = await FixtureServer.start({ pageSize: PAGE_SIZE, ...options })
    return {
      target: server.url,
      faults: () => [...server.violations, ...server.collisions],
      close: () => server.close(),
    }
  }
}

/** Cuts each stream after its first message: whoever calls has to come back for the rest. */
const CUTTING: FixtureOptions = { era: '2025', resumable: true, cutAfter: 1, retryMs: 1 }

const EVERYTHING = '../../node_modules/@modelcontextprotocol/server-everything/dist/'

/** The reference server, whose own program listens on a port that has to be known before. */
async function everything(): Promise<Running> {
  const { createServer } = (await import(
    new URL(`${EVERYTHING}server/index.js`, import.meta.url).href
  )) as {
    createServer: () => { readonly server: Pick<Server, 'connect'> }
  }
  return hosted(() => hostV1(() => createServer().server))
}

const EVERYTHING_HTTP: ServerKind = {
  make: 'everything',
  era: '2025',
  transport: 'HTTP',
  isResumable: true,
  start: everything,
}
const EVERYTHING_STDIO: ServerKind = {
  make: 'everything',
  era: '2025',
  transport: 'stdio',
  start: program(scriptAt(`${EVERYTHING}index.js`, 'stdio')),
}

/** The servers, in the order of the document. */
export const SERVERS: readonly ServerKind[] = [
  { make: 'raw', era: '2025', transport: 'HTTP', start: raw({ era: '2025' }) },
  { make: 'raw', era: '2026', transport: 'HTTP', start: raw({ era: '2026' }) },
  { make: 'raw, cutting', era: '2025', transport: 'HTTP', isResumable: true, start: raw(CUTTING) },
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
  {
    make: 'SDK v1',
    era: '2025',
    transport: 'HTTP',
    isResumable: true,
    start: () => hosted(startWorldV1),
  },
  { make: 'SDK v1', era: '2025', transport: 'stdio', start: program(scriptAt('world-v1.ts')) },
  { make: 'SDK v2', era: '2025', transport: 'HTTP', start: () => hosted(startLegacyWorldV2) },
  { make: 'SDK v2', era: '2026', transport: 'HTTP', start: () => hosted(startWorldV2) },
  {
    make: 'SDK v2',
    era: '2025',
    transport: 'stdio',
    isPinned: true,
    start: program(scriptAt('world-v2.ts')),
  },
  { make: 'SDK v2', era: '2026', transport: 'stdio', start: program(scriptAt('world-v2.ts')) },
  EVERYTHING_HTTP,
  EVERYTHING_STDIO,
]

const TASKS_AND_SKILLS = '../fixtures/conformance-'

/** Servers with tasks or skills, in the order of the document. SDK v2 has no tasks of the core. */
export const EXTRA_SERVERS: readonly ServerKind[] = [
  {
    make: 'SDK v1',
    era: '2025',
    transport: 'HTTP',
    has: ['tasks'],
    start: () => hosted(startConformanceV1),
  },
  {
    make: 'SDK v1',
    era: '2025',
    transport: 'stdio',
    has: ['tasks'],
    start: program(scriptAt(`${TASKS_AND_SKILLS}v1.ts`, '--stdio')),
  },
  {
    make: 'SDK v2',
    era: '2025',
    transport: 'HTTP',
    isPinned: true,
    has: ['skills'],
    start: () => hosted(startConformanceV2),
  },
  {
    make: 'SDK v2',
    era: '2026',
    transport: 'HTTP',
    has: ['tasks', 'skills'],
    start: () => hosted(() => startConformanceV2({ era: '2026' })),
  },
  {
    make: 'SDK v2',
    era: '2025',
    transport: 'stdio',
    isPinned: true,
    has: ['skills'],
    start: program(scriptAt(`${TASKS_AND_SKILLS}v2.ts`, '--stdio')),
  },
  {
    make: 'SDK v2',
    era: '2026',
    transport: 'stdio',
    has: ['tasks', 'skills'],
    start: program(scriptAt(`${TASKS_AND_SKILLS}v2.ts`, '--stdio', '--era', '2026')),
  },
  { ...EVERYTHING_HTTP, has: ['tasks'] },
  { ...EVERYTHING_STDIO, has: ['tasks'] },
]
