// `npm test`: every check of the project in one run. Its last line counts them all.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingPrograms } from './needs.ts'

interface Step {
  readonly name: string
  /** A script of a package, and its arguments; run on this Node, not the one on the path. */
  readonly script: string
  readonly args: readonly string[]
}

const CODE = ['protocol', 'topology', 'node', 'examples', 'test']

const CHECKS: readonly Step[] = [
  { name: 'types', script: 'typescript/bin/tsc', args: ['--noEmit'] },
  {
    name: 'types of the console',
    script: 'typescript/bin/tsc',
    args: ['-p', 'tsconfig.console.json'],
  },
  { name: 'lint', script: 'oxlint/bin/oxlint', args: ['--type-aware', ...CODE] },
  {
    name: 'format',
    script: 'prettier/bin/prettier.cjs',
    args: ['--check', '--log-level', 'warn', '.'],
  },
  { name: 'dead code', script: 'knip/bin/knip.js', args: ['--no-progress'] },
]

interface Tally {
  readonly passed: number
  readonly failed: number
}

function run(script: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const file = join('node_modules', script)
    const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

async function check({ name, script, args }: Step): Promise<Tally> {
  const started = Date.now()
  const code = await run(script, args)
  const seconds = ((Date.now() - started) / 1_000).toFixed(1)
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`)
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly unknown[]
  }[]
}

/** Runs the tests. A file that could not be loaded has no tests in it, and counts as a failure all the same. */
async function tests(extra: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'banyan-test-'))
  const report = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile=${report}`]
  const args = ['run', '--config', 'test/vitest.config.ts', ...reporters, ...extra]
  try {
    const code = await run('vitest/vitest.mjs', args)
    const found = JSON.parse(readFileSync(report, 'utf8')) as VitestReport
    const unloaded = found.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    ).length
    const failed = found.numFailedTests + unloaded + found.numPendingTests
    if (found.numPendingTests > 0) {
      process.stdout.write(`FAIL ${found.numPendingTests} tests were skipped\n`)
    }
    return { passed: found.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const missing = missingPrograms()
for (const line of missing) process.stdout.write(`FAIL ${line}\n`)

const tallies: Tally[] = [{ passed: 0, failed: missing.length }]
for (const step of CHECKS) tallies.push(await check(step))
tallies.push(await tests(process.argv.slice(2)))

const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0)
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0)
process.exitCode = failed === 0 ? 0 : 1
process.stdout.write(`${passed} passed, ${failed} failed\n`)
