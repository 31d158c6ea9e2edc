// Exits with 0 when calls go on while one of two ways is killed, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { connect } from '../shared/client.ts'
import { startNodes } from '../shared/nodes.ts'
import { startProcess } from '../shared/process.ts'
import { eventually } from '../shared/wait.ts'

/** Calls each node of this process has passed on. */
const passed = { home: 0, right: 0, edge: 0 }

const running = await startNodes(import.meta.url, ['home', 'right'], (name, message) => {
  if (message === 'call' && name in passed) passed[name as keyof typeof passed] += 1
})
// A process of its own, so that it can be killed.
const left = await startProcess(running.place.file('left.yaml'))
try {
  await running.start('edge')
  const edge = running.node('edge')
  const caller = await connect(edge.endpointUrl('main'))
  const search = async (text: string): Promise<void> =>
    assert.equal(await caller.call('docs__search', text), `docs/search: ${text}`)

  await eventually(
    async () => edge.status().upstreams.every(({ phase }) => phase === 'up'),
    'both ways',
  )
  assert.deepEqual(
    await caller.tools(),
    ['docs__search', 'docs__write'],
    'one tool, and not one a way',
  )
  await search('by the left')
  assert.equal(passed.right, 0, 'the cheap way is taken')

  const before = Array.from({ length: 10 }, (_, at) => search(`under way ${at}`))
  left.kill('SIGKILL')
  await Promise.all(before)
  for (let at = 0; at < 10; at += 1) await search(`afterwards ${at}`)
  assert.equal(await caller.call('docs__write', 'fig'), 'docs/write: fig')
  assert.ok(passed.right >= 11, `the other way is taken: ${passed.right} of ${passed.edge} calls`)
  await caller.close()
} finally {
  left.kill('SIGKILL')
  await running.close()
}
process.stdout.write('a way was killed, and no call was lost\n')
