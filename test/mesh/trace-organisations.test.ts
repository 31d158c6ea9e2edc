// What became of a call over three organisations, told from what each of them wrote down.
import { FEDERATION } from '../../protocol/federation.ts'
import { readFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditLine } from '../../node/core/audit-chain.ts'
import type { Story } from '../../node/main/trace-story.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { runTrace } from '../node/main/trace-run.ts'
import { Mesh } from './mesh.ts'
import { callEcho, chainOf, KEY, type Chain, type ChainOptions } from './organisations.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const NAMES = ['a', 'b', 'c'] as const

let mesh: Mesh
let fixture: FixtureServer
let folder: string
let files: string[]

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
  folder = await mkdtemp(join(tmpdir(), 'banyan-audit-'))
  files = NAMES.map((name) => join(folder, `${name}.jsonl`))
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
  await rm(folder, { recursive: true })
})

function audit(name: string): Record<string, unknown> {
  return { file: join(folder, `${name}.jsonl`), arguments: 'digest' }
}

function chain(options: ChainOptions = {}): Promise<Chain> {
  return chainOf(mesh, fixture, { audit, ...options })
}

async function storiesOf(...args: string[]): Promise<Story[]> {
  const { out, code } = await runTrace('--json', ...args)
  expect(code).toBe(0)
  return (JSON.parse(out) as { stories: Story[] }).stories
}

async function linesIn(file: string): Promise<AuditLine[]> {
  const text = await readFile(file, 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditLine)
}

describe('the trace of a call over three organisations', () => {
  test('tells who called, and with what it went on at each hop', async () => {
    const { a, b, c } = await chain()
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
    expect((await callEcho(a, `Bearer ${KEY}`, { traceparent })).status).toBe(200)
    // Once more, with what is known by now: another call of the same delegation.
    expect((await callEcho(a, `Bearer ${KEY}`)).status).toBe(200)
    await mesh.close()

    const [story, ...more] = await storiesOf('--trace-id', TRACE, ...files)
    expect(more).toEqual([])
    expect(story?.hops.map(({ node }) => node)).toEqual(['a/a', 'b/b', 'c/c'])
    expect(story?.decision).toBe('allowed')
    const calls = story?.hops.map(({ call }) => call) ?? []
    expect(calls.map(({ in: input }) => input?.aud)).toEqual([
      undefined,
      b.endpointUrl('main'),
      c.endpointUrl('main'),
    ])
    expect(calls.map(({ in: input }) => input?.depth)).toEqual([undefined, 1, 2])
    expect(calls.map(({ tool }) => tool)).toEqual(['fx__echo', 'fx__echo', 'fx__echo'])
    // Each went with what the next came with, and for nobody else.
    expect(calls[0]?.out?.jti).toBe(calls[1]?.in?.jti)
    expect(calls[1]?.out?.jti).toBe(calls[2]?.in?.jti)
    expect(new Set(calls.map(({ in: input }) => input?.subH)).size).toBe(3)
    expect(new Set(calls.map(({ txn }) => txn)).size).toBe(1)
    // Nobody in between changed what was asked.
    expect(new Set(calls.map(({ argsDigest }) => argsDigest)).size).toBe(1)
    expect(story?.hops[0]?.tokens.map(({ node, kind }) => `${node} ${kind}`)).toEqual([
      'a/a local',
      'b/b jwt_bearer',
      'a/a obtained',
    ])
    const [grant, issued] = story?.hops[0]?.tokens ?? []
    expect(grant?.out?.aud).toBe(b.url)
    expect(issued?.in?.jti).toBe(grant?.out?.jti)

    const all = await storiesOf(`--txn=${story?.txn}`, ...files)
    expect(all.map(({ hops }) => hops.length)).toEqual([3, 3])
    const byToken = await storiesOf('--jti', calls[2]?.in?.jti ?? '', '--last', ...files)
    expect(byToken.map(({ ts }) => ts)).toEqual([all[1]?.ts])
  })

  test('says where it ended, and why', async () => {
    const { a, b, c, transit } = await chain()
    await callEcho(a, `Bearer ${KEY}`)
    await transit([])
    // What was exchanged for the call before is good for no other budget.
    const reply = await callEcho(a, `Bearer ${KEY}`, { [FEDERATION]: { budget: 5, path: [] } })
    expect(reply.error.code).toBe(-31_012)
    await mesh.close()
    const [story] = await storiesOf('--last', ...files)
    expect(story?.hops.map(({ node, call }) => `${node} ${call.decision}`)).toEqual([
      'a/a allowed',
      'b/b refused',
    ])
    expect(story?.decision).toBe('refused')
    expect(story?.end).toEqual({ node: 'c/c', kind: 'jwt_bearer', reason: 'transit' })

    const { out, code } = await runTrace('--last', ...files)
    expect(code).toBe(0)
    expect(out).toContain('ended at c/c (jwt_bearer): transit')
    expect(out).toContain('a/a /mcp/main → b  allowed, answered with error -31012')
    expect(out).toContain(`b/b /mcp/main  refused: delegation_refused`)
    expect(out).toContain(`for ${b.endpointUrl('main')}`)
    expect(out).toContain(`by ${a.url}/oauth/client.json`)
    expect(out).toContain(c.url)
    for (const line of out.split('\n')) expect(line).not.toMatch(/eyJ/)
  })

  test('invariant 14: what is written down has no byte of a credential, and is for its owner', async () => {
    const { a } = await chain()
    await callEcho(a, `Bearer ${KEY}`)
    await callEcho(a, 'Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl')
    await callEcho(a, undefined)
    await mesh.close()
    for (const file of files) {
      const text = await readFile(file, 'utf8')
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ|"hi"|alice/)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
    const [own = ''] = files
    const refused = (await linesIn(own)).filter(({ decision }) => decision === 'refused')
    expect(refused.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual([
      'call claims',
      'call missing',
    ])
  })

  test('the chains are whole, and a change in one is named', async () => {
    const { a } = await chain()
    await callEcho(a, `Bearer ${KEY}`)
    await mesh.close()
    const whole = await runTrace('--verify', ...files)
    expect(whole.out).toMatch(/^a\/a: whole, \d+ lines from /)
    expect(whole.code).toBe(0)

    const [own = ''] = files
    const lines = (await readFile(own, 'utf8')).split('\n')
    lines[1] = (lines[1] ?? '').replace('"issued"', '"denied"')
    await writeFile(own, lines.join('\n'))
    const broken = await runTrace('--verify', ...files)
    expect(broken.out).toContain('a/a: BROKEN')
    expect(broken.out).toContain(`${own}:3: does not follow from ${own}:2`)
    expect(broken.code).toBe(1)
  })

  test('what cannot be read is named and left out; what is not there is said', async () => {
    const { a } = await chain()
    await callEcho(a, `Bearer ${KEY}`)
    await mesh.close()
    const [own = ''] = files
    const text = await readFile(own, 'utf8')
    await writeFile(own, `{"half": \n${text}{"level":30,"msg":"of something else"}\n`)
    const { out, err, code } = await runTrace(...files)
    expect(err).toContain(`${own}:1: is no line of JSON`)
    expect(out).toContain('3. ')
    expect(code).toBe(0)
    const none = await runTrace('--txn', 'nobody', ...files)
    expect(none).toMatchObject({ code: 1, out: '' })
    expect((await runTrace(join(folder, 'missing'))).code).toBe(1)
    expect((await runTrace()).code).toBe(2)
  })
})
