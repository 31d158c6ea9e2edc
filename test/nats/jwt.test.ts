// The scoped signing key that `banyan gossip nats-config --jwt` gives out commands for, before a real server.
import { encodeAccount, encodeOperator, encodeUser, fmtCreds, newScopedSigner } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { NATS_TIMING, openNatsBus, type NatsCredentials } from '../../topology/bus-nats.ts'
import type { Bus } from '../../topology/bus.ts'
import { scopedCommands } from '../../topology/nats-config.ts'
import { inboxPrefix, recordSubject } from '../../topology/subjects.ts'
import type { SyncReply } from '../../topology/sync.ts'
import { heardFrom, member, type Member } from './member.ts'
import { NatsServer } from './server.ts'

const A = 'A'.repeat(43)
const B = 'B'.repeat(43)
const UNTIL = { timeout: 10_000, interval: 20 }

const signer = createAccount()
const account = createAccount()
const creds = new Map<string, string>()
const open: { close: () => Promise<unknown> }[] = []
let server: NatsServer

/** What a flag of the printed commands says. */
function flag(name: string): string {
  const text = scopedCommands('acme', [A])
  const found = new RegExp(`--${name}(?: '([^']+)'|=(\\d+))`).exec(text)?.slice(1).find(Boolean)
  if (found === undefined) throw new Error(`--${name} is not in the commands`)
  return found
}

async function credsFor(node: string, by: KeyPair): Promise<string> {
  const own = createUser()
  const options = { scopedUser: true }
  const jwt = await encodeUser(node, own, by, { issuer_account: account.getPublicKey() }, options)
  return Buffer.from(fmtCreds(jwt, own)).toString('utf8')
}

beforeAll(async () => {
  const operator = createOperator()
  const scoped = newScopedSigner(signer, 'banyan-node', {
    pub: { allow: flag('allow-pub').split(','), deny: [] },
    sub: { allow: flag('allow-sub').split(','), deny: [] },
    resp: { max: Number(flag('allow-pub-response')), ttl: 0 },
  })
  // Without limits of its own an account has room for nothing.
  const limits = { conn: -1, subs: -1, data: -1, payload: -1, imports: -1, exports: -1 }
  const claims = { signing_keys: [scoped], limits: { ...limits, leaf: -1, wildcards: true } }
  const jwt = await encodeAccount('acme', account, claims, { signer: operator })
  server = await NatsServer.start(
    `operator: ${await encodeOperator('lab', operator)}
resolver: MEMORY
resolver_preload: { ${account.getPublicKey()}: ${jwt} }`,
  )
  for (const node of [A, B]) creds.set(node, await credsFor(node, signer))
})

afterAll(async () => {
  await Promise.all(open.map((one) => one.close()))
  await server.stop()
})

async function user(node: string): Promise<Member> {
  const made = await member(
    server.url,
    node,
    credsAuthenticator(Buffer.from(creds.get(node) ?? '')),
  )
  open.push(made.nats)
  return made
}

function bus(node: string, answer: SyncReply): { bus: Bus; state: { connected: boolean } } {
  const state = { connected: false }
  const credentials: NatsCredentials = { kind: 'creds', text: creds.get(node) ?? '' }
  const facts = { servers: [server.url], organisation: 'acme', id: node, nodes: 2, credentials }
  const made = openNatsBus(
    { ...facts, timing: NATS_TIMING, random: () => 0 },
    {
      connected: (is) => {
        state.connected = is
      },
      record: () => undefined,
      sync: () => answer,
      problem: () => undefined,
    },
  )
  open.push(made)
  return { bus: made, state }
}

test('without a token of the key nobody gets in', async () => {
  await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authori/i)
  const stranger = Buffer.from(await credsFor(A, createAccount()))
  const authenticator = credsAuthenticator(stranger)
  const options = { servers: server.url, reconnect: false, authenticator }
  await expect(connect(options)).rejects.toThrow(/authori/i)
})

test('a node speaks for itself alone, and what another is answered it does not hear', async () => {
  const [a, b] = [await user(A), await user(B)]
  expect(await heardFrom(a, b)).toEqual([recordSubject('acme', A)])
  for (const subject of [`${inboxPrefix(A)}.>`, '>', 'banyan.v1.globex.rec.*']) {
    const before = b.problems.length
    b.nats.subscribe(subject, { callback: () => undefined })
    await vi.waitFor(() => expect(b.problems.length).toBeGreaterThan(before), UNTIL)
  }
})

test('nodes compare notes over it', async () => {
  const reply: SyncReply = { same: true }
  const [one, other] = [bus(A, reply), bus(B, reply)]
  await vi.waitFor(() => {
    expect([one.state.connected, other.state.connected]).toEqual([true, true])
  }, UNTIL)
  const outcome = await one.bus.sync({ ask: 'root', root: 'r', count: 1 })
  expect(outcome).toEqual(reply)
})
