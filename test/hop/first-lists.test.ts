import { afterEach, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { latch, until } from '../fixtures/wait.ts'
import { Mesh } from '../mesh/mesh.ts'

function call(node: BanyanNode, name: string, args: object): Promise<RawReply> {
  return callModern(node.endpointUrl('main'), 'tools/call', { name, arguments: { ...args } })
}

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

test('a call that comes before the first list waits for it instead of finding its tool unknown', async () => {
  const fixture = await FixtureServer.start({ era: '2026' })
  fixtures.push(fixture)
  const listed = latch()
  const asked = latch()
  fixture.once('tools/list', async (_exchange, proceed) => {
    asked.open()
    await listed.opened
    await proceed()
  })
  const node = await mesh.start('early', {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  await asked.opened
  const answer = call(node, 'fx__echo', { message: 'early' })
  listed.open()
  expect((await answer).result['content']).toEqual([{ type: 'text', text: 'early' }])
})

test('an upstream that cannot be listed holds up no call for a name nobody has', async () => {
  const fixture = await FixtureServer.start({ era: '2026' })
  const { url } = fixture
  await fixture.close()
  const node = await mesh.ready('alone', {
    upstreams: { fixture: { http: { url } } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  const answer = await call(node, 'fx__echo', { message: 'x' })
  expect(answer.error.code).toBe(-32602)
})

test('a call for what could not be listed has the list fetched again, so that a later one finds it', async () => {
  const fixture = await FixtureServer.start({ era: '2026' })
  fixtures.push(fixture)
  fixture.once('tools/list', (exchange) => exchange.error({ code: -32_603, message: 'not now' }))
  const node = await mesh.ready('patient', {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  let calls = 0
  const works = async (): Promise<boolean> => {
    const { answer } = await call(node, 'fx__echo', { message: 'late' })
    calls += 1
    return 'result' in answer
  }
  expect(await works()).toBe(false)
  await until(works, 'the tool to be known')
  expect(calls).toBeGreaterThan(2)
  expect(fixture.received('tools/list')).toHaveLength(2)
})
