// The image: what is in it, and that a node in it starts, says how it is, keeps its keys, and stops.
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { baseSize, build, docker, engine, healthy, IMAGE, sizeOf } from './engine.ts'

/** What the image may add to the one it starts from, bytes. */
const OWN_BYTES = 40 * 2 ** 20

/** As an operator that is careful would run it. */
const CAREFUL = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--init',
]

const key = randomBytes(32).toString('base64url')

/** Nothing behind it has to be there for a node to start. */
function configuration(): string {
  const hash = `sha256$${createHash('sha256').update(key).digest('base64url')}`
  return JSON.stringify({
    node: {
      name: 'one',
      organisation: 'acme',
      listen: '0.0.0.0:7400',
      url: 'http://127.0.0.1:7400',
      state: '/var/lib/banyan',
    },
    upstreams: { none: { http: { url: 'http://127.0.0.1:9/mcp' } } },
    namespaces: { none: { from: ['none'] } },
    endpoints: {
      main: { namespaces: ['none'], auth: { keys: [{ name: 'me', hash, scopes: ['*'] }] } },
    },
  })
}

/** What a node in it answers to a call with the key, asked from inside: no port of this machine is taken. */
async function statusOf(id: string, credential: string): Promise<string> {
  const script = `fetch('http://127.0.0.1:7400/mcp/main', { method: 'POST', headers: {
    authorization: 'Bearer ${credential}', 'content-type': 'application/json',
    accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {
      protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })
  }).then((r) => console.log(r.status))`
  return engine('exec', id, 'node', '-e', script)
}

describe('the image', () => {
  const started: string[] = []
  let folder = ''

  beforeAll(async () => {
    await build()
    folder = await mkdtemp(join(tmpdir(), 'banyan-docker-'))
    await writeFile(join(folder, 'banyan.yaml'), configuration())
    // The user in the container is another one.
    await chmod(folder, 0o755)
  })
  afterEach(async () => {
    for (const id of started.splice(0)) await docker('rm', '--force', '--volumes', id)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function start(...options: readonly string[]): Promise<string> {
    const mount = ['--volume', `${folder}:/etc/banyan:ro`]
    const id = await engine('run', '--detach', ...CAREFUL, ...mount, ...options, IMAGE)
    started.push(id)
    return id
  }

  test('is small, and has nothing of what builds or tests it', async () => {
    expect((await sizeOf(IMAGE)) - (await baseSize())).toBeLessThan(OWN_BYTES)
    const list = await engine(
      'run',
      '--rm',
      '--entrypoint',
      'ls',
      IMAGE,
      '/app',
      '/app/node_modules',
    )
    expect(list).toContain('undici')
    for (const name of ['vitest', 'typescript', 'test', 'fast-check']) {
      expect(list.split('\n')).not.toContain(name)
    }
  })

  test('says which version it is, and what is wrong with a configuration', async () => {
    expect(await engine('run', '--rm', IMAGE, '--version')).toMatch(/^\d+\.\d+\.\d+/)
    const missing = await docker('run', '--rm', IMAGE)
    expect(missing).toMatchObject({ code: 3 })
    expect(missing.stderr).toContain('/etc/banyan/banyan.yaml')
  })

  test('runs as nobody in particular, healthy, on a read-only file system, and stops at once', async () => {
    const id = await start()
    await healthy(id)
    expect(await engine('exec', id, 'id', '-un')).toBe('node')
    expect(await statusOf(id, key)).toBe('200')
    expect(await statusOf(id, 'another')).toBe('401')
    await engine('stop', '--time', '10', id)
    expect(await engine('inspect', '--format', '{{.State.ExitCode}}', id)).toBe('0')
  })

  test('keeps its keys in the volume', async () => {
    const volume = `banyan-test-${randomBytes(6).toString('hex')}`
    const keep = ['--volume', `${volume}:/var/lib/banyan`]
    try {
      const ids: string[] = []
      for (const round of [1, 2]) {
        const id = await start(...keep, '--name', `${volume}-${round}`)
        await healthy(id)
        const file = '/var/lib/banyan/node-key.pem'
        ids.push(await engine('exec', id, 'cat', file))
        expect(await engine('exec', id, 'stat', '-c', '%a %U', file)).toBe('600 node')
        await engine('stop', id)
      }
      expect(ids[0]).toContain('PRIVATE KEY')
      expect(ids[1]).toBe(ids[0])
    } finally {
      for (const id of started.splice(0)) await docker('rm', '--force', id)
      await docker('volume', 'rm', volume)
    }
  })
})
