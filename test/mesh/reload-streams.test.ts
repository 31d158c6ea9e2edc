// What callers hold open over a reload: it stays where they would be taken as the same, and ends where not.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import type { RawStream } from '../fixtures/raw-client.ts'
import { ERAS } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'

const mesh = new Mesh()
const people = new Keyholders('ann', 'bob')
const fewer = people.without('ann')
let fixture: FixtureServer
let node: RunningNode

function configured(auth: object, visibility: unknown = 'open'): object {
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['*'], auth } },
  }
  return { ...configOf('edge', plan), issuer: {}, clients: people.clients(), visibility }
}

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  node = await mesh.startConfig(configured(people.auth()))
  await node.ready()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

/** What comes until the stream ends. */
async function rest(stream: RawStream): Promise<readonly unknown[]> {
  const told: unknown[] = []
  for (let one = await stream.next(); one !== undefined; one = await stream.next()) {
    told.push(one['method'] ?? 'answered')
  }
  return told
}

describe.each(ERAS)('a stream of era %s', (era) => {
  const end = era === '2026' ? ['answered'] : []

  test('ends for whose key is gone, and goes on for the others', async () => {
    const [ann, bob] = [
      await people.caller(era, node.endpointUrl('main'), 'ann'),
      await people.caller(era, node.endpointUrl('main'), 'bob'),
    ]
    const [hers, his] = [await ann.changes(), await bob.changes()]
    await node.reload(configured(fewer.auth()))
    expect(await rest(hers)).toEqual(end)
    fixture.tools.add(plainTool('later'))
    expect(await his.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect((await ann.ask('tools/list')).status).toBe(401)
    expect(await bob.names()).toContain('fx__later')
    his.close()
  })

  test('ends for whom there is no endpoint any more', async () => {
    const ann = await people.caller(era, node.endpointUrl('main'), 'ann')
    const hers = await ann.changes()
    await node.reload(configured(people.auth(), [{ for: 'bob' }]))
    // It was told first that what it saw is gone.
    expect((await rest(hers)).filter((one) => one === 'answered')).toEqual(end)
    expect((await ann.ask('tools/list')).status).toBe(404)
  })

  test('stays where another part changes, and its session with it', async () => {
    const ann = await people.caller(era, node.endpointUrl('main'), 'ann')
    const hers = await ann.changes()
    await node.reload({ ...configured(people.auth()), tags: { some: ['fx__*'] } })
    fixture.tools.add(plainTool('later'))
    expect(await hers.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await ann.names()).toContain('fx__later')
    hers.close()
  })
})

test('of two reloads at once the later one holds', async () => {
  const ann = await people.caller('2026', node.endpointUrl('main'), 'ann')
  await Promise.all([
    node.reload(configured(people.auth(), [{ for: '*', tools: ['fx__echo'] }])),
    node.reload(configured(people.auth(), [{ for: '*', tools: ['fx__meta'] }])),
  ])
  expect(await ann.names()).toEqual(['fx__meta'])
})
