// Where an upstream node is found, and that no record can send calls, and tokens with them, anywhere else.
import { describe, expect, test } from 'vitest'
import { placeOf, type Known } from '../../../../node/control/mesh/places.ts'
import { ConfigError } from '../../../../node/core/config-error.ts'
import type { NodeUpstream } from '../../../../node/core/config-types.ts'
import { parseConfig } from '../../../../node/core/config.ts'
import type { NodeRecord } from '../../../../topology/record.ts'
import { recordOf } from '../../../topology/records.ts'

const ID = 'I'.repeat(43)

function parsed(node: object, more: object = {}): NodeUpstream {
  const config = parseConfig({
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    gossip: {},
    upstreams: { inner: { node, ...more } },
  })
  return config.upstreams['inner'] as NodeUpstream
}

function problems(node: object, more: object = {}): readonly string[] {
  try {
    parsed(node, more)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
}

function place(
  node: object,
  records: readonly Partial<NodeRecord>[],
  known: Partial<Known> = {},
): string {
  const all = records.map((change) => recordOf(change.id ?? ID, change))
  const found = placeOf(parsed(node), {
    records: all,
    organisation: 'acme',
    isLocal: false,
    ...known,
  })
  return found.upstream === undefined ? found.problem : found.upstream.node.url
}

const BY_NAME = { name: 'inner', endpoint: 'main' }
const AT = { name: 'inner', urls: ['https://inner.acme.example'] }

describe('a node is found', () => {
  test('by its name', () => {
    expect(place(BY_NAME, [AT])).toBe('https://inner.acme.example/mcp/main')
  })

  test('by its id, whatever it is called', () => {
    const node = { id: ID, endpoint: 'ops' }
    expect(place(node, [{ ...AT, name: 'other' }])).toBe('https://inner.acme.example/mcp/ops')
  })

  test('below a path, and at the first place that is allowed', () => {
    const urls = ['https://evil.example', 'https://gw.acme.example:8443/banyan']
    const node = { ...BY_NAME, urls: ['https://*.acme.example:8443'] }
    expect(place(node, [{ name: 'inner', urls }])).toBe(
      'https://gw.acme.example:8443/banyan/mcp/main',
    )
  })

  test('on loopback, from loopback', () => {
    const at = { name: 'inner', urls: ['http://127.0.0.1:7401'] }
    expect(place(BY_NAME, [at], { isLocal: true })).toBe('http://127.0.0.1:7401/mcp/main')
    expect(place(BY_NAME, [at])).toContain('does not allow')
  })
})

describe('a node is not found', () => {
  test('that nobody has heard of; who is known is said', () => {
    expect(
      place(BY_NAME, [
        { id: 'x', name: 'one' },
        { id: 'y', name: 'two' },
      ]),
    ).toBe('no record of node inner (main) has been heard; known: one, two')
    expect(place(BY_NAME, [])).toContain('known: nobody')
  })

  test('that has left', () => {
    expect(place(BY_NAME, [{ ...AT, status: 'left' }])).toContain('no record')
  })

  test('of another organisation', () => {
    expect(place(BY_NAME, [{ ...AT, organisation: 'globex' }])).toContain('no record')
  })

  test('while two say it is their name', () => {
    expect(place(BY_NAME, [AT, { ...AT, id: 'z' }])).toContain('2 nodes say')
  })
})

describe('no record sends calls elsewhere', () => {
  const allowed = { ...BY_NAME, urls: ['https://*.acme.example', 'https://inner.example:8443'] }

  test.each([
    'https://evil.example',
    'https://evil.example/x.acme.example',
    'https://evil.example?.acme.example',
    'https://evil.example#.acme.example',
    'https://gw.acme.example@evil.example',
    'https://gw.acme.example:pw@evil.example',
    'https://evil.example\\.acme.example',
    'https://evilacme.example',
    'https://acme.example',
    'https://gw.acme.example.evil.example',
    'https://gw.acme.example.',
    'https://gw.acme.example:444',
    'http://gw.acme.example',
    'http://inner.example:8443',
    'https://inner.example',
    'https://sub.inner.example:8443',
    'wss://gw.acme.example',
    'ftp://gw.acme.example',
    'file:///etc/passwd',
    'http://127.0.0.1:1',
    'https://gw.acme.example/?x=1',
    '//gw.acme.example',
    '',
    'https://gw.acme.example\n.evil.example',
  ])('%j', (url) => {
    expect(place(allowed, [{ name: 'inner', urls: [url] }], { isLocal: true })).toContain(
      'does not allow',
    )
  })

  test.each([
    'http://inner.example',
    'https://10.0.0.1',
    'https://169.254.169.254',
    'https://[fd00::1]',
    'https://1.1.1.1',
    'https://vault.internal',
    'https://vault',
    'https://localhost',
  ])('into the private network, where nothing is said: %s', (url) => {
    expect(place(BY_NAME, [{ name: 'inner', urls: [url] }])).toContain('does not allow')
  })
})

describe('the configuration', () => {
  test.each([
    ['neither', { endpoint: 'main' }, 'needs exactly one of "url", "id", "name"'],
    ['both', { url: 'https://x.example/mcp/a', ...BY_NAME }, 'needs exactly one of'],
    ['no endpoint', { name: 'inner' }, 'needs "endpoint"'],
    ['a URL and an endpoint', { url: 'https://x.example/mcp/a', endpoint: 'a' }, 'has "endpoint"'],
    ['any host', { ...BY_NAME, urls: ['https://*'] }, 'must be https://host'],
    ['a whole top level', { ...BY_NAME, urls: ['https://*.example'] }, 'at least two labels'],
    ['a star inside', { ...BY_NAME, urls: ['https://a*.acme.example'] }, 'must be https://host'],
    ['a path', { ...BY_NAME, urls: ['https://acme.example/x'] }, 'must be https://host'],
    ['plain http', { ...BY_NAME, urls: ['http://acme.example'] }, 'must be https, unless'],
  ])('%s is refused', (_, node, message) => {
    const found = problems(node)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })

  test('tokens are not sent where only a record says', () => {
    const auth = {
      mode: 'client_credentials',
      issuer: 'https://id.example',
      client: { id: 'a', secret: 's' },
      scopes: ['x'],
      requires: ['ns:a'],
    }
    expect(problems(BY_NAME, { auth })).toEqual([
      'upstreams.inner.node.urls: is missing: with auth mode client_credentials tokens go where a record says, and must not go anywhere',
    ])
    const urls = ['https://*.acme.example']
    expect(problems({ ...BY_NAME, urls }, { auth })).toEqual([])
  })

  test('needs gossip', () => {
    const input = {
      node: { name: 'edge', organisation: 'acme', state: 'memory' },
      upstreams: { inner: { node: BY_NAME } },
    }
    expect(() => parseConfig(input)).toThrow('gossip')
  })
})
