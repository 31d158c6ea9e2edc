// Session ids are sealed: they hold the session, survive a restart, and open nowhere but where they were issued.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Sealer } from '../../node/core/seal.ts'
import { LOCAL_CALLER } from '../../node/core/principal.ts'
import { Sessions } from '../../node/inbound/session.ts'
import { legacySession, post, send, type RawReply } from '../fixtures/raw-client.ts'
import { Edge } from './edge.ts'

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

function use(url: string, id: string | undefined): Promise<RawReply> {
  return post(url, LIST, { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' })
}

/** Opens a session and gives its id. */
async function open(url: string): Promise<string> {
  const { id } = await legacySession(url)
  expect(id).toBeDefined()
  return String(id)
}

/** A session id issued by a node that is gone, tried on a node that took its place. */
async function carried(before: object, after: object): Promise<number> {
  const first = await Edge.start({ node: { ...before } })
  const id = await open(first.url)
  await first.close()
  const second = await Edge.start({ node: { ...after } })
  try {
    return (await use(second.url, id)).status
  } finally {
    await second.close()
  }
}

describe('a session id', () => {
  let edge: Edge
  let other: Edge
  let id: string
  beforeAll(async () => {
    edge = await Edge.start({ limits: { sessionIdBytes: 1_024, sessionLifetime: '1m' } })
    other = await Edge.start()
    id = await open(edge.url)
  })
  afterEach(() => vi.useRealTimers())
  afterAll(async () => {
    await edge.close()
    await other.close()
  })

  /** Whether a text is refused as no session, without a word to the upstream. */
  async function isUnknown(url: string, text: string): Promise<boolean> {
    edge.mark()
    const { status, error } = await use(url, text)
    return status === 404 && error.code === -32_600 && edge.upstreamTraffic.length === 0
  }

  it('is visible ASCII and says nothing', () => {
    expect(id).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(Buffer.from(id, 'base64url').toString('latin1')).not.toMatch(/2025|capab/)
  })

  it('opens nowhere once a byte of it is changed', async () => {
    const bytes = Buffer.from(id, 'base64url')
    for (let index = 0; index < bytes.length; index += 1) {
      const spoilt = Buffer.from(bytes)
      spoilt[index] = (spoilt[index] ?? 0) ^ (1 << (index % 8))
      expect(await isUnknown(edge.url, spoilt.toString('base64url'))).toBe(true)
    }
    expect((await use(edge.url, id)).status).toBe(200)
  })

  it('opens in one spelling only', async () => {
    const spellings = [
      `${id}=`,
      `${id}A`,
      id.slice(0, -1),
      `A${id}`,
      `${id}, ${id}`,
      id.toLowerCase(),
    ]
    spellings.push(
      id.slice(4),
      `${id}${id}`,
      '',
      'x',
      'undefined',
      '-'.repeat(1_024),
      '*'.repeat(64),
    )
    for (const text of spellings) expect(await isUnknown(edge.url, text)).toBe(true)
  })

  it('over the limit is not even decrypted', () => {
    const sealer = new Sealer(Buffer.alloc(32, 7), 'session')
    const opened = vi.spyOn(sealer, 'open')
    const sessions = new Sessions({ sealer, lifetimeMs: 1_000, maxBytes: 256 })
    const bound = { endpoint: 'main', principal: LOCAL_CALLER }
    expect(() => sessions.find('A'.repeat(257), bound)).toThrow(/no such session/)
    expect(opened).not.toHaveBeenCalled()
  })

  it('of another endpoint or another node is unknown', async () => {
    expect(await isUnknown(edge.node.endpointUrl('other'), id)).toBe(true)
    expect(await isUnknown(edge.url, await open(edge.node.endpointUrl('other')))).toBe(true)
    expect(await isUnknown(edge.url, await open(other.url))).toBe(true)
  })

  it('is unknown after DELETE, for everything, and only that one', async () => {
    const second = await legacySession(edge.url)
    expect([(await second.delete()).status, (await second.delete()).status]).toEqual([204, 404])
    expect(await isUnknown(edge.url, String(second.id))).toBe(true)
    const stream = await send(edge.url, {
      headers: { ...second.headers, accept: 'text/event-stream' },
    })
    expect(stream.status).toBe(404)
    expect((await use(edge.url, id)).status).toBe(200)
  })

  it('is unknown when its time is over', async () => {
    const fresh = await open(edge.url)
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 59_000)
    expect((await use(edge.url, fresh)).status).toBe(200)
    vi.setSystemTime(Date.now() + 2_000)
    expect(await isUnknown(edge.url, fresh)).toBe(true)
  })

  it('is needed: without one the answer is 400', async () => {
    const reply = await post(edge.url, LIST, { 'mcp-protocol-version': '2025-11-25' })
    expect([reply.status, reply.error.code]).toEqual([400, -32_600])
  })

  it('never outgrows its limit, however much a client declares', async () => {
    const capabilities = { experimental: { x: 'y'.repeat(4_096) } }
    const { id: small } = await legacySession(edge.url, { capabilities })
    expect(String(small).length).toBeLessThanOrEqual(1_024)
    expect((await use(edge.url, small)).status).toBe(200)
  })
})

describe('a sealed session', () => {
  it('does not open after any one of its bits has been turned', () => {
    const sealer = new Sealer(Buffer.alloc(32, 7), 'session')
    const sessions = new Sessions({ sealer, lifetimeMs: 60_000, maxBytes: 4_096 })
    const bound = { endpoint: 'main', principal: LOCAL_CALLER }
    const { id, session } = sessions.open(bound, '2025-11-25', { roots: {} })
    expect(sessions.find(id, bound)).toEqual(session)
    const text = Buffer.from(id, 'latin1')
    for (let bit = 0; bit < text.length * 8; bit += 1) {
      const spoilt = Buffer.from(text)
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => sessions.find(spoilt.toString('latin1'), bound)).toThrow(/no such session/)
    }
  })

  it('does not open for another principal, nor does what was sealed for another purpose', () => {
    const secret = Buffer.alloc(32, 7)
    const limits = { lifetimeMs: 60_000, maxBytes: 4_096 }
    const sessions = new Sessions({ sealer: new Sealer(secret, 'session'), ...limits })
    const bound = { endpoint: 'main', principal: LOCAL_CALLER }
    const { id } = sessions.open(bound, '2025-11-25', {})
    const somebody = { ...bound, principal: { ...LOCAL_CALLER, key: 'somebody' } }
    expect(() => sessions.find(id, somebody)).toThrow(/no such session/)
    const cursors = new Sessions({ sealer: new Sealer(secret, 'cursor'), ...limits })
    expect(() => cursors.find(id, bound)).toThrow(/no such session/)
  })
})

describe('after a restart', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-sessions-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('a session goes on where the state folder is the same', async () => {
    const state = join(folder, 'kept')
    expect(await carried({ state }, { state })).toBe(200)
  })

  it('a session goes on where the key is the same, whatever the folder', async () => {
    const sessionKey = Buffer.alloc(32, 9).toString('base64url')
    expect(await carried({ sessionKey }, { sessionKey })).toBe(200)
  })

  it('a session is unknown under another key, and where nothing was kept', async () => {
    const state = join(folder, 'other')
    const sessionKey = Buffer.alloc(32, 9).toString('base64url')
    expect(await carried({ state }, { state, sessionKey })).toBe(404)
    expect(await carried({}, {})).toBe(404)
  })
})
