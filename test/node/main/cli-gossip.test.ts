// Joining a mesh from the command line, with a real NATS server: keys, permissions, members, TLS.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TopologyReport } from '../../../node/control/admin-mesh-models.ts'
import { stdioCommand } from '../../fixtures/stdio-command.ts'
import { NatsServer } from '../../nats/server.ts'
import { Authority } from '../../security/certificates.ts'
import { CliProcess } from './cli-process.ts'

const UNTIL = { timeout: 20_000, interval: 50 }
const running: CliProcess[] = []
const servers: NatsServer[] = []
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-gossip-'))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.destroy()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await rm(folder, { recursive: true })
})

async function nats(config?: string): Promise<NatsServer> {
  const server = await NatsServer.start(config)
  servers.push(server)
  return server
}

/** Runs a command to its end. */
async function banyan(...args: string[]): Promise<string> {
  const one = new CliProcess(args)
  const { code } = await one.ended()
  expect([args.join(' '), code, one.stderr]).toEqual([args.join(' '), 0, ''])
  return `${one.lines.join('\n')}\n`
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

interface Up {
  readonly process: CliProcess
  readonly id: string
  readonly admin: string
}

/** Starts a node that keeps its key; its configuration can be of an earlier start. */
async function up(name: string, gossip: object | undefined, ...args: string[]): Promise<Up> {
  const config = {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: join(folder, name) },
    upstreams: { server: { stdio: stdioCommand({ era: '2026' }) } },
    namespaces: { [`of-${name}`]: { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'] } },
    admin: { listen: '127.0.0.1:0', auth: 'none' },
    ...(gossip !== undefined && { gossip }),
  }
  const path = await file(`${name}.yaml`, JSON.stringify(config))
  const process = new CliProcess(['up', path, '--json', ...args])
  running.push(process)
  const { nodes } = await process.event('ready')
  const [node] = nodes as readonly { readonly id: string; readonly admin: string }[]
  if (node === undefined) throw new Error('no node')
  return { process, id: node.id, admin: node.admin }
}

async function stop({ process }: Up): Promise<void> {
  process.signal('SIGTERM')
  await process.ended()
}

async function topology({ admin }: Up): Promise<TopologyReport> {
  return JSON.parse(await banyan('topology', '--url', admin, '--json')) as TopologyReport
}

/** How the nodes a node knows of stand, by name. */
async function members(node: Up): Promise<Readonly<Record<string, string>>> {
  const { members: known } = await topology(node)
  return Object.fromEntries(known.map(({ name = '', status }) => [name, status]))
}

test('--join brings a node to the others, and --leave says that it is gone for good', async () => {
  const { url } = await nats()
  const a = await up('a', undefined, '--join', url)
  const b = await up('b', undefined, '--join', url, '--leave')
  await vi.waitFor(async () => expect(await members(a)).toEqual({ a: 'up', b: 'up' }), UNTIL)
  await stop(b)
  await vi.waitFor(async () => expect(await members(a)).toEqual({ a: 'up', b: 'left' }), UNTIL)
}, 60_000)

test('keys, permissions and membership as the commands make them hold at a server', async () => {
  const ids = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const node = await up(name, undefined)
      await stop(node)
      return node.id
    }),
  )
  const keys = await Promise.all(
    ids.map(async () => {
      const text = await banyan('gossip', 'nkey')
      return { seed: /SU[A-Z2-7]{56}/.exec(text)?.[0], nkey: /\bU[A-Z2-7]{55}\b/.exec(text)?.[0] }
    }),
  )
  const users = ids.map((id, at) => `${id}=${keys[at]?.nkey}`)
  const server = await nats(
    await banyan('gossip', 'nats-config', '--organisation', 'acme', ...users),
  )
  const keyFile = join(folder, 'acme.key')
  const issuer = [JSON.parse(await banyan('member', 'key', keyFile)) as object]
  const gossips = await Promise.all(
    ids.map(async (id, at) => {
      const name = 'abc'.charAt(at)
      const common = ['--key', keyFile, '--organisation', 'acme']
      // The last one is a member under another name.
      const token = await banyan('member', 'issue', id, ...common, '--name', at === 2 ? 'x' : name)
      const membership = await file(`${name}.jwt`, token)
      expect(JSON.parse(await banyan('member', 'show', membership))).toMatchObject({
        organisation: 'acme',
        node: id,
      })
      const credentials = { nkey: keys[at]?.seed }
      return { nats: server.url, credentials, members: { issuer }, membership }
    }),
  )
  const [a, b, c] = [
    await up('a', gossips[0]),
    await up('b', gossips[1]),
    await up('c', gossips[2]),
  ]
  await vi.waitFor(async () => {
    expect(await members(a)).toEqual({ a: 'up', b: 'up' })
    expect(await members(b)).toEqual({ a: 'up', b: 'up' })
    expect((await topology(a)).events['refused:no-member']).toBeGreaterThan(0)
    expect((await topology(c)).bus.state).toBe('live')
  }, UNTIL)
}, 120_000)

test('a server is believed by its certificate only', async () => {
  const authority = await Authority.make()
  try {
    const { certFile, keyFile } = await authority.issue('nats')
    const own = await authority.issue('node')
    const server = await nats(
      `tls { cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${authority.ca.certFile}", verify: true }`,
    )
    const url = server.url.replace('nats:', 'tls:')
    const client = { cert: own.certFile, key: own.keyFile }
    const a = await up('a', { nats: url, tls: { ca: authority.ca.certFile, ...client } })
    await vi.waitFor(async () => {
      expect((await topology(a)).bus).toMatchObject({ state: 'live' })
    }, UNTIL)
    const other = await authority.issue('other', 'self')
    const b = await up('b', { nats: url, tls: { ca: other.certFile, ...client } })
    await vi.waitFor(async () => expect((await topology(b)).bus.problem).toBeDefined(), UNTIL)
    expect((await topology(b)).bus.state).toBe('lost')
  } finally {
    await authority.remove()
  }
}, 60_000)
