// Signed results and descriptions through real nodes: what nodes change on the way leaves a signature good.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SILENT, type Logger } from '../../node/core/logger.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { META } from '../../protocol/meta.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { callModern, send, type RawReply } from '../fixtures/raw-client.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS } from './caller.ts'
import { configOf, Mesh } from './mesh.ts'
import { WITH_TASKS } from './task-caller.ts'

let mesh: Mesh
let fixture: FixtureServer
let told: JsonObject[]

beforeEach(() => {
  mesh = new Mesh()
  told = []
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

const log: Logger = {
  ...SILENT,
  warn: (facts: Readonly<Record<string, unknown>>) => {
    if (facts['provenance'] !== undefined) told.push(facts['provenance'] as JsonObject)
  },
}

/** What differs from node to node; the outermost first. */
interface Links {
  readonly era: 'auto' | Era
  readonly names: 'prefixed' | 'plain'
}

interface Plan {
  readonly links: readonly Links[]
  readonly origin?: JsonObject
  readonly edge?: JsonObject
}

/** A chain of nodes before the fixture: the innermost signs, the outermost checks. */
async function chain({ links, origin, edge }: Plan): Promise<RunningNode[]> {
  const nodes: RunningNode[] = []
  for (const [index, { era, names }] of [...links.entries()].toReversed()) {
    const [behind] = nodes
    const [innermost = behind] = nodes.toReversed()
    const signers = [{ url: innermost?.url, organisation: 'acme' }]
    const checks = { provenance: { results: 'require', descriptors: 'require', signers, ...edge } }
    const signs = { provenance: { results: 'attach', descriptors: 'attach', ...origin } }
    const upstream =
      behind === undefined
        ? { http: { url: fixture.url }, era, ...signs }
        : {
            node: { url: behind.endpointUrl('main'), as: '{namespace}' },
            era,
            ...(index === 0 && checks),
          }
    const config = configOf(`n${index}`, {
      upstreams: { up: upstream },
      ...(behind === undefined && { namespaces: { fx: { from: ['up'] } } }),
      endpoints: { main: { namespaces: ['fx'], names } },
    })
    const node = await mesh.startConfig(config, { log })
    await node.ready()
    nodes.unshift(node)
  }
  return nodes
}

const AUTO: Links = { era: 'auto', names: 'prefixed' }

function verdictOf(reply: RawReply): unknown {
  return objectAt(reply.result, '_meta')[META.verdict]
}

/** A result with all that nodes may be tempted to touch, as the text a server writes. */
function answerWith(structured: string): void {
  const content = [
    { type: 'text', text: 'a "quoted" line\n and ü/\u2028' },
    { type: 'resource_link', uri: 'file:///a%20b?x=1#ü', name: 'link', size: 7 },
    { type: 'resource', resource: { uri: 'test://x', mimeType: 'a/b', blob: 'AAA=' } },
    { type: 'future-kind', payload: { deep: [[]] } },
  ]
  fixture.on('tools/call', (exchange) => {
    const result = `{"resultType":"complete","content":${JSON.stringify(content)},"structuredContent":${structured},"isError":false,"vendor":1.50}`
    exchange.raw(`{"jsonrpc":"2.0","id":${JSON.stringify(exchange.request.id)},"result":${result}}`)
  })
}

const STRUCTURED = ['{"id":9007199254740993,"huge":1e400,"b":1,"a":[]}', '[12345678901234567890]']

describe.each([1, 2, 3, 4, 5])('%i nodes', (depth) => {
  test.each(ERAS)('are passed by what was signed, for callers of era %s', async (era) => {
    for (const server of ERAS) {
      fixture = await FixtureServer.start({ era: server })
      const links = Array.from({ length: depth + 1 }, (_, index): Links => {
        const names = index % 2 === 0 ? 'prefixed' : 'plain'
        return { era: index === depth ? 'auto' : (ERAS[(index + depth) % 2] ?? 'auto'), names }
      })
      const [edge, ...rest] = await chain({ links })
      const caller = await callerOf(era, edge?.endpointUrl('main') ?? '')
      expect((await caller.tools()).map(({ name }) => name)).toContain('fx__echo')
      for (const structured of STRUCTURED) {
        answerWith(structured)
        const reply = await caller.call('fx__echo', { message: 'hi', id: 1 })
        expect(verdictOf(reply)).toEqual({ verdict: 'verified', signer: rest.at(-1)?.url })
      }
      expect(told).toEqual([])
      await mesh.close()
      await fixture.close()
    }
  })
})

describe('questions in the middle of a call', () => {
  test.each(ERAS)(
    'leave the signature that of the request that got the answer, server of era %s',
    async (era) => {
      fixture = await FixtureServer.start({ era })
      const [edge] = await chain({ links: [AUTO, AUTO, AUTO] })
      const capabilities = { elicitation: { form: {} } }
      const ask = (more: JsonObject): Promise<RawReply> => {
        const params = { name: 'fx__ask_form', arguments: { message: 'hi' }, ...more }
        return callModern(edge?.endpointUrl('main') ?? '', 'tools/call', params, { capabilities })
      }
      const first = await ask({})
      expect(first.result).toMatchObject({ resultType: 'input_required' })
      expect(first.result['_meta']).not.toHaveProperty([META.verdict])
      const { inputRequests, requestState } = first.result
      const answer = { action: 'accept', content: { name: 'Ada' } }
      const inputResponses = Object.fromEntries(
        Object.keys(inputRequests as JsonObject).map((key) => [key, answer]),
      )
      const last = await ask({ inputResponses, requestState })
      expect(verdictOf(last)).toMatchObject({ verdict: 'verified' })
      expect(told).toEqual([])
    },
  )
})

describe('what cannot be signed', () => {
  test('is passed on without a signature, which the origin says, and the edge flags', async () => {
    fixture = await FixtureServer.start()
    const [edge] = await chain({ links: [AUTO, AUTO], edge: { results: 'verify' } })
    answerWith('{"a":1,"a":2}')
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const reply = await callModern(edge?.endpointUrl('main') ?? '', 'tools/call', params)
    expect(verdictOf(reply)).toEqual({ verdict: 'unsigned' })
    expect(reply.result['_meta']).not.toHaveProperty([META.provenance])
    expect(told).toMatchObject([{ what: 'result', tool: 'echo' }, { verdict: 'unsigned' }])
  })

  test('is a result whose arguments two readers could take for two', async () => {
    fixture = await FixtureServer.start()
    const [edge] = await chain({ links: [AUTO, AUTO], edge: { results: 'verify' } })
    const params = { name: 'fx__echo', arguments: { message: '\ud800' } }
    const reply = await callModern(edge?.endpointUrl('main') ?? '', 'tools/call', params)
    expect(verdictOf(reply)).toEqual({ verdict: 'unsigned' })
  })

  test('is a task: where results must be proved there are none', async () => {
    fixture = await FixtureServer.start()
    fixture.on('tools/call', (exchange) => {
      const task = { taskId: 'x', status: 'working', createdAt: '2026-01-01T00:00:00Z', ttlMs: 9 }
      exchange.result({ resultType: 'task', ...task })
    })
    const [edge] = await chain({ links: [AUTO, AUTO] })
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const reply = await callModern(edge?.endpointUrl('main') ?? '', 'tools/call', params, {
      capabilities: WITH_TASKS,
    })
    expect(reply.error).toMatchObject({ code: -31_013 })
  })
})

describe('the origin', () => {
  test('shows its keys for results only where it signs', async () => {
    fixture = await FixtureServer.start()
    const [signs] = await chain({ links: [AUTO] })
    const shown = await send(`${signs?.url}/oauth/result-jwks`)
    expect(JSON.parse(shown.raw)).toMatchObject({ keys: [{ kty: 'EC', crv: 'P-256' }] })
    expect(shown.raw).not.toContain('"d"')
    const [silent] = await chain({ links: [AUTO], origin: { results: 'off', descriptors: 'off' } })
    expect((await send(`${silent?.url}/oauth/result-jwks`)).status).toBe(404)
  })

  test('signs a description once: its list does not seem to change', async () => {
    fixture = await FixtureServer.start()
    const [node] = await chain({ links: [AUTO] })
    const list = (): Promise<RawReply> => callModern(node?.endpointUrl('main') ?? '', 'tools/list')
    const before = await list()
    await node?.refresh(['up'])
    expect((await list()).result['tools']).toEqual(before.result['tools'])
    fixture.tools.add(plainTool('more'))
    await node?.refresh(['up'])
    expect((await list()).result['tools']).not.toEqual(before.result['tools'])
  })

  test('takes away what a server puts in the place of its signature', async () => {
    fixture = await FixtureServer.start()
    const [edge] = await chain({
      links: [AUTO, AUTO],
      origin: { results: 'off' },
      edge: { results: 'verify' },
    })
    const [other] = await chain({ links: [AUTO, AUTO], edge: { results: 'verify' } })
    fixture.on('tools/call', (exchange) =>
      exchange.result({ resultType: 'complete', content: [], _meta: { [META.provenance]: 'x' } }),
    )
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const call = (node: RunningNode | undefined): Promise<RawReply> =>
      callModern(node?.endpointUrl('main') ?? '', 'tools/call', params)
    expect(verdictOf(await call(edge))).toEqual({ verdict: 'untrusted' })
    expect(verdictOf(await call(other))).toMatchObject({ verdict: 'verified' })
  })
})
