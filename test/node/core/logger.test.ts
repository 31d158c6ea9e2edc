import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const LOGGER = new URL('../../../node/core/logger.ts', import.meta.url).href

/** The line a program with a logger writes: only there is standard error its own. */
async function lineOf(statement: string): Promise<unknown> {
  const program = `import { createLogger } from ${JSON.stringify(LOGGER)}; ${statement}`
  const run = promisify(execFile)
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', program])
  return JSON.parse(stderr.trim().split('\n').at(-1) ?? '')
}

test('the cause of a failure is logged with its words and where it happened', async () => {
  const failing = `createLogger('info').error({ cause: new TypeError('boom') }, 'it failed')`
  expect(await lineOf(failing)).toMatchObject({
    msg: 'it failed',
    cause: { type: 'TypeError', message: 'boom', stack: expect.stringContaining('at ') as string },
  })
})

test('credentials that slip into the facts do not reach the log', async () => {
  const slip = `createLogger('info').info({ headers: { authorization: 'canary' }, token: 'canary' }, 'x')`
  const line = await lineOf(slip)
  expect(line).toMatchObject({ msg: 'x', token: '[Redacted]' })
  expect(JSON.stringify(line)).not.toContain('canary')
})
