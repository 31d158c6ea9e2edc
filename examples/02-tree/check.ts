// Exits with 0 when the tree works, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { FARTHEST, travel } from './call.ts'
import { startTree } from './tree.ts'

const tree = await startTree(() => undefined)
try {
  for (const node of tree.nodes) {
    for (const { label, phase, tools, problem } of node.status().upstreams) {
      assert.equal(phase, 'up', `${node.name}: ${label} is ${phase}: ${problem}`)
      assert.ok(tools > 0, `${node.name}: ${label} lists no tools`)
    }
  }

  const far = await travel(tree, FARTHEST, { message: 'check' })
  assert.equal(far.answer, 'Echo: check')
  const names = far.path.map(({ name }) => name)
  assert.deepEqual(names, ['edge', 'hub', 'gate'], 'the call passes each node once')
  assert.deepEqual(
    far.hops.map(({ node }) => node),
    names,
    'and each node says so',
  )

  const near = await travel(tree, 'docs__list_directory', { path: '.' })
  assert.match(near.answer, /welcome\.md/)
  assert.deepEqual(
    near.path.map(({ name }) => name),
    ['edge'],
    'a call goes no farther than it must',
  )
} finally {
  await tree.close()
}
process.stdout.write('the tree works\n')
