// Exits with 0 when each hop had a token for exactly the next one, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect } from '../shared/client.ts'
import { startNodes } from '../shared/nodes.ts'
import { eventually } from '../shared/wait.ts'

const TOOL = 'globex-initech-archive__search'

/** The part of an audit line of a call that is looked at. */
interface Line {
  readonly kind: string
  readonly decision: string
  readonly in?: {
    readonly aud?: string
    readonly scope?: readonly string[]
    readonly subH?: string
  }
}

const lines = new Map<string, Line[]>()
const running = await startNodes(
  import.meta.url,
  ['federated/initech', 'federated/globex', 'federated/acme'],
  (name, _, { audit }) => {
    if (audit !== undefined) lines.set(name, [...(lines.get(name) ?? []), audit as Line])
  },
)

/** What a node wrote down of the last call it passed on. */
function callAt(name: string): NonNullable<Line['in']> {
  const call = lines.get(`federated/${name}`)?.findLast(({ kind }) => kind === 'call')
  assert.equal(call?.decision, 'allowed', `${name} has no call it allowed`)
  return call.in ?? {}
}

try {
  const key = (await readFile(running.place.file('alice.key'), 'utf8')).trim()
  const alice = await connect(running.node('federated/acme').endpointUrl('main'), key)
  await eventually(async () => (await alice.tools()).includes(TOOL), `${TOOL} to be listed`)
  assert.deepEqual(
    await alice.tools(),
    ['globex-initech-archive__shred', TOOL, 'notes__search'].toSorted(),
  )
  assert.equal(await alice.call(TOOL, 'fig'), 'archive/search: fig')
  await alice.close()

  const [acme, globex, initech] = [callAt('acme'), callAt('globex'), callAt('initech')]
  assert.deepEqual(
    [globex.aud, initech.aud],
    ['globex', 'initech'].map((name) => running.node(`federated/${name}`).endpointUrl('partners')),
    'each hop has a token for exactly itself',
  )
  assert.deepEqual(acme.scope, ['ns:globex-initech-archive', 'ns:notes'])
  assert.deepEqual(globex.scope, ['ns:initech-archive'])
  assert.deepEqual(initech.scope, ['ns:archive'])
  assert.equal(new Set([acme, globex, initech].map(({ subH }) => subH)).size, 3, 'three pseudonyms')
} finally {
  await running.close()
}
process.stdout.write('three organisations, and a token of its own at each hop\n')
