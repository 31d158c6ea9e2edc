import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { configWarnings } from '../../../node/core/config-checks.ts'
import { ConfigError } from '../../../node/core/config-error.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'
import { parseConfig } from '../../../node/core/config.ts'
import type { GossipSettings } from '../../../node/core/config-gossip-types.ts'

const ID = 'A'.repeat(43)
const OTHER = 'B'.repeat(43)
const SEED = `SU${'A'.repeat(56)}`

function configOf(gossip: unknown, more: object = {}): unknown {
  const node = { name: 'edge', organisation: 'acme', state: 'memory' }
  return { node, gossip, endpoints: {}, ...more }
}

function settings(gossip: unknown, more: object = {}): GossipSettings | undefined {
  return parseConfig(configOf(gossip, more), { baseDir: '/base', env: { SEED } }).gossip
}

function problems(gossip: unknown, more: object = {}): readonly string[] {
  try {
    settings(gossip, more)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
}

test('without the part there is nothing of it', () => {
  expect(parseConfig(configOf(undefined))).not.toHaveProperty('gossip')
})

test('an empty table tells over links alone, and says the least', () => {
  expect(settings({})).toEqual({
    nats: [],
    members: { kind: 'first-use' },
    disclose: 'digest',
    imports: [],
    exports: [],
    links: {},
    cost: 1,
    leave: false,
  })
})

test('what is written is read', () => {
  const read = settings({
    nats: ['tls://a:4222', 'tls://b:4222'],
    credentials: { nkey: '${SEED}' },
    tls: { ca: 'ca.pem' },
    members: [ID, { id: OTHER, name: 'b' }],
    membership: 'edge.jwt',
    imports: [
      { from: 'globex', deny: true },
      { peer: ID, preference: 3 },
    ],
    exports: [{ to: 'globex', namespaces: ['public-*'] }],
  })
  expect(read).toMatchObject({
    nats: ['tls://a:4222', 'tls://b:4222'],
    credentials: { kind: 'nkey' },
    tls: { ca: '/base/ca.pem' },
    members: {
      kind: 'listed',
      names: new Map([
        [ID, undefined],
        [OTHER, 'b'],
      ]),
    },
    membership: '/base/edge.jwt',
    imports: [
      { from: 'globex', preference: undefined },
      { peer: ID, preference: 3 },
    ],
    exports: [{ to: 'globex', namespaces: ['public-*'], allow: true, transit: false }],
  })
})

test('secrets do not print', () => {
  const read = settings({ nats: 'nats://127.0.0.1:1', credentials: { nkey: '${SEED}' } })
  expect(inspect(read, { depth: 9 })).not.toContain(SEED)
  expect(JSON.stringify(read)).not.toContain(SEED)
})

describe('what leaves the machine is encrypted', () => {
  const members = [ID]
  const plain = 'is not encrypted, which is only for loopback'

  test.each([
    ['nats://127.0.0.1:4222', []],
    ['nats://[::1]:4222', []],
    ['nats://bus.example:4222', [`gossip.nats: ${plain}`]],
    ['ws://bus.example', [`gossip.nats: ${plain}`]],
    ['wss://bus.example', []],
    ['tls://bus.example:4222', []],
  ])('%s', (nats, expected) => {
    expect(problems({ nats, members })).toEqual(expected)
  })

  test('nats:// elsewhere with tls demands it', () => {
    expect(problems({ nats: 'nats://bus.example:4222', tls: {}, members })).toEqual([])
  })

  test('one of several', () => {
    const nats = ['nats://127.0.0.1:1', 'nats://10.0.0.1:1']
    expect(problems({ nats, members })).toEqual([`gossip.nats.1: ${plain}`])
  })
})

test.each([
  [
    'user and password in a URL',
    { nats: 'nats://u:p@127.0.0.1:1' },
    'must not contain credentials',
  ],
  ['no URL', { nats: '127.0.0.1:4222' }, 'must be a URL of a NATS server'],
  ['two schemes', { nats: ['nats://127.0.0.1:1', 'ws://127.0.0.1:1'] }, 'must be of one scheme'],
  ['credentials without a bus', { credentials: { token: 'x' } }, 'are for "nats"'],
  [
    'two credentials',
    { nats: 'nats://127.0.0.1:1', credentials: { token: 'x', user: 'u' } },
    'needs exactly one',
  ],
  [
    'a seed that is none',
    { nats: 'nats://127.0.0.1:1', credentials: { nkey: 'SUX' } },
    'must be the seed',
  ],
  ['members of nowhere', { nats: 'tls://bus.example:1' }, 'is missing: who belongs'],
  ['a member twice', { members: [ID, { id: ID, name: 'a' }] }, 'its id is in the list twice'],
  [
    'a name twice',
    {
      members: [
        { id: ID, name: 'a' },
        { id: OTHER, name: 'a' },
      ],
    },
    'its name is in the list twice',
  ],
  [
    'a private key',
    { members: { issuer: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', d: 'd' }] } },
    'has a private part',
  ],
  ['half a certificate', { tls: { cert: 'a.pem' } }, 'needs both or none'],
  ['a link to nobody', { links: { up: 3 } }, 'there is no node upstream "up"'],
])('%s is refused', (_, gossip, message) => {
  const found = problems(gossip)
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(message)
})

test('a link to a server is refused, one to a node is not', () => {
  const upstreams = {
    files: { http: { url: 'http://127.0.0.1:1/mcp' } },
    inner: { node: { url: 'http://127.0.0.1:2/mcp/main' } },
  }
  expect(problems({ links: { files: 2 } }, { upstreams })).toEqual([
    'gossip.links.files: there is no node upstream "files"',
  ])
  expect(problems({ links: { inner: 2 } }, { upstreams })).toEqual([])
})

test('a mistake is said with its line and column', () => {
  const text = 'node: {name: edge, organisation: acme}\ngossip:\n  nats: nats://bus.example:4222\n'
  let thrown: unknown
  try {
    parseConfigText(text, 'banyan.yaml', {})
  } catch (error) {
    thrown = error
  }
  const found = (thrown as ConfigError).problems
  expect(found.map(({ path, line, column }) => `${path.join('.')} ${line}:${column}`)).toEqual([
    'gossip.members 2:1',
    'gossip.nats 3:9',
  ])
})

function warned(gossip: unknown): readonly string[] {
  return configWarnings(parseConfig(configOf(gossip), { env: {} }))
    .map(({ path }) => path.join('.'))
    .filter((path) => path.startsWith('gossip'))
}

test('whoever says so is doubtful', () => {
  expect(warned({})).toEqual(['gossip.members'])
  expect(warned({ members: [ID] })).toEqual([])
  const issuer = [{ kty: 'OKP', crv: 'Ed25519', x: 'x' }]
  expect(warned({ members: { issuer } })).toEqual(['gossip.membership'])
})
