import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { thumbprint } from '../../node/identity/thumbprint.ts'
import { openNatsBus, NATS_TIMING, type NatsCredentials } from '../../topology/bus-nats.ts'
import type { Bus } from '../../topology/bus.ts'
import { recordSealer, type SignedRecord } from '../../topology/signed-record.ts'
import { permissionsOf, recordSubject } from '../../topology/subjects.ts'
import type { SyncReply, SyncRequest } from '../../topology/sync.ts'
import { recordOf } from '../topology/records.ts'
import { NatsServer } from './server.ts'

const QUICK = { ...NATS_TIMING, ping: 300, retry: 50, patience: 2_000 }
const UNTIL = { timeout: 15_000, interval: 20 }

/** A node at the bus, and what it heard. */
class Member {
  readonly key: KeyObject
  readonly id: string
  readonly heard: string[] = []
  readonly turns: boolean[] = []
  readonly problems: string[] = []
  readonly asked: SyncRequest[] = []
  reply: SyncReply = { same: true }
  readonly bus: Bus
  #seq = 0

  constructor(servers: readonly string[], credentials?: (id: string) => NatsCredentials) {
    const { privateKey } = generateKeyPairSync('ed25519')
    this.key = privateKey
    this.id = thumbprint(privateKey.export({ format: 'jwk' }))
    const settings = {
      servers,
      organisation: 'acme',
      id: this.id,
      nodes: 3,
      timing: QUICK,
      random: () => 0,
      credentials: credentials?.(this.id),
    }
    this.bus = openNatsBus(settings, {
      connected: (is) => this.turns.push(is),
      record: (_, text) => this.heard.push(text),
      sync: (request) => {
        this.asked.push(request)
        return this.reply
      },
      problem: (text) => this.problems.push(text),
    })
  }

  get isConnected(): boolean {
    return this.turns.at(-1) === true
  }

  next(): SignedRecord {
    this.#seq += 1
    return recordSealer(this.key)(recordOf(this.id, { seq: this.#seq }))
  }

  /** Says something until another one hears it. */
  async reaches(other: Member): Promise<void> {
    await vi.waitFor(() => {
      const signed = this.next()
      this.bus.publish(signed)
      if (other.heard.length === 0) throw new Error('nothing was heard')
    }, UNTIL)
  }
}

const ROOT: SyncRequest = { ask: 'root', root: 'r', count: 0 }

let server: NatsServer
const members: Member[] = []
const strangers: NatsConnection[] = []

function member(credentials?: (id: string) => NatsCredentials): Member {
  const one = new Member([server.url], credentials)
  members.push(one)
  return one
}

async function joined(...all: readonly Member[]): Promise<void> {
  await vi.waitFor(() => expect(all.every(({ isConnected }) => isConnected)).toBe(true), UNTIL)
}

beforeEach(async () => {
  server = await NatsServer.start()
})

afterEach(async () => {
  await Promise.all(members.splice(0).map(({ bus }) => bus.close()))
  await Promise.all(strangers.splice(0).map((one) => one.close()))
  await server.stop()
})

describe('the bus over a NATS server', () => {
  test('everybody hears what is published, but the one who said it', async () => {
    const [a, b, c] = [member(), member(), member()]
    await joined(a, b, c)
    await a.reaches(b)
    await a.reaches(c)
    expect(a.heard).toEqual([])
  })

  test('a question goes to one of the others, and to nobody when there is none', async () => {
    const a = member()
    await joined(a)
    expect(await a.bus.sync(ROOT)).toBe('alone')
    const b = member()
    await joined(b)
    await vi.waitFor(async () => expect(await a.bus.sync(ROOT)).toEqual({ same: true }), UNTIL)
    expect(b.asked[0]).toEqual(ROOT)
    expect(a.asked).toEqual([])
  })

  test('a server that is killed and comes back is found again, and both turns are told', async () => {
    const [a, b] = [member(), member()]
    await joined(a, b)
    await server.kill()
    await vi.waitFor(() => expect(a.isConnected || b.isConnected).toBe(false), UNTIL)
    a.bus.publish(a.next())
    expect(await a.bus.sync(ROOT)).toBe('lost')
    await server.restart()
    await joined(a, b)
    expect(a.turns).toEqual([true, false, true])
    expect(b.heard).toEqual([])
    await a.reaches(b)
  })

  test('a server that hangs is noticed, and found again', async () => {
    const a = member()
    await joined(a)
    server.hang()
    await vi.waitFor(() => expect(a.isConnected).toBe(false), UNTIL)
    server.resume()
    await joined(a)
  })

  test('a node starts without a server, and joins when there is one', async () => {
    await server.kill()
    const a = member()
    await vi.waitFor(() => expect(a.problems.length).toBeGreaterThan(0), UNTIL)
    expect(a.turns).toEqual([])
    await server.restart()
    await joined(a)
  })

  test('it can be closed while it still looks for a server', async () => {
    await server.kill()
    const a = member()
    await a.bus.close()
    expect(a.turns).toEqual([])
  })

  test('nonsense on its subjects is passed over', async () => {
    const [a, b] = [member(), member()]
    await joined(a, b)
    const stranger = await connect({ servers: server.url })
    strangers.push(stranger)
    stranger.publish('banyan.v1.acme.sync', 'no json')
    stranger.publish(recordSubject('acme', 'x'), 'x'.repeat(100_000))
    await expect(
      stranger.request('banyan.v1.acme.sync', '{"ask":"everything"}', { timeout: 200 }),
    ).rejects.toThrow(/timeout/i)
    await a.reaches(b)
    expect(b.heard.every((text) => text.startsWith('ey'))).toBe(true)
  })
})

/** Users of a server that lets each node speak for itself only. */
function config(users: readonly { id: string; password: string }[]): string {
  const entries = users.map(({ id, password }) => {
    const permissions = JSON.stringify(permissionsOf('acme', id))
    return `{ user: "${id}", password: "${password}", permissions: ${permissions} }`
  })
  return `authorization: { users: [${entries.join(', ')}] }`
}

const known = (id: string): NatsCredentials => ({ kind: 'password', user: id, password: 'p' })

describe('permissions', () => {
  test('a node speaks for itself, and for nobody else; both hear of the attempt', async () => {
    const [a, b] = [member(known), member(known)]
    await server.restart(config([a, b].map(({ id }) => ({ id, password: 'p' }))))
    await joined(a, b)
    await a.reaches(b)
    await vi.waitFor(async () => expect(await a.bus.sync(ROOT)).toEqual({ same: true }), UNTIL)
    const before = b.heard.length
    b.bus.publish(a.next())
    await vi.waitFor(
      () => expect(b.problems.join('\n')).toMatch(/permissions violation.*rec/i),
      UNTIL,
    )
    expect(a.heard).toEqual([])
    expect(b.heard.length).toBeGreaterThanOrEqual(before)
  })

  test('who is turned away says so, keeps no secret in it, and joins once it is let in', async () => {
    await server.restart(config([{ id: 'somebody', password: 'else' }]))
    const a = member((id) => ({ kind: 'password', user: id, password: 'canary-secret' }))
    await vi.waitFor(() => expect(a.problems.join('\n')).toMatch(/authori[sz]ation/i), UNTIL)
    expect(a.problems.join('\n')).not.toContain('canary-secret')
    expect(a.isConnected).toBe(false)
  })
})
