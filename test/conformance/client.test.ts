// The official conformance suite in client mode: what nodes send to a server.
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { judge } from './expected.ts'
import { runClient, type Revision } from './suite.ts'

const WRAPPER = fileURLToPath(new URL('client-wrapper.ts', import.meta.url))
/** Far beyond a healthy run, ms. */
const TIMEOUT_MS = 30_000

const SCENARIOS: readonly (readonly [string, Revision])[] = [
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-06-18'],
  ['tools_call', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['request-metadata', '2026-07-28'],
  ['http-standard-headers', '2026-07-28'],
  ['http-custom-headers', '2026-07-28'],
  ['http-invalid-tool-headers', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
  ['json-schema-2020-12-preservation', '2025-11-25'],
  ['json-schema-2020-12-preservation', '2026-07-28'],
]

describe.each([1, 3])('%i node(s) as the client', (depth) => {
  test.each(SCENARIOS)('%s, %s', { timeout: TIMEOUT_MS }, async (scenario, revision) => {
    const command = [process.execPath, WRAPPER, String(depth)]
    const result = await runClient({ scenario, revision, command })
    const { unexpected, lines } = judge([result], new Map())
    expect({ unexpected, lines }).toEqual({
      unexpected: [],
      lines: [expect.stringMatching(/^pass /)],
    })
  })
})
