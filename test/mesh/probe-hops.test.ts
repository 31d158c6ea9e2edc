// The way of a call, followed over nodes without calling anything.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProbeReport } from '../../node/control/probe-answer.ts'
import { probeCommand } from '../../node/main/cli-probe.ts'
import { runCli } from '../../node/main/cli-frame.ts'
import { probeText } from '../../node/main/cli-probe-text.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FEDERATION, PROBE_METHOD } from '../../protocol/federation.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'
import { Operator } from './operator.ts'
import { across, configOf, trustIn } from './public-names.ts'
import { sourcesOf } from '../node/main/sources.ts'

const people = new Keyholders('alice', 'bob')
const operator = new Operator()
const FRONT = ['front']
let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

interface Chain {
  readonly a: RunningNode
  readonly b: RunningNode
  readonly c: RunningNode
}

/** Who may ask the last two nodes, and what the first shows to whom. */
interface Said {
  readonly b?: readonly string[]
  readonly c?: readonly string[]
  readonly visibility?: readonly object[]
}

/** Who comes by a node, and the node itself. */
function client({ url }: RunningNode): object {
  return { issuer: url, clients: [`${url}/oauth/client.json`] }
}

function saying(explainTo: readonly string[]): object {
  return { endpoints: { main: { namespaces: ['*'], auth: {}, explainTo } } }
}

/** A and B before C, each an organisation of its own. */
async function chain({
  b: inFront = FRONT,
  c: last = FRONT,
  visibility,
}: Said = {}): Promise<Chain> {
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(configOf('c', inC))
  await c.ready()
  const inB = { upstreams: { c: across(c) } }
  const b = await mesh.startConfig(configOf('b', inB))
  const rules = visibility === undefined ? {} : { visibility, clients: people.clients() }
  const a = await mesh.startConfig(
    configOf('a', {
      upstreams: { b: across(b) },
      endpoints: { main: { namespaces: ['*'], auth: people.auth(['ns:fx']) } },
      admin: operator.admin(),
      ...rules,
    }),
  )
  const known = { trust: [trustIn(b, c, [a.url])], clients: { front: client(b) } }
  await c.reload(configOf('c', { ...inC, ...saying(last), ...known }))
  const knownInB = { trust: [trustIn(a, b, [])], clients: { front: client(a) } }
  await b.reload(configOf('b', { ...inB, ...saying(inFront), ...knownInB }))
  for (const [node, upstream] of [
    [b, 'c'],
    [a, 'b'],
  ] as const) {
    await node.refresh([upstream])
    await until(() => node.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
  }
  operator.at(a)
  return { a, b, c }
}

function probe(query: Readonly<Record<string, string>>): Promise<ProbeReport> {
  return operator.get<ProbeReport>(`/probe?${new URLSearchParams(query).toString()}`)
}

const plain = (_: string, words: string): string => words

describe('where every node lets the one before ask', () => {
  test('each hop is told with its time, and nothing is called', async () => {
    const { a, b, c } = await chain()
    const before = fixture.requests.filter(({ method }) => method === 'tools/call').length
    const report = await probe({ name: 'fx__echo' })
    expect(report).toMatchObject({ end: 'reached', endpoint: 'main', kind: 'tool' })
    expect(report.hops.map(({ node, upstream }) => [node, upstream])).toEqual([
      [a.id, 'b'],
      [b.id, 'c'],
      [c.id, 'fixture'],
    ])
    expect(report.hops.map(({ called }) => called)).toEqual(['fx__echo', 'fx__echo', 'fx__echo'])
    expect(report.hops.map(({ organisation }) => organisation)).toEqual(['a', 'b', 'c'])
    // For what a token is, a node tells its own operator alone.
    expect(report.hops.map(({ token }) => token)).toEqual([
      { mode: 'chain', audience: b.endpointUrl('main') },
      { mode: 'chain' },
      undefined,
    ])
    for (const { ms, transport } of report.hops) {
      expect(ms).toBeGreaterThan(0)
      expect(['http', 'websocket']).toContain(transport)
    }
    expect(report.hops.at(-1)?.transport).toBe('http')
    expect(fixture.requests.filter(({ method }) => method === 'tools/call')).toHaveLength(before)
    const said = probeText(report, plain)
    expect(said).toMatch(/^NODE {2}ORGANISATION {2}NAME THERE {2}UPSTREAM {2}LINK +ROUND TRIP$/m)
    expect(said).toMatch(/^c +c +fx__echo +fixture +http +\d[\d.]* ms$/m)
    expect(said).toMatch(/^reached: .* answers, [\d.]+ ms over all hops$/m)
  })

  test('what nothing has the name of is unknown, and says why', async () => {
    await chain()
    const report = await probe({ name: 'fx__none' })
    expect(report).toMatchObject({ end: 'unknown', hops: [] })
    expect(report.problem).toContain('no upstream lists it')
    expect(probeText(report, plain)).toBe(`unknown name: ${report.problem}\n`)
  })

  test('a dead link in the middle is told where it is', async () => {
    const { b, c } = await chain()
    await c.close()
    const { end, problem, hops } = await probe({ name: 'fx__echo' })
    expect([end, hops.map(({ name }) => name)]).toEqual(['unreached', ['a', 'b']])
    expect(hops[0]?.ms).toBeGreaterThan(0)
    expect(hops[1]).toMatchObject({ node: b.id, passed: [{ upstream: 'c' }] })
    expect(hops[1]?.ms).toBeUndefined()
    expect(problem).toMatch(/^upstream "c"/)
  })

  test('a server that is gone is told at the last hop', async () => {
    await chain()
    await fixture.close()
    const { end, problem, hops } = await probe({ name: 'fx__echo' })
    expect([end, hops.map(({ name }) => name)]).toEqual(['unreached', ['a', 'b', 'c']])
    expect(problem).toMatch(/^upstream "fixture"/)
  })

  test('what is hidden from whom it is for is not followed', async () => {
    await chain({ visibility: [{ for: 'alice', tools: ['fx__echo'] }] })
    for (const [whose, end] of [
      ['alice', 'reached'],
      ['key:alice', 'reached'],
      ['bob', 'unreached'],
      ['key:bob', 'unreached'],
    ] as const) {
      expect([whose, (await probe({ name: 'fx__echo', for: whose })).end]).toEqual([whose, end])
    }
    const { problem, hops } = await probe({ name: 'fx__echo', for: 'bob' })
    expect([problem, hops.length]).toEqual([expect.stringContaining('it is hidden: '), 1])
    for (const query of [
      'name=x&for=nobody-known',
      'name=x&kind=all',
      'kind=tool',
      'name=x&more=1',
    ]) {
      expect([query, (await operator.send('GET', `/api/v1/probe?${query}`)).status]).toEqual([
        query,
        400,
      ])
    }
    expect((await operator.send('GET', '/api/v1/probe?name=x&endpoint=no')).status).toBe(404)
  })
})

describe('where one does not', () => {
  test.each([
    [{ c: [] }, ['a', 'b', 'c']],
    [{ b: [] }, ['a', 'b']],
  ])('it is shown as one that does not say: %j', async (said, names) => {
    await chain(said)
    const report = await probe({ name: 'fx__echo' })
    expect([report.end, report.hops.map(({ name }) => name)]).toEqual(['unsaid', names])
    const last = report.hops.at(-1)
    expect([last?.upstream, last?.ms]).toEqual([undefined, undefined])
    expect(report.problem).toContain('does not say')
    expect(probeText(report, plain)).toMatch(/^. +. +fx__echo +does not say$/m)
  })

  test('there is no such method for whoever may not ask', async () => {
    const settings = { version: 1, node: 'x', organisation: 'x', name: 'x' }
    const meta = {
      'io.modelcontextprotocol/clientCapabilities': { extensions: { [FEDERATION]: settings } },
    }
    const endpoints = { main: { namespaces: ['*'], auth: people.auth(), explainTo: ['alice'] } }
    const edge = await mesh.startConfig(
      configOf('edge', {
        upstreams: { fixture: { http: { url: fixture.url } } },
        namespaces: { fx: { from: ['fixture'] } },
        clients: people.clients(),
        endpoints,
      }),
    )
    await edge.ready()
    const ask = async (who: string, method: string, more: JsonObject = meta): Promise<string> => {
      const headers = people.headers(who)
      const { status, raw } = await callModern(
        edge.endpointUrl('main'),
        method,
        { name: 'fx__echo' },
        { headers, meta: more },
      )
      return `${status} ${raw.replace(/"id":\d+/, '').replaceAll(method, '<method>')}`
    }
    const unknown = await ask('bob', 'io.github.banyan-mcp/prod')
    expect(await ask('alice', PROBE_METHOD)).toContain('"end":"reached"')
    expect(await ask('bob', PROBE_METHOD)).toBe(unknown)
    expect(await ask('alice', PROBE_METHOD, {})).toBe(unknown)
  })
})

test('the command says the same, and ends as it went', async () => {
  const { a, c } = await chain()
  const folder = await mkdtemp(join(tmpdir(), 'banyan-probe-'))
  const keyFile = join(folder, 'ops.key')
  await writeFile(keyFile, operator.key)
  const run = async (...args: string[]): Promise<readonly [number, string]> => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
    const url = a.adminUrl ?? ''
    const code = await runCli(['probe', '--url', url, '--key-file', keyFile, ...args], {
      commands: sourcesOf(probeCommand),
      version: '1.2.3',
      stdin,
      stdout,
      stderr,
      isTTY: false,
      colour: false,
      signal: new AbortController().signal,
    })
    stdout.end()
    return [code, await text(stdout)]
  }
  try {
    const [code, out] = await run('fx__echo', '--json', '--kind', 'tool', '--endpoint', 'main')
    expect([code, JSON.parse(out)]).toMatchObject([0, { end: 'reached' }])
    expect((await run('fx__none'))[0]).toBe(2)
    expect((await run('fx__echo', '--for', 'nobody'))[0]).toBe(2)
    expect((await run())[0]).toBe(2)
    expect((await run('fx__echo', '--kind', 'all'))[0]).toBe(2)
    await c.close()
    const [failed, why] = await run('fx__echo')
    expect([failed, why]).toEqual([1, expect.stringContaining('not reached at b/b: upstream "c"')])
  } finally {
    await rm(folder, { recursive: true })
  }
})
