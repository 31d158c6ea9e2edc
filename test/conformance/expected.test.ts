import { expect, test } from 'vitest'
import { judge } from './expected.ts'
import type { Check, ScenarioResult } from './suite.ts'

const WIRE: Check = { id: 'wire-schema-valid', status: 'SUCCESS' }
const GOOD: Check = { id: 'good', status: 'SUCCESS' }
const BAD: Check = { id: 'bad', status: 'FAILURE', errorMessage: 'broken' }
const WARNED: Check = { id: 'warned', status: 'WARNING', errorMessage: 'so so' }

function run(...checks: Check[]): ScenarioResult[] {
  return [{ scenario: 'one', checks: [...checks, WIRE] }]
}

function expecting(...names: string[]): Map<string, string> {
  return new Map(names.map((name) => [name, 'known']))
}

interface Row {
  readonly what: string
  readonly checks: readonly Check[]
  readonly expected?: string
  readonly unexpected?: readonly string[]
  readonly stale?: readonly string[]
}

const ROWS: readonly Row[] = [
  { what: 'nothing wrong', checks: [GOOD] },
  { what: 'a failure', checks: [GOOD, BAD], unexpected: ['one:bad FAILURE: broken'] },
  { what: 'a warning', checks: [GOOD, WARNED], unexpected: ['one:warned WARNING: so so'] },
  { what: 'an expected check', checks: [GOOD, BAD], expected: 'one:bad' },
  { what: 'an expected scenario', checks: [BAD, WARNED], expected: 'one' },
  {
    what: 'one expected check and another',
    checks: [BAD, WARNED],
    expected: 'one:bad',
    unexpected: ['one:warned WARNING: so so'],
  },
  { what: 'a stale check', checks: [GOOD], expected: 'one:bad', stale: ['one:bad'] },
  { what: 'a stale scenario', checks: [GOOD], expected: 'one', stale: ['one'] },
  { what: 'a scenario that did not run', checks: [GOOD], expected: 'two', stale: ['two'] },
]

test.each(ROWS)('$what', ({ checks, expected, unexpected = [], stale = [] }) => {
  const known = expected === undefined ? [] : [expected]
  expect(judge(run(...checks), expecting(...known))).toMatchObject({ unexpected, stale })
})

test('a scenario that checked nothing of its own has not passed', () => {
  const { unexpected, lines } = judge(run({ id: 'skipped', status: 'SKIPPED' }), expecting())
  expect(unexpected).toEqual(['one:nothing-checked every check of the scenario was skipped'])
  expect(lines).toEqual(['FAIL  one (1 passed, 1 not)'])
})
