// What goes over a wire to another node is at most what the endpoint shows to whom that node came as, and who says it is
// of the organisation is not believed before it has shown it.
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LOCAL_CALLER, type Principal } from '../../node/core/principal.ts'
import { loadState } from '../../node/identity/node-state.ts'
import { signMembership } from '../../node/identity/membership.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { converged, Gossipers, recordsOf, UNTIL, waysOf, wire } from './gossiping.ts'

const nodes = new Gossipers()
let fixture: FixtureServer
let folder: string

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  folder = await mkdtemp(join(tmpdir(), 'banyan-told-'))
})

afterEach(async () => {
  await nodes.close()
  await fixture.close()
  await rm(folder, { recursive: true, force: true })
})

const GOSSIP = { members: 'first-use', disclose: 'full' }

function plan(name: string, more: object = {}): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: fixture.url } } },
    namespaces: { open: { from: ['server'] }, inner: { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'] }, narrow: { namespaces: ['open'] } },
    gossip: GOSSIP,
    ...more,
  }
}

function using(behind: RunningNode, endpoint: string, more: object = {}): object {
  const next = { node: { url: behind.endpointUrl(endpoint), as: '{namespace}' } }
  const endpoints = { main: { namespaces: ['*'] } }
  return { ...plan('user'), upstreams: { next }, namespaces: {}, endpoints, ...more }
}

test('a node that uses a narrow endpoint never hears of what only a wide one shows', async () => {
  const behind = await nodes.start(plan('behind'))
  const user = await nodes.start(using(behind, 'narrow'))
  const { texts } = wire({ node: user, label: 'next' }, { node: behind, endpoint: 'narrow' })
  await vi.waitFor(() => expect(waysOf(user, behind)).toEqual(['open at behind']), UNTIL)
  const routes = texts.filter((text) => text.includes('"routes"'))
  expect(routes.join('')).not.toContain('inner')
})

test('a node that comes as somebody with few scopes hears of what those cover', async () => {
  const behind = await nodes.start(plan('behind'))
  const user = await nodes.start(using(behind, 'main'))
  const principal: Principal = { ...LOCAL_CALLER, key: 'few', scopes: ['ns:inner'] }
  const ends = { node: behind, endpoint: 'main' }
  const { texts } = wire({ node: user, label: 'next' }, ends, { principal })
  await vi.waitFor(() => expect(waysOf(user, behind)).toEqual(['inner at behind']), UNTIL)
  const routes = texts.filter((text) => text.includes('"routes"'))
  expect(routes.join('')).not.toContain('"open"')
})

test('what a reload hides is taken back', async () => {
  const behind = await nodes.start(plan('behind'))
  const user = await nodes.start(using(behind, 'main'))
  wire({ node: user, label: 'next' }, { node: behind, endpoint: 'main' })
  await vi.waitFor(() => expect(waysOf(user, behind)).toHaveLength(2), UNTIL)
  const visibility = [{ for: '*', namespaces: { allow: ['*'], deny: ['inner'] } }]
  await behind.reload(plan('behind', { visibility }))
  await vi.waitFor(() => expect(waysOf(user, behind)).toEqual(['open at behind']), UNTIL)
})

test('beyond the border nothing is told that no rule allows', async () => {
  const exports = [{ to: 'globex', namespaces: ['open'] }]
  const behind = await nodes.start(plan('behind', { gossip: { ...GOSSIP, exports } }))
  const node = { name: 'user', organisation: 'globex', listen: '127.0.0.1:0', state: 'memory' }
  const gossip = { ...GOSSIP, imports: [{ from: 'acme' }] }
  const user = await nodes.start(using(behind, 'main', { node, gossip }))
  const { texts } = wire({ node: user, label: 'next' }, { node: behind, endpoint: 'main' })
  await vi.waitFor(() => expect(waysOf(user, behind)).toEqual(['open at org:acme']), UNTIL)
  expect(texts.join('')).not.toContain('inner')
  expect(texts.filter((text) => text.includes('"records":["'))).toEqual([])
})

describe('members by token', () => {
  const issuer = generateKeyPairSync('ed25519')
  const stranger = generateKeyPairSync('ed25519')

  /** State and membership of a node, and the part of its configuration that says so. */
  async function member(name: string, key = issuer.privateKey): Promise<object> {
    const state = join(folder, name)
    const { id } = await loadState(state)
    const now = Math.floor(Date.now() / 1_000)
    const of = { organisation: 'acme', node: id, name, expiresAt: now + 3_600 }
    const membership = join(folder, `${name}.jwt`)
    await writeFile(membership, signMembership(key, of, now))
    const members = { issuer: [issuer.publicKey.export({ format: 'jwk' })] }
    return {
      node: { name, organisation: 'acme', listen: '127.0.0.1:0', state },
      gossip: { members, membership, disclose: 'full' },
    }
  }

  test('two that have one find out over their link alone', async () => {
    const behind = await nodes.start(plan('behind', await member('behind')))
    const user = await nodes.start(using(behind, 'main', await member('user')))
    wire({ node: user, label: 'next' }, { node: behind, endpoint: 'main' })
    await converged(user, behind)
    await vi.waitFor(() => expect(waysOf(user, behind)).toHaveLength(2), UNTIL)
  })

  test('who has one of somebody else is told nothing of the organisation', async () => {
    const behind = await nodes.start(plan('behind', await member('behind')))
    const forged = await member('user', stranger.privateKey)
    const user = await nodes.start(using(behind, 'main', forged))
    const { texts } = wire({ node: user, label: 'next' }, { node: behind, endpoint: 'main' })
    await vi.waitFor(
      () => expect(behind.mesh.news.counts.get('refused:no-member')).toBeGreaterThan(0),
      UNTIL,
    )
    expect(recordsOf(behind).has('user')).toBe(false)
    expect(texts.filter((text) => text.includes('"routes"')).join('')).not.toContain('open')
  })
})
