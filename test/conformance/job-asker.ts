// What the suite starts as its client: has the work done by whoever listens. node job-asker.ts HOST SERVER
import type { Outcome } from './job-host.ts'

// oxlint-disable-next-line node/no-process-env -- how the suite says what it wants
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT: context } = process.env
const [host, url] = process.argv.slice(2)
if (host === undefined || url === undefined || scenario === undefined) {
  throw new Error('usage: MCP_CONFORMANCE_SCENARIO=... node job-asker.ts HOST SERVER')
}
const body = JSON.stringify({ scenario, context, url })
const response = await fetch(host, { method: 'POST', body })
const { code, stderr, stdout } = (await response.json()) as Outcome
process.stdout.write(stdout)
process.stderr.write(stderr)
process.exitCode = code
