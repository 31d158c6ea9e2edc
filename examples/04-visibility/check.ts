// Exits with 0 when each caller sees what the rules say, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Caller } from '../shared/client.ts'
import { startNodes } from '../shared/nodes.ts'

const running = await startNodes(import.meta.url, ['banyan'])

async function as(name: string, endpoint: string): Promise<Caller> {
  const key = await readFile(running.place.file(`keys/${name}.key`), 'utf8')
  return connect(running.node('banyan').endpointUrl(endpoint), key.trim())
}

/** The code and message of an answer; what names the tool is left out. */
async function refusal(caller: Caller, tool: string): Promise<string> {
  const error = await caller.call(tool, '').then(
    (answer) => assert.fail(`${tool} answered: ${answer}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Error)
  return error.message.replaceAll(tool, 'it')
}

try {
  const analyst = await as('analyst', 'main')
  assert.deepEqual(await analyst.tools(), ['billing__invoices', 'docs__read', 'docs__search'])
  assert.equal(await analyst.call('billing__invoices', 'May'), 'billing/invoices: May')

  const guest = await as('guest', 'main')
  assert.deepEqual(await guest.tools(), ['docs__read', 'docs__search'])

  // Hidden, and never there: nobody can tell one from the other.
  const never = await refusal(guest, 'billing__nothing')
  assert.equal(await refusal(guest, 'billing__invoices'), never)
  assert.equal(await refusal(analyst, 'billing__refund'), never)

  for (const caller of [analyst, guest]) await caller.close()

  await assert.rejects(as('analyst', 'back-office'), /there is no such endpoint/)
  const stranger = connect(running.node('banyan').endpointUrl('main'), 'a key nobody has')
  await assert.rejects(stranger, { name: 'SdkHttpError', message: /401|token|key/i })
} finally {
  await running.close()
}
process.stdout.write('three views of one catalogue\n')
