// The configuration that is printed for a server, before a real server.
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { newUserKey } from '../../topology/bus-nats.ts'
import { nkeyConfig, scopedCommands, scopedPermissions } from '../../topology/nats-config.ts'
import { inboxPrefix, permissionsOf, recordSubject, syncSubject } from '../../topology/subjects.ts'
import { heardFrom, member, type Member } from './member.ts'
import { NatsServer } from './server.ts'

const A = 'A'.repeat(43)
const B = 'B'.repeat(43)
const UNTIL = { timeout: 10_000, interval: 20 }

const keys = { [A]: newUserKey(), [B]: newUserKey() }
let server: NatsServer
const open: NatsConnection[] = []

beforeEach(async () => {
  const users = Object.entries(keys).map(([node, { nkey }]) => ({ node, nkey }))
  server = await NatsServer.start(nkeyConfig('acme', users))
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
  await server.stop()
})

async function user(node: string): Promise<Member> {
  const made = await member(
    server.url,
    node,
    nkeyAuthenticator(Buffer.from(keys[node]?.seed ?? '')),
  )
  open.push(made.nats)
  return made
}

describe('users with nkeys', () => {
  test('who has no key is turned away', async () => {
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authori/i)
  })

  test('a node speaks for itself, and not for another', async () => {
    const [a, b] = [await user(A), await user(B)]
    expect(await heardFrom(a, b)).toEqual([recordSubject('acme', A)])
  })

  test('what others are answered nobody reads, and one answers once', async () => {
    const [a, b] = [await user(A), await user(B)]
    b.nats.subscribe(`${inboxPrefix(A)}.>`, { callback: () => undefined })
    await vi.waitFor(() => expect(b.problems.join()).toMatch(/permissions violation/i), UNTIL)
    b.nats.subscribe('>', { callback: () => undefined })
    await vi.waitFor(() => expect(b.problems.length).toBeGreaterThan(1), UNTIL)
    b.nats.subscribe(syncSubject('acme'), {
      queue: 'sync',
      callback: (_, message) => void message.respond('notes'),
    })
    await b.nats.flush()
    const reply = await a.nats.request(syncSubject('acme'), 'root', { timeout: 5_000 })
    expect(reply.string()).toBe('notes')
  })

  test('another organisation is out of reach', async () => {
    const { nats, problems } = await user(A)
    nats.publish('banyan.v1.globex.sync', 'x')
    await vi.waitFor(() => expect(problems.join()).toMatch(/permissions violation/i), UNTIL)
  })
})

test('only a border may speak to other organisations', () => {
  const entry = { node: A, nkey: keys[A]?.nkey ?? '' }
  const subject = `banyan-border.v1.acme.sum.${A}`
  expect(nkeyConfig('acme', [entry])).not.toContain(subject)
  expect(nkeyConfig('acme', [{ ...entry, border: true }])).toContain(subject)
})

describe('scoped keys', () => {
  test('let a user do what a node of its name may', () => {
    const { publish, subscribe } = scopedPermissions('acme')
    const filled = (list: readonly string[]): string[] =>
      list.map((subject) => subject.replaceAll('{{name()}}', A))
    expect(filled(publish)).toEqual(permissionsOf('acme', A).publish.allow)
    expect(filled(subscribe)).toEqual(permissionsOf('acme', A).subscribe.allow)
  })

  test('come with a user for each node', () => {
    const text = scopedCommands('acme', [A])
    expect(text).toContain('banyan.v1.acme.rec.{{name()}},banyan.v1.acme.sync')
    expect(text).toContain(`--name ${A} -K banyan-node`)
  })
})

test.each([
  ['a node', 'acme', { node: 'x.y', nkey: keys[A]?.nkey ?? '' }],
  ['an organisation', 'a.>', { node: A, nkey: keys[A]?.nkey ?? '' }],
  ['a key', 'acme', { node: A, nkey: 'UX } ] }' }],
  ['a seed in place of a key', 'acme', { node: A, nkey: keys[A]?.seed ?? '' }],
])('%s that would mean something in the file is refused', (_, organisation, entry) => {
  expect(() => nkeyConfig(organisation, [entry])).toThrow(RangeError)
})
