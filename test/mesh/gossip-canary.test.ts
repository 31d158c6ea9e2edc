// Nothing is on the bus that must not be there: every byte that crosses it is looked at (invariant 19). And whoever
// forges on it changes nothing.
import { generateKeyPairSync } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { thumbprint } from '../../node/identity/thumbprint.ts'
import { recordSealer } from '../../topology/signed-record.ts'
import { recordSubject } from '../../topology/subjects.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { NatsServer } from '../nats/server.ts'
import { recordOf } from '../topology/records.ts'
import { insideOf } from './bytes.ts'
import { converged, Gossipers, recordsOf, UNTIL } from './gossiping.ts'
import { Keyholders } from './keyholders.ts'

const nodes = new Gossipers()
const people = new Keyholders('ann')
const TOKEN = 'canary-token-of-the-bus-7f3a'
let fixture: FixtureServer
let nats: NatsServer
let spy: NatsConnection
const seen: string[] = []

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  nats = await NatsServer.start(`authorization: { token: "${TOKEN}" }`)
  spy = await connect({ servers: nats.url, token: TOKEN })
  seen.splice(0)
  spy.subscribe('>', {
    callback: (_, message) => {
      seen.push(`${message.subject}
${Buffer.from(message.data).toString('latin1')}`)
    },
  })
  await spy.flush()
})

afterEach(async () => {
  await nodes.close()
  await spy.close()
  await fixture.close()
  await nats.stop()
})

function plan(name: string, disclose: string): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    upstreams: {
      server: { http: { url: fixture.url, headers: { 'x-key': 'canary-header-91c2' } } },
    },
    namespaces: { shown: { from: ['server'] }, 'hid-4711': { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'], auth: people.auth() } },
    clients: people.clients(),
    tags: { 'tag-of-the-hidden-0815': ['hid-4711__*'] },
    visibility: [
      { for: '*', namespaces: ['shown'] },
      { for: 'ann', namespaces: ['*'] },
    ],
    gossip: { nats: nats.url, credentials: { token: TOKEN }, disclose, members: 'first-use' },
  }
}

test.each(['full', 'digest', 'none'])(
  'with disclose: %s no token, secret or hidden name is ever on the bus',
  async (disclose) => {
    const [a, b] = [await nodes.start(plan('a', disclose)), await nodes.start(plan('b', disclose))]
    await converged(a, b)
    const params = { name: 'hid-4711__echo', arguments: { message: 'canary-argument-5d5d' } }
    const headers = people.headers('ann')
    const { status } = await callModern(a.endpointUrl('main'), 'tools/call', params, { headers })
    expect(status).toBe(200)
    await b.reload({
      ...plan('b', disclose),
      namespaces: {
        shown: { from: ['server'] },
        'hid-4711': { from: ['server'] },
        more: { from: ['server'] },
      },
    })
    await converged(a, b)
    await vi.waitFor(() => {
      const told = recordsOf(a).get('b')?.namespaces ?? []
      expect(disclose === 'none' || told.some((one) => one.count > 0)).toBe(true)
    }, UNTIL)
    const all = insideOf(seen)
    // The look sees what is there.
    expect(all).toContain('"org":"acme"')
    expect(all.includes('"shown"')).toBe(disclose === 'full')
    const key = headers['authorization']?.replace('Bearer ', '') ?? '?'
    for (const secret of [TOKEN, key, 'hid-4711', 'tag-of-the-hidden', 'canary-', '__echo']) {
      expect(all).not.toContain(secret)
    }
  },
)

test('whoever forges on the bus changes nothing, and is noticed', async () => {
  const [a, b] = [await nodes.start(plan('a', 'full')), await nodes.start(plan('b', 'full'))]
  await converged(a, b)
  const { privateKey } = generateKeyPairSync('ed25519')
  const own = thumbprint(privateKey.export({ format: 'jwk' }))
  const seal = recordSealer(privateKey)
  const now = Math.floor(Date.now() / 1_000)
  const late = { inc: Date.now() + 1_000, expiresAt: now + 3_600, issuedAt: now }
  const subject = recordSubject('acme', b.id)
  const forged = [
    ['unreadable', subject, seal(recordOf(b.id, { ...late, status: 'left' })).text],
    ['other-subject', subject, seal(recordOf(own, { ...late, status: 'left' })).text],
    [
      'other-organisation',
      recordSubject('acme', own),
      seal(recordOf(own, { ...late, organisation: 'globex' })).text,
    ],
  ] as const
  // Again and again: of what comes at once under one subject only the latest is looked at.
  for (const [why, at, text] of forged) {
    await vi.waitFor(() => {
      spy.publish(at, text)
      expect(a.mesh.news.counts.get(`refused:${why}`)).toBeGreaterThan(0)
    }, UNTIL)
  }
  expect(recordsOf(a).get('b')?.status).toBe('up')
  expect(recordsOf(a).size).toBe(2)
})

test('a record of an earlier time that is played again changes nothing', async () => {
  const [a, b] = [await nodes.start(plan('a', 'full')), await nodes.start(plan('b', 'full'))]
  await converged(a, b)
  const subject = recordSubject('acme', b.id)
  const old = seen.find((text) => text.startsWith(subject))?.split('\n')[1] ?? ''
  await b.reload({ ...plan('b', 'full'), namespaces: { other: { from: ['server'] } } })
  await vi.waitFor(() => expect(recordsOf(a).get('b')?.seq).toBeGreaterThan(1), UNTIL)
  await converged(a, b)
  const before = recordsOf(a).get('b')
  spy.publish(subject, old)
  await spy.flush()
  await converged(a, b)
  expect(recordsOf(a).get('b')?.seq).toBeGreaterThanOrEqual(before?.seq ?? Infinity)
})
