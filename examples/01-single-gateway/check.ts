// Exits with 0 when the gateway works, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { connect } from '../shared/client.ts'
import { startNodes } from '../shared/nodes.ts'

const running = await startNodes(import.meta.url, ['banyan'])
try {
  const caller = await connect(running.node('banyan').endpointUrl('main'))
  const all = ['notes__search', 'notes__write', 'tickets__list', 'tickets__open']
  assert.deepEqual(await caller.tools(), all)
  assert.equal(await caller.call('notes__search', 'fig'), 'notes/search: fig')
  assert.equal(await caller.call('tickets__open', 'leak'), 'tickets/open: leak')
  await assert.rejects(caller.call('notes__burn', 'all'), /notes__burn/)
  await caller.close()
} finally {
  await running.close()
}
process.stdout.write('one address, the tools of two servers\n')
