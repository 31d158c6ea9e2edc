// What lists say of themselves, whoever asks and whatever the upstream speaks.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { callModern, legacySession, type RawReply } from '../fixtures/raw-client.ts'
import { META, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

const TOOLS = Array.from({ length: 7 }, (_, index) => plainTool(`t${index}`))
const ENDPOINTS = {
  main: { namespaces: ['fx'], pageSize: 3 },
  other: { namespaces: ['fx'], pageSize: 3 },
}

function names({ result }: RawReply): unknown[] {
  return (result['tools'] as JsonObject[]).map(({ name }) => name)
}

async function firstCursor(url: string): Promise<string> {
  return String((await callModern(url, 'tools/list')).result['nextCursor'])
}

describe.each<Era>(['2025', '2026'])('over an upstream of era %s', (era) => {
  let edge: Edge
  beforeAll(async () => {
    edge = await Edge.start({ endpoints: ENDPOINTS }, { era, tools: TOOLS })
  })
  beforeEach(() => edge.mark())
  afterAll(() => edge.close())

  it('row 25: cursors lead through all pages, in both eras alike', async () => {
    const session = await legacySession(edge.url)
    const askers = [
      (params: JsonObject) => callModern(edge.url, 'tools/list', params),
      (params: JsonObject) => session.call('tools/list', params),
    ]
    for (const ask of askers) {
      const seen: unknown[] = []
      let cursor: unknown
      do {
        const reply = await ask(cursor === undefined ? {} : { cursor })
        seen.push(names(reply))
        cursor = reply.result['nextCursor']
      } while (cursor !== undefined)
      expect(seen).toEqual([
        ['fx__t0', 'fx__t1', 'fx__t2'],
        ['fx__t3', 'fx__t4', 'fx__t5'],
        ['fx__t6'],
      ])
    }
  })

  it('row 25: a cursor is opaque', async () => {
    const cursor = await firstCursor(edge.url)
    expect(cursor).toMatch(/^[A-Za-z0-9_-]{20,}$/)
    expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('t2')
  })

  it('row 25: a forged, foreign or malformed cursor is refused with the id of the request', async () => {
    const cursor = await firstCursor(edge.url)
    const flipped = Buffer.from(cursor, 'base64url')
    flipped[20] = (flipped[20] ?? 0) ^ 1
    const foreign = await firstCursor(edge.node.endpointUrl('other'))
    const bad = [
      flipped.toString('base64url'),
      foreign,
      '',
      '0',
      `${cursor}=`,
      3,
      null,
      {},
      [cursor],
    ]
    const session = await legacySession(edge.url)
    edge.mark()
    for (const value of bad) {
      const stateless = await callModern(edge.url, 'tools/list', { cursor: value }, { id: 'c' })
      expect(stateless.status).toBe(200)
      expect(stateless.answer).toMatchObject({ id: 'c', error: { code: -32_602 } })
      const legacy = await session.call('tools/list', { cursor: value })
      expect([legacy.status, legacy.error.code]).toEqual([200, -32_602])
    }
    expect(edge.upstreamTraffic.filter((method) => method !== 'tools/list')).toEqual([])
  })

  it('row 25: a session id is no cursor, and a cursor no session id', async () => {
    const session = await legacySession(edge.url)
    const list = await session.call('tools/list', { cursor: session.id })
    expect(list.error.code).toBe(-32_602)
  })

  it('row 26: results for stateless callers say what they are and how long they last', async () => {
    const list = await callModern(edge.url, 'tools/list')
    const discover = await callModern(edge.url, 'server/discover')
    for (const { result } of [list, discover]) {
      expect(result['resultType']).toBe('complete')
      expect(Number.isInteger(result['ttlMs']) && Number(result['ttlMs']) >= 0).toBe(true)
      expect(['public', 'private']).toContain(result['cacheScope'])
      expect(objectAt(result, '_meta')[META.serverInfo]).toMatchObject({ name: 'edge' })
    }
    const called = await callModern(edge.url, 'tools/call', { name: 'fx__t1', arguments: {} })
    expect(called.result['resultType']).toBe('complete')
    expect(objectAt(called.result, '_meta')[META.serverInfo]).toMatchObject({ name: 'edge' })
  })

  it('row 18: what a client says of itself changes neither its list nor its calls', async () => {
    const claims: JsonObject[] = [
      { [META.clientInfo]: { name: 'admin', version: '9', title: 'root' } },
      { [META.clientInfo]: { name: 'banyan', version: '0' } },
      { [META.clientInfo]: 'not even an object' },
      { [META.clientInfo]: undefined },
    ]
    const lists: string[] = []
    for (const meta of claims) {
      const list = await callModern(edge.url, 'tools/list', {}, { meta, id: 1 })
      lists.push(list.raw)
      const call = await callModern(edge.url, 'tools/call', { name: 'fx__t1' }, { meta })
      expect(call.status).toBe(200)
      const sent = edge.fixture.calls('t1').at(-1)?.params
      const told = objectAt(objectAt(sent, '_meta'), META.clientInfo)['name']
      // The next hop's client is this node; a session upstream was told so once.
      expect(told).toBe(era === '2026' ? 'banyan' : undefined)
    }
    expect(new Set(lists).size).toBe(1)
    const sessions = await Promise.all(
      ['a', 'b'].map((name) => legacySession(edge.url, { clientInfo: { name, version: '1' } })),
    )
    const [a, b] = await Promise.all(sessions.map((session) => session.call('tools/list', {}, 1)))
    expect(a?.raw).toBe(b?.raw)
  })
})
