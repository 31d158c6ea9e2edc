// Upstreams that are child processes, for the connection contract.
import { mkdtemp, rm } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SILENT } from '../../node/core/logger.ts'
import type { Connection } from '../../node/outbound/connection.ts'
import { StdioConnector, type StdioConnectorOptions } from '../../node/outbound/stdio-connector.ts'
import { stdioCommand, type StdioFixtureOptions } from '../fixtures/stdio-command.ts'
import type { Id, Message } from '../fixtures/wire.ts'
import { CONTRACT_BODY_BYTES, type Upstream } from './connection.contract.ts'
import { call } from './recorder.ts'
import { SELF } from './self.ts'

/** A connector with the defaults of a test. */
export function stdioConnector(
  options: Pick<StdioConnectorOptions, 'command' | 'args'> & Partial<StdioConnectorOptions>,
): StdioConnector {
  return new StdioConnector({
    label: 'contract',
    baseEnv: {},
    env: {},
    era: 'auto',
    self: SELF,
    answerTimeoutMs: 5_000,
    backoff: { min: 10, max: 20 },
    stopGraceMs: 2_000,
    bodyBytes: CONTRACT_BODY_BYTES,
    log: SILENT,
    ...options,
  })
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The id of the process behind a connection to the fixture. */
export async function pidOf(connection: Connection): Promise<number> {
  return Number(await call(connection, 'pid').sink.text())
}

/** The fixture as a child process, with a record of what it was sent. */
export async function stdioUpstream(options: StdioFixtureOptions): Promise<Upstream> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banyan-contract-'))
  const dump = path.join(folder, 'received.jsonl')
  const connector = stdioConnector(stdioCommand({ ...options, dump }))
  const received = (): Message[] => readMessages(dump)
  return {
    connector,
    slowCalls: () =>
      received().flatMap(({ id, params }) => (params?.['name'] === 'slow' && id ? [id] : [])),
    cancelled: () =>
      received().flatMap(({ method, params }) =>
        method === 'notifications/cancelled' ? [params?.['requestId'] as Id] : [],
      ),
    release: (connection) => call(connection, 'release').sink.text(),
    changeTools: (connection) => call(connection, 'toggle', { name: 'late' }).sink.text(),
    die: async (connection) => process.kill(await pidOf(connection), 'SIGKILL'),
    holding: async (connection) => {
      const pid = await pidOf(connection)
      return () => isAlive(pid)
    },
    violations: async (connection) =>
      JSON.parse(await call(connection, 'violations').sink.text()) as string[],
    close: async () => {
      await connector.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The whole lines so far; a process that has read nothing has written no file. */
function readMessages(file: string): Message[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Message)
}
