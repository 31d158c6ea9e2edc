// Holds results against the failures that are known and explained.
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { Check, ScenarioResult } from './suite.ts'

/** Known failures: scenario, or `scenario:check-id`, to the reason. */
export type ExpectedFailures = ReadonlyMap<string, string>

/** What is to be said about a run. */
export interface Verdict {
  /** One line a scenario, in the suite's order. */
  readonly lines: readonly string[]
  /** Failures that nobody expected. */
  readonly unexpected: readonly string[]
  /** Expectations that did not come true: remove them from the file. */
  readonly stale: readonly string[]
  readonly summary: string
}

/** Every scenario adds this check, so it alone proves nothing about a scenario. */
const WIRE_CHECK = 'wire-schema-valid'

/** Reads expected-failures files: each a list of `{ reason, of: [scenario or scenario:check-id] }`. */
export async function loadExpected(...files: readonly URL[]): Promise<ExpectedFailures> {
  const expected = new Map<string, string>()
  for (const [name, reason] of (await Promise.all(files.map(readEntries))).flat()) {
    if (!reason || expected.has(name)) throw new Error(`bad entry among the expected: ${name}`)
    expected.set(name, reason)
  }
  return expected
}

async function readEntries(file: URL): Promise<(readonly [string, string])[]> {
  const groups = (parse(await readFile(file, 'utf8')) ?? []) as readonly {
    readonly reason: string
    readonly of: readonly string[]
  }[]
  return groups.flatMap(({ reason, of }) => of.map((name) => [name, reason] as const))
}

/** Judges a run: warnings are failures, and so is a scenario in which nothing of its own was checked. */
export function judge(results: readonly ScenarioResult[], expected: ExpectedFailures): Verdict {
  const used = new Set<string>()
  const unexpected: string[] = []
  const lines = results.map(({ scenario, checks }) => {
    const problems = problemsOf(checks)
    const unexplained = problems.filter(({ id }) => !explain(scenario, id))
    unexpected.push(...unexplained.map(({ id, text }) => `${scenario}:${id} ${text}`))
    return lineOf(scenario, { checks, problems, unexplained: unexplained.length })
  })
  const stale = [...expected.keys()].filter((name) => !used.has(name))
  const failed = results.filter(({ checks }) => problemsOf(checks).length > 0).length
  const summary =
    `${results.length - failed} of ${results.length} scenarios pass, ` +
    `${unexpected.length} unexpected failures, ${stale.length} stale expectations`
  return { lines, unexpected, stale, summary }

  function explain(scenario: string, id: string): boolean {
    const names = [scenario, `${scenario}:${id}`].filter((name) => expected.has(name))
    for (const name of names) used.add(name)
    return names.length > 0
  }
}

interface Problem {
  readonly id: string
  readonly text: string
}

function problemsOf(checks: readonly Check[]): Problem[] {
  const problems = checks
    .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
    .map(({ id, status, errorMessage }) => ({ id, text: `${status}: ${errorMessage ?? ''}` }))
  const isProved = checks.some(({ id, status }) => id !== WIRE_CHECK && status === 'SUCCESS')
  if (problems.length > 0 || isProved) return problems
  return [{ id: 'nothing-checked', text: 'every check of the scenario was skipped' }]
}

function lineOf(
  scenario: string,
  found: { checks: readonly Check[]; problems: readonly Problem[]; unexplained: number },
): string {
  const passed = found.checks.filter(({ status }) => status === 'SUCCESS').length
  const isExpected = found.problems.length > 0 && found.unexplained === 0
  const mark = found.problems.length === 0 ? 'pass' : isExpected ? 'known' : 'FAIL'
  return `${mark.padEnd(5)} ${scenario} (${passed} passed, ${found.problems.length} not)`
}
