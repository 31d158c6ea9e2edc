// Two organisations federate by the command line, each from its own file, with the other one's node running.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { hashStaticKey } from '../../../node/identity/static-keys.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import { trustCommand } from '../../../node/main/cli-trust.ts'
import type { RunningNode } from '../../../node/main/running-node.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { callModern } from '../../fixtures/raw-client.ts'
import { Mesh } from '../../mesh/mesh.ts'
import { sourcesOf } from './sources.ts'

interface Organisation {
  readonly file: string
  readonly node: RunningNode
  readonly url: string
  /** Takes what the file says now. */
  readonly reload: () => Promise<void>
}

const KEY = randomBytes(32).toString('base64url')
const NOBODY = 'x'.repeat(43)

let folder: string
let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-trust-'))
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A node that runs, and its file with the address it got. */
async function organisation(name: string, more: object): Promise<Organisation> {
  const state = join(folder, name)
  const config = { issuer: {}, ...more }
  const own = { name, organisation: name, listen: '127.0.0.1:0', state }
  const node = await mesh.startConfig({ node: own, ...config })
  const file = join(folder, `${name}.yaml`)
  const { host } = new URL(node.url)
  writeFileSync(file, `# ${name}\n${stringify({ node: { ...own, listen: host }, ...config })}`)
  const reload = async (): Promise<void> => {
    const now = parse(readFileSync(file, 'utf8')) as object
    await node.reload({ ...now, node: own })
  }
  return { file, node, url: node.url, reload }
}

function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return runBy(undefined, ...argv)
}

/** @param typed by somebody at a terminal; undefined: nobody is there */
async function runBy(
  typed: string | undefined,
  ...argv: string[]
): Promise<{ code: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(typed)
  Object.assign(stdin, { isTTY: typed !== undefined })
  const host = {
    commands: sourcesOf(trustCommand),
    version: '1',
    stdin,
    stdout,
    stderr,
    isTTY: false,
  }
  const { signal } = new AbortController()
  const code = await runCli(['trust', ...argv], { ...host, colour: false, signal })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

interface Listed {
  readonly own: { readonly issuer: string; readonly keys: readonly string[] }
  readonly trust: readonly { readonly issuer: string; readonly scopes: readonly string[] }[]
  readonly links: readonly { readonly label: string; readonly issuer: string }[]
}

async function listed({ file }: Organisation): Promise<Listed> {
  return JSON.parse((await run('list', file, '--json')).out) as Listed
}

/** @param issuer of A */
async function both(issuer: object = {}): Promise<{ a: Organisation; b: Organisation }> {
  const keys = [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['ns:b-docs'] }]
  const b = await organisation('b', {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { docs: { from: ['fixture'] } },
    endpoints: { partners: { namespaces: ['docs'] } },
  })
  await b.node.ready()
  const a = await organisation('a', {
    issuer,
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { own: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['*'], auth: { keys } } },
  })
  return { a, b }
}

const SCOPE = ['--scope', 'ns:docs']

describe('banyan trust', () => {
  test('federates two organisations with a command on each side, and a call goes through', async () => {
    const { a, b } = await both()
    const endpoint = b.node.endpointUrl('partners')
    const [keyOfA = ''] = (await listed(a)).own.keys
    const [keyOfB = ''] = (await listed(b)).own.keys

    const first = await run('add', a.file, endpoint, ...SCOPE, '--as', 'b', '--expect', keyOfB)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain(`banyan trust add FILE ${a.url} --endpoint partners`)
    // The other side has done nothing yet, and that is what it says.
    expect(first.out).toContain('refused with invalid_client')
    expect((await run('check', a.file)).code).toBe(1)

    const to = ['--endpoint', 'partners', '--expect', keyOfA]
    const second = await run('add', b.file, a.url, ...to, ...SCOPE, '--until', '2999-01-01')
    expect(second).toMatchObject({ code: 0, err: '' })
    expect(second.out).toContain(keyOfA)
    await b.reload()

    expect(await run('check', a.file)).toMatchObject({ code: 0 })
    expect((await run('check', a.file)).out).toMatch(
      /for a caller: ns:docs for \d+ s\n.*for the node: ns:docs for \d+ s/,
    )
    expect((await run('check', b.file)).out).toContain('ends on 2999-01-01')
    expect((await listed(a)).links).toMatchObject([{ label: 'b', issuer: b.url }])
    expect((await listed(b)).trust).toMatchObject([{ issuer: a.url, scopes: ['ns:docs'] }])
    expect(readFileSync(b.file, 'utf8')).toMatch(/^# b\n/)

    await a.reload()
    await a.node.refresh(['b'])
    const params = { name: 'b-docs__echo', arguments: { message: 'hi' } }
    const headers = { authorization: `Bearer ${KEY}` }
    const reply = await callModern(a.node.endpointUrl('main'), 'tools/call', params, { headers })
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
  })

  test('federates an organisation whose tokens are of an authorization server by its own grants', async () => {
    const url = 'http://127.0.0.1:9/realms/a'
    const { a, b } = await both({ mode: 'external', url, grants: {} })
    const [keyOfA = ''] = (await listed(a)).own.keys
    expect((await listed(a)).own).toMatchObject({ issuer: a.url, server: url })
    expect((await run('list', a.file)).out).toContain(`issuer ${a.url}\n`)

    const first = await run(
      'add',
      a.file,
      b.node.endpointUrl('partners'),
      ...SCOPE,
      '--as',
      'b',
      '--yes',
    )
    expect(first.out).toContain(`banyan trust add FILE ${a.url} --endpoint partners`)
    const to = ['--endpoint', 'partners', '--expect', keyOfA]
    expect(await run('add', b.file, a.url, ...to, ...SCOPE)).toMatchObject({ code: 0, err: '' })
    await b.reload()
    expect((await run('check', a.file)).out).toMatch(
      /for a caller: ns:docs for \d+ s\n.*for the node: ns:docs for \d+ s/,
    )
    await a.reload()
    await a.node.refresh(['b'])
    const params = { name: 'b-docs__echo', arguments: { message: 'hi' } }
    const headers = { authorization: `Bearer ${KEY}` }
    const reply = await callModern(a.node.endpointUrl('main'), 'tools/call', params, { headers })
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])

    const back = await run('add', a.file, b.url, ...SCOPE, '--endpoint', 'main', '--yes')
    expect([back.code, back.err]).toEqual([
      1,
      expect.stringContaining(`have ${url} take their grants`),
    ])
  })

  test('cannot try a token where another process signs the grants', async () => {
    const grants = { mode: 'node', url: 'http://127.0.0.1:9' }
    const { a, b } = await both({ mode: 'external', url: 'http://127.0.0.1:9/realms/a', grants })
    const endpoint = b.node.endpointUrl('partners')
    const done = await run('add', a.file, endpoint, ...SCOPE, '--as', 'b', '--yes')
    expect(done.out).toContain('banyan trust add FILE http://127.0.0.1:9 --endpoint partners')
    expect(done.out).toContain('another process signs the grants')
    expect((await listed(a)).own).not.toHaveProperty('keys')
  })

  test('writes nothing when the keys are others, nobody can be asked, or it shall not', async () => {
    const { a, b } = await both()
    const before = readFileSync(a.file, 'utf8')
    const add = ['add', a.file, b.node.endpointUrl('partners'), ...SCOPE, '--as', 'b']
    const other = await run(...add, '--expect', NOBODY)
    expect(other.code).toBe(1)
    expect(other.err).toContain(`they publish no key ${NOBODY}`)
    const mute = await run(...add)
    expect(mute.code).toBe(2)
    expect(mute.err).toContain('--expect or --yes')
    expect(await run(...add, '--dry-run')).toMatchObject({ code: 0, err: '' })
    expect(readFileSync(a.file, 'utf8')).toBe(before)
  })

  test('asks a person to compare the keys', async () => {
    const { a, b } = await both()
    const before = readFileSync(b.file, 'utf8')
    const add = ['add', b.file, a.url, ...SCOPE, '--endpoint', 'partners', '--pin']
    const no = await runBy('n\n', ...add)
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('agree with theirs?') })
    expect(readFileSync(b.file, 'utf8')).toBe(before)
    expect(await runBy('yes\n', ...add)).toMatchObject({ code: 0 })
    const { keys } = (await listed(a)).own
    const written = parse(readFileSync(b.file, 'utf8')) as { trust: { pins: string[] }[] }
    expect(written.trust[0]?.pins.toSorted()).toEqual(keys.toSorted())
    expect((await run('check', b.file)).code).toBe(0)
    const again = await run('add', b.file, a.url, ...SCOPE, '--endpoint', 'partners', '--yes')
    expect([again.code, again.err]).toEqual([3, expect.stringContaining('trust[1].issuer')])
  })

  test('says what is missing or wrong, each with its exit code', async () => {
    const { a, b } = await both()
    const endpoint = b.node.endpointUrl('partners')
    const wrong: readonly (readonly [readonly string[], number, string])[] = [
      [[], 2, 'add, check or list'],
      [['add'], 2, 'a file is missing'],
      [['add', a.file], 2, 'a URL is missing'],
      [['add', a.file, endpoint, '--yes'], 2, 'they offer ns:docs'],
      [['add', a.file, endpoint, '--scope', 'x y'], 2, '--scope x y'],
      [['add', b.file, a.url, ...SCOPE], 2, '--endpoint is missing: one of partners'],
      [['add', b.file, a.url, ...SCOPE, '--endpoint', 'x'], 2, 'no such endpoint'],
      [['add', a.file, `${b.url}/mcp/none`, ...SCOPE], 1, 'publishes no metadata'],
      [['check', join(folder, 'none.yaml')], 3, 'no such file'],
    ]
    for (const [argv, code, words] of wrong) {
      const done = await run(...argv)
      expect([done.code, done.err]).toEqual([code, expect.stringContaining(words)])
    }
  })

  test('a bad record is refused whole, with its line', async () => {
    const { a, b } = await both()
    const before = readFileSync(b.file, 'utf8')
    const to = ['--endpoint', 'partners', '--yes', ...SCOPE, '--until', 'soon']
    const done = await run('add', b.file, a.url, ...to)
    expect(done.code).toBe(3)
    expect(done.err).toMatch(/b\.yaml:\d+:\d+ trust\[0\]\.notAfter: must be a date/)
    expect(readFileSync(b.file, 'utf8')).toBe(before)
  })
})
