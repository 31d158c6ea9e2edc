// What is revoked, by whom, and what goes with it.
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  MemoryRevocations,
  type Revocation,
} from '../../../../node/identity/service/revocations.ts'
import type { JsonObject } from '../../../fixtures/wire.ts'
import { readRevocationList } from '../../../../protocol/token/revocation-list.ts'
import { accessOf, KEYS, OTHER, OTHER_MAIN, PEER, TokenLab, type Form } from './token-lab.ts'

let lab: TokenLab

beforeEach(async () => {
  lab = await TokenLab.open()
})
afterEach(() => lab.close())

const REVOKE = { path: '/oauth/revoke' }

async function revoke(client: Form, form: Form): Promise<readonly [number, unknown]> {
  const reply = await lab.ask({ ...client, ...form }, REVOKE)
  return [reply.status, reply.error]
}

describe('a token', () => {
  it('that is revoked is exchanged no more, nor is what was made of it', async () => {
    const token = lab.subject()
    const child = await lab.ask(lab.exchange({ subject_token: token, resource: OTHER_MAIN }))
    expect(await revoke(lab.edge(), { token })).toEqual([200, undefined])
    const again = await lab.ask(lab.exchange({ subject_token: token }))
    expect(again.error).toBe('invalid_request')
    expect(lab.last?.reason).toBe('revoked')
    const { iss, jti, txn } = accessOf(child.token)
    expect(lab.revocations.isRevoked({ iss, jti, ...(txn !== undefined && { txn }) })).toBe(true)
    const onward = await lab.ask({
      ...lab.exchange({
        subject_token: child.token,
        resource: 'https://edge.acme.example/mcp/main',
      }),
      ...lab.as(OTHER, KEYS.other),
    })
    expect(onward.error).toBe('invalid_request')
  })

  it('in the middle of a chain goes by itself: its siblings live on', async () => {
    const token = lab.subject()
    const [one, other] = [
      await lab.ask(lab.exchange({ subject_token: token })),
      await lab.ask(lab.exchange({ subject_token: token })),
    ]
    expect(await revoke(lab.edge(), { token: one.token })).toEqual([200, undefined])
    expect(lab.revocations.isRevoked(accessOf(one.token))).toBe(true)
    expect(lab.revocations.isRevoked(accessOf(other.token))).toBe(false)
  })

  it('of somebody else is not touched', async () => {
    const token = lab.subject()
    expect(await revoke(lab.peer(), { token })).toEqual([400, 'unauthorized_client'])
    expect(await revoke({}, { token })).toEqual([401, 'invalid_client'])
    expect(lab.revocations.isRevoked(accessOf(token))).toBe(false)
  })

  it('that is none is revoked already (RFC 7009 §2.2)', async () => {
    expect(await revoke(lab.edge(), { token: 'nothing' })).toEqual([200, undefined])
    expect(await revoke(lab.edge(), {})).toEqual([400, 'invalid_request'])
    expect(await revoke(lab.edge(), { token: 'a', sid: 'b' })).toEqual([400, 'invalid_request'])
  })
})

describe('a session', () => {
  it('ends for all its tokens, when a node of the organisation says so', async () => {
    expect(await revoke(lab.peer(), { sid: 's-1' })).toEqual([400, 'unauthorized_client'])
    expect(await revoke(lab.edge(), { sid: 's-1' })).toEqual([200, undefined])
    const names = { iss: lab.base, jti: 'any' }
    expect(lab.revocations.isRevoked({ ...names, sid: 's-1' })).toBe(true)
    expect(lab.revocations.isRevoked({ ...names, sid: 's-2' })).toBe(false)
    expect(lab.revocations.isRevoked({ ...names, iss: 'https://x.example', sid: 's-1' })).toBe(
      false,
    )
  })
})

function ids({ revoked }: JsonObject): unknown {
  return (revoked as readonly JsonObject[]).map(({ id }) => id)
}

describe('the list of what was revoked', () => {
  const LIST = { path: '/oauth/revocations' }

  it('is for nodes of the organisation alone', async () => {
    await revoke(lab.edge(), { sid: 's-1' })
    expect((await lab.ask(lab.edge(), LIST)).json).toMatchObject({
      revoked: [{ iss: lab.base, by: 'sid', id: 's-1' }],
      refused: [],
      more: false,
    })
    expect(await lab.ask(lab.peer(), LIST)).toMatchObject({
      status: 400,
      error: 'unauthorized_client',
    })
    expect((await lab.ask({}, LIST)).status).toBe(401)
    expect((await lab.ask(lab.as('nightly', KEYS.nightly), LIST)).error).toBe('unauthorized_client')
  })

  it('tells each once, and again when it lasts longer; a new process tells all', async () => {
    const list = async (cursor?: unknown): Promise<JsonObject> =>
      (await lab.ask({ ...lab.edge(), cursor: cursor as string | undefined }, LIST)).json
    await revoke(lab.edge(), { sid: 's-1' })
    const first = await list()
    await revoke(lab.edge(), { sid: 's-2' })
    const second = await list(first['cursor'])
    expect(ids(second)).toEqual(['s-2'])
    expect(ids(await list(second['cursor']))).toEqual([])
    lab.now += 5
    await revoke(lab.edge(), { sid: 's-1' })
    expect(ids(await list(second['cursor']))).toEqual(['s-1'])
    expect(ids(await list('0123456789abcdef.9'))).toEqual(['s-2', 's-1'])
    lab.now += 86_400 + 61
    expect(ids(await list())).toEqual([])
  })

  it('comes in parts, none of which is left out', async () => {
    for (let at = 0; at < 120; at += 1) {
      lab.revocations.revoke({ issuer: PEER, by: 'jti', id: `j-${at}`, until: lab.now + 60 })
    }
    const found: unknown[] = []
    let cursor: string | undefined
    for (let more = true; more;) {
      const { json } = await lab.ask({ ...lab.edge(), cursor }, LIST)
      const list = readRevocationList(json)
      found.push(...list.revoked.map(({ id }) => id))
      ;({ cursor, more } = list)
    }
    expect(found).toEqual(Array.from({ length: 120 }, (_, at) => `j-${at}`))
  })

  it('tells of issuers that are refused as a whole', () => {
    const list = new MemoryRevocations({ clock: () => 1_000, capacity: 1 })
    for (const id of ['a', 'b']) list.revoke({ issuer: PEER, by: 'jti', id, until: 1_100 })
    expect(list.since(undefined, 10)).toMatchObject({
      revoked: [{ id: 'a' }],
      refused: [{ issuer: PEER, until: 1_100 }],
    })
  })

  it('holds no session that no token could be of', async () => {
    expect(await revoke(lab.edge(), { sid: 's'.repeat(1_025) })).toEqual([400, 'invalid_request'])
    expect(lab.revocations.since(undefined, 10).revoked).toEqual([])
  })
})

describe('the denylist', () => {
  it('attack 38: an issuer that floods it loses its own tokens, for as long as it lasts', () => {
    let now = 1_000
    const list = new MemoryRevocations({ clock: () => now, capacity: 3 })
    for (let at = 0; at < 5; at += 1) {
      list.revoke({ issuer: 'a', by: 'jti', id: String(at), until: now + 100 + at })
    }
    expect(list.isRevoked({ iss: 'a', jti: 'never revoked' })).toBe(true)
    expect(list.isRevoked({ iss: 'b', jti: 'never revoked' })).toBe(false)
    now += 105
    expect(list.isRevoked({ iss: 'a', jti: 'never revoked' })).toBe(false)
  })

  it('tells who listens, until they listen no more', () => {
    const list = new MemoryRevocations({ clock: () => 0, capacity: 3 })
    const heard: Revocation[] = []
    const stop = list.onRevoked((revocation) => heard.push(revocation))
    const revocation: Revocation = { issuer: 'a', by: 'sid', id: 's', until: 10 }
    list.revoke(revocation)
    stop()
    list.revoke({ ...revocation, id: 't' })
    expect(heard).toEqual([revocation])
  })

  it('refuses exactly what was revoked and is not over, whatever came in between', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const by = fc.constantFrom('jti' as const, 'sid' as const, 'txn' as const)
    const step = fc.record({ issuer: name, by, id: name, life: fc.integer({ min: -5, max: 50 }) })
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(30)), { maxLength: 30 }), (steps) => {
        let now = 1_000
        const list = new MemoryRevocations({ clock: () => now, capacity: 100 })
        const model: Revocation[] = []
        for (const [{ life, ...what }, pause] of steps) {
          const revocation = { ...what, until: now + life }
          list.revoke(revocation)
          model.push(revocation)
          now += pause
          for (const id of ['a', 'b', 'c']) {
            const dead = model.some(
              (one) => one.issuer === 'a' && one.by === 'sid' && one.id === id && one.until > now,
            )
            expect(list.isRevoked({ iss: 'a', jti: '-', sid: id })).toBe(dead)
          }
        }
      }),
    )
  })
})
