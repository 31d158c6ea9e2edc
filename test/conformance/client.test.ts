// The official conformance suite in client mode: what nodes send to a server.
import { afterAll, describe, expect, test } from 'vitest'
import type { Era } from '../fixtures/wire.ts'
import { clientJob } from './client-job.ts'
import { judge, loadExpected } from './expected.ts'
import { JobHost } from './job-host.ts'
import { runClient, type Revision } from './suite.ts'

const host = await JobHost.start()
afterAll(() => host.close())

const EXPECTED = await loadExpected(new URL('expected/client-mode.yaml', import.meta.url))
/** Far beyond a healthy run, ms. */
const TIMEOUT_MS = 120_000

type Row = readonly [scenario: string, revision: Revision, caller: Era]

/**
 * The caller is of era 2025, which mirrors no headers and drops no tool: nodes are not to lean on it. Where the server's
 * questions have to reach the caller, both eras are.
 */
const ROWS: readonly Row[] = [
  ['initialize', '2025-11-25', '2025'],
  ['tools_call', '2025-06-18', '2025'],
  ['tools_call', '2025-11-25', '2025'],
  ['tools_call', '2026-07-28', '2025'],
  ['elicitation-sep1034-client-defaults', '2025-11-25', '2025'],
  ['elicitation-sep1034-client-defaults', '2025-11-25', '2026'],
  ['sse-retry', '2025-11-25', '2025'],
  ['sse-retry', '2025-11-25', '2026'],
  ['request-metadata', '2026-07-28', '2025'],
  ['sep-2322-client-request-state', '2026-07-28', '2025'],
  ['sep-2322-client-request-state', '2026-07-28', '2026'],
  ['http-standard-headers', '2026-07-28', '2025'],
  ['http-custom-headers', '2026-07-28', '2025'],
  ['http-invalid-tool-headers', '2026-07-28', '2025'],
  ['json-schema-ref-no-deref', '2026-07-28', '2025'],
  ['json-schema-2020-12-preservation', '2025-11-25', '2025'],
  ['json-schema-2020-12-preservation', '2026-07-28', '2025'],
]

describe.each([1, 3])('%i node(s) as the client', (depth) => {
  test.each(ROWS)('%s, %s, caller of %s', { timeout: TIMEOUT_MS }, async (...row) => {
    const [scenario, revision, caller] = row
    const command = host.command(clientJob(depth, caller))
    const result = await runClient({ scenario, revision, command })
    const known = [...EXPECTED].filter(([name]) => name.split(':')[0] === scenario)
    const { unexpected, stale } = judge([result], new Map(known))
    expect({ unexpected, stale }).toEqual({ unexpected: [], stale: [] })
  })
})
