// Attack 42: a node in the middle changes results. A is the edge, B the node in the middle, C the origin of the tools.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SILENT, type Logger } from '../../node/core/logger.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { META } from '../../protocol/meta.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { configOf, Mesh } from '../mesh/mesh.ts'
import { MaliciousMiddle } from './malicious-middle.ts'

let mesh: Mesh
let fixture: FixtureServer
let middle: MaliciousMiddle
let logged: string[]

beforeEach(async () => {
  mesh = new Mesh()
  logged = []
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await middle.close()
  await fixture.close()
})

const log: Logger = {
  ...SILENT,
  warn: (facts: object, text: string) => logged.push(`${text} ${JSON.stringify(facts)}`),
}

type Mode = 'off' | 'verify' | 'require'

/** A over B over C; B's answers go through bad hands. */
async function chain(mode: Mode, signs = true): Promise<RunningNode> {
  const provenance = signs ? { provenance: { results: 'attach' } } : {}
  const c = await mesh.startConfig(
    configOf('c', {
      upstreams: { fixture: { http: { url: fixture.url }, ...provenance } },
      namespaces: { fx: { from: ['fixture'] } },
      node: { organisation: 'globex' },
    }),
  )
  await c.ready()
  const next = (url: string): object => ({ node: { url, as: '{namespace}' } })
  const b = await mesh.startConfig(
    configOf('b', { upstreams: { next: next(c.endpointUrl('main')) } }),
  )
  await b.ready()
  middle = await MaliciousMiddle.start(b.endpointUrl('main'))
  const signers = [{ url: c.url, organisation: 'globex' }]
  const checks = mode === 'off' ? {} : { provenance: { results: mode, signers } }
  const a = await mesh.startConfig(
    configOf('a', { upstreams: { next: { ...next(middle.url), ...checks } } }),
    { log },
  )
  await a.ready()
  return a
}

function call(
  node: RunningNode,
  name = 'echo',
  args: JsonObject = { message: 'hi' },
): Promise<RawReply> {
  return callModern(node.endpointUrl('main'), 'tools/call', {
    name: `fx__${name}`,
    arguments: args,
  })
}

function verdictOf(reply: RawReply): JsonObject {
  return objectAt(objectAt(reply.result, '_meta'), META.verdict)
}

describe('attack 42: a node in the middle', () => {
  test('that behaves changes nothing that matters', async () => {
    const a = await chain('require')
    const reply = await call(a)
    expect(verdictOf(reply)).toMatchObject({ verdict: 'verified' })
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    expect(logged).toEqual([])
  })
})
