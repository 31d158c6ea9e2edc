// The conformance harness as a program:
// node test/conformance/run.ts --url URL --revision REVISION [--expected FILE]
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { judge, loadExpected } from './expected.ts'
import { REVISIONS, runSuite } from './suite.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    revision: { type: 'string', default: '2026-07-28' },
    expected: { type: 'string' },
  },
})
if (values.url === undefined) throw new Error('--url is missing')

const revision = REVISIONS.find((known) => known === values.revision)
if (revision === undefined) throw new Error(`--revision must be one of ${REVISIONS.join(', ')}`)

const results = await runSuite(values.url, revision)
const expected =
  values.expected === undefined ? new Map() : await loadExpected(pathToFileURL(values.expected))
const { lines, unexpected, stale, summary } = judge(results, expected)
for (const line of lines) process.stdout.write(`${line}\n`)
for (const failure of unexpected) process.stdout.write(`unexpected: ${failure}\n`)
for (const name of stale) process.stdout.write(`stale: ${name}\n`)
process.stdout.write(`${summary}\n`)
if (unexpected.length > 0 || stale.length > 0) process.exitCode = 1
