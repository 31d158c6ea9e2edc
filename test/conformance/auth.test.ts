// The official conformance suite in client mode, authorization: how a node signs callers in at servers of others.
import { afterAll, describe, expect, test } from 'vitest'
import type { Era } from '../fixtures/wire.ts'
import { authJob } from './auth-job.ts'
import { judge, loadExpected } from './expected.ts'
import { JobHost } from './job-host.ts'
import { runClient, scoredClientScenarios, type Revision } from './suite.ts'

const host = await JobHost.start()
afterAll(() => host.close())

const EXPECTED = await loadExpected(new URL('expected/client-auth.yaml', import.meta.url))
/** Far beyond a healthy run, ms. */
const TIMEOUT_MS = 120_000

const SCORED = {
  '2025-11-25': await scoredClientScenarios('2025-11-25', 'auth/'),
  '2026-07-28': await scoredClientScenarios('2026-07-28', 'auth/'),
}

/** Of no revision. */
const EXTENSIONS: readonly string[] = [
  'auth/client-credentials-jwt',
  'auth/client-credentials-basic',
  'auth/enterprise-managed-authorization',
  'auth/dpop',
  'auth/dpop-nonce',
  'auth/wif-jwt-bearer',
]

async function surprises(
  scenario: string,
  revision: Revision | undefined,
  caller: Era,
): Promise<unknown> {
  const command = host.command(authJob(caller))
  const result = await runClient({ scenario, revision, command })
  const known = [...EXPECTED].filter(([name]) => name.split(':')[0] === scenario)
  const { unexpected, stale } = judge([result], new Map(known))
  return { unexpected, stale }
}

const NONE = { unexpected: [], stale: [] }

describe('row 53: the scored scenarios', () => {
  test.each(SCORED['2026-07-28'])('%s, 2026-07-28', { timeout: TIMEOUT_MS }, async (scenario) => {
    expect(await surprises(scenario, '2026-07-28', '2026')).toEqual(NONE)
  })

  test.each(SCORED['2025-11-25'])('%s, 2025-11-25', { timeout: TIMEOUT_MS }, async (scenario) => {
    expect(await surprises(scenario, '2025-11-25', '2025')).toEqual(NONE)
  })

  test.each([
    ['auth/scope-step-up', '2026-07-28', '2025'],
    ['auth/scope-step-up', '2025-11-25', '2026'],
  ] as const)(
    '%s, %s, caller of %s',
    { timeout: TIMEOUT_MS },
    async (scenario, revision, caller) => {
      expect(await surprises(scenario, revision, caller)).toEqual(NONE)
    },
  )
})

describe('extensions', () => {
  test.each(EXTENSIONS)('%s', { timeout: TIMEOUT_MS }, async (scenario) => {
    expect(await surprises(scenario, undefined, '2025')).toEqual(NONE)
  })
})
