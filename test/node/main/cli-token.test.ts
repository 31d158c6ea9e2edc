import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashStaticKey } from '../../../node/identity/static-keys.ts'
import { keysCommand } from '../../../node/main/cli-keys.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import { tokenCommand } from '../../../node/main/cli-token.ts'
import { isObject } from '../../../protocol/jsonrpc.ts'
import { sourcesOf } from './sources.ts'

let folder: string
let file: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-token-'))
  file = join(folder, 'node.yaml')
  const config = {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:7400' },
    issuer: {},
    upstreams: { a: { http: { url: 'http://127.0.0.1:1/mcp' } } },
    namespaces: { docs: { from: ['a'] } },
    endpoints: { main: { namespaces: ['docs'] }, open: { namespaces: ['docs'], auth: 'none' } },
  }
  writeFileSync(file, JSON.stringify(config))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(
  argv: readonly string[],
  input = '',
): Promise<{ code: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(input)
  const code = await runCli(argv, {
    commands: sourcesOf(tokenCommand, keysCommand),
    version: '1.2.3',
    stdin,
    stdout,
    stderr,
    isTTY: false,
    colour: false,
    signal: new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

async function states(...more: string[]): Promise<string> {
  return (await run(['keys', file, ...more])).out
}

const MINT = ['token', 'mint']
const WHO = ['--endpoint', 'main', '--subject', 'alice', '--scope', 'ns:docs']

describe('banyan token', () => {
  test('mints what the token service of the node would have signed, and shows it', async () => {
    const { out, code } = await run([...MINT, file, ...WHO, '--ttl', '5m'])
    expect(code).toBe(0)
    const shown: unknown = JSON.parse((await run(['token', 'inspect'], out)).out)
    const payload = isObject(shown) && isObject(shown['payload']) ? shown['payload'] : {}
    expect(payload).toMatchObject({
      iss: 'http://127.0.0.1:7400',
      aud: 'http://127.0.0.1:7400/mcp/main',
      sub: 'alice',
      scope: 'ns:docs',
      may_act: { sub: 'http://127.0.0.1:7400/oauth/client.json' },
    })
    expect(Number(payload['exp']) - Number(payload['iat'])).toBe(300)
    const keys = JSON.parse((await run(['keys', file, '--json'])).out) as unknown[]
    expect(JSON.stringify(keys)).toContain(
      isObject(shown) && isObject(shown['header']) ? String(shown['header']['kid']) : 'none',
    )
  })

  test('makes a static key, of which the file holds the hash alone', async () => {
    const { out } = await run(['token', 'key', '--name', 'bob', '--scope', 'ns:docs', '--json'])
    const { key, entry } = JSON.parse(out) as { key: string; entry: { hash: string } }
    expect(Buffer.from(key, 'base64url')).toHaveLength(32)
    expect(entry).toEqual({ name: 'bob', hash: hashStaticKey(key), scopes: ['ns:docs'] })
  })

  test('makes the key of an operator, in a file for its owner alone', async () => {
    const path = join(folder, 'ops.key')
    const { out, code } = await run(['token', 'key', '--admin', '--name', 'ops', '--out', path])
    const key = readFileSync(path, 'utf8').trim()
    expect([code, statSync(path).mode & 0o777]).toEqual([0, 0o600])
    expect(out).toBe(`key written to ${path}, for its owner only
under "admin.keys" of the file:
  - { name: ops, hash: '${hashStaticKey(key)}' }
`)
  })

  test.each<[string[], number, string]>([
    [['token'], 2, 'say what to do: mint, key or inspect'],
    [[...MINT, ...WHO], 2, 'a file is missing'],
    [[...MINT, 'FILE', '--subject', 'a', '--scope', 'ns:a'], 2, '--endpoint is missing'],
    [[...MINT, 'FILE', '--endpoint', 'main', '--subject', 'a'], 2, '--scope is missing'],
    [[...MINT, 'FILE', ...WHO, '--ttl', '2d'], 2, '--ttl must be a duration'],
    [[...MINT, 'FILE', ...WHO, '--scope', 'a b'], 2, 'is not one scope'],
    [[...MINT, 'FILE', ...WHO, '--endpoint', 'open'], 1, 'asks for no token'],
    [[...MINT, 'FILE', ...WHO, '--endpoint', 'gone'], 1, 'there is no endpoint "gone"'],
    [['token', 'key'], 2, '--name is missing'],
    [['token', 'key', '--name', 'a', '--admin', '--scope', 'ns:a'], 2, 'one or the other'],
    [['token', 'key', '--name', 'a', '--out', 'FILE'], 1, 'is there already'],
    [['keys'], 2, 'a file is missing'],
    [['keys', 'FILE', '--rotate', 'all'], 2, '"all" is not one of sts, client, result'],
    [['keys', 'FILE', '--remove', 'x'], 1, 'there is no key "x"'],
  ])('%j ends with %d', async (argv, code, err) => {
    const given = argv.map((word) => (word === 'FILE' ? file : word))
    const outcome = await run(given)
    expect({ code: outcome.code, out: outcome.out }).toEqual({ code, out: '' })
    expect(outcome.err).toContain(err)
  })
})

describe('banyan keys', () => {
  test('lets another key take over, published ahead', async () => {
    expect(await states()).toMatch(/^sts +current /m)
    expect(await states('--rotate', 'sts')).toMatch(/^sts +next /m)
  })
})
