// Clients that leave, at every stage and in every way: nothing of them stays.
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FixtureTool } from '../fixtures/fixture-tools.ts'
import {
  callModern,
  legacySession,
  modern,
  streamModern,
  type LegacySession,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'
import { dial, lines, postText } from './raw-socket.ts'

const WAVE = 25
const WAVES = 40

/** Says that it has begun, then waits as `slow` does. */
const begin: FixtureTool = {
  definition: { name: 'begin', inputSchema: { type: 'object' } },
  run: async ({ progress, gate, signal }) => {
    progress(1, 2)
    const gone = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    await Promise.race([gate.opened, gone])
    return { content: [] }
  },
}

let edge: Edge
let sessions: LegacySession[]
beforeAll(async () => {
  // What a caller of era 2025 could come back for is let go after that.
  edge = await Edge.start({ limits: { eventLifetime: '1s' } }, { tools: [begin] })
  sessions = await Promise.all(Array.from({ length: WAVE }, () => legacySession(edge.url)))
})
afterAll(() => edge.close())

const LEAVE: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
]

let lastId = 0

/** A call that begins and does not end by itself. */
function stateless(method = 'tools/call', more: JsonObject = { name: 'fx__begin' }): Buffer {
  const id = (lastId += 1)
  const { message, headers } = modern(method, more, { id, progressToken: id })
  return postText(edge.url, JSON.stringify(message), lines(headers))
}

function inSession(session: LegacySession): Buffer {
  const id = (lastId += 1)
  const params = { name: 'fx__begin', _meta: { progressToken: id } }
  const message = { jsonrpc: '2.0', id, method: 'tools/call', params }
  return postText(edge.url, JSON.stringify(message), lines(session.headers))
}

/** Sends bytes and waits until the answer holds `sign`. */
async function sent(bytes: Buffer | string, sign: string): Promise<Socket> {
  const socket = await dial(edge.url)
  let text = ''
  const seen = Promise.withResolvers<void>()
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1')
    if (text.includes(sign)) seen.resolve()
  })
  socket.once('close', () => seen.reject(new Error(`closed without "${sign}": ${text}`)))
  socket.write(bytes)
  await seen.promise
  return socket
}

/** Sends the head of a request and half of its body, once the node has asked for it. */
async function half(whole: Buffer): Promise<Socket> {
  const end = whole.indexOf('\r\n\r\n')
  const head = `${whole.toString('latin1', 0, end)}\r\nExpect: 100-continue\r\n\r\n`
  const socket = await sent(head, '100 Continue')
  socket.write(whole.subarray(end + 4, -10))
  return socket
}

const kept = (bytes: Buffer): string =>
  bytes.toString('latin1').replace('Connection: close\r\n', '')

type Stage = (session: LegacySession) => Promise<Socket>

const withoutToken = (bytes: Buffer): string =>
  bytes.toString('latin1').replace('"progressToken"', '"progressTokem"')

/** Brings a call as far as the upstream, without a word back. */
async function waiting(bytes: Buffer): Promise<Socket> {
  const id = lastId
  const socket = await dial(edge.url)
  socket.write(withoutToken(bytes))
  const isOurs = ({ body }: { body: string }): boolean => body.includes(`"progressTokem":${id}`)
  await until(() => edge.fixture.calls('begin').some(isOurs), 'the call reaches the upstream')
  return socket
}

const STAGES: readonly (readonly [string, Stage])[] = [
  [
    'while it sends headers',
    async () => {
      const socket = await dial(edge.url)
      socket.write('POST /mcp/main HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half')
      return socket
    },
  ],
  ['with half a body sent', () => half(stateless())],
  ['with half a body sent in a session', (session) => half(inSession(session))],
  ['while it waits for an answer', () => waiting(stateless())],
  ['while it waits for an answer in a session', (session) => waiting(inSession(session))],
  ['in a stream of progress', () => sent(stateless(), '"progress":1')],
  ['in a stream of progress in a session', (session) => sent(inSession(session), '"progress":1')],
  [
    'from a listen',
    () => {
      const notifications = { toolsListChanged: true }
      return sent(stateless('subscriptions/listen', { notifications }), 'acknowledged')
    },
  ],
  [
    'from a GET stream',
    (session) => {
      const own = lines({ ...session.headers, accept: 'text/event-stream', host: '127.0.0.1' })
      return sent(`GET /mcp/main HTTP/1.1\r\n${own.join('\r\n')}\r\n\r\n`, 'text/event-stream')
    },
  ],
]

/** A crowd that comes as far as a stage and leaves, each in a way of its own. */
async function crowd(stage: Stage, ways: readonly ((socket: Socket) => void)[]): Promise<void> {
  const { gate } = edge.fixture
  gate.shut()
  const sockets = await Promise.all(sessions.map(stage))
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  sockets.forEach((socket, index) => {
    // What is not read would hide that the other side hung up.
    socket.resume()
    ways[index % ways.length]?.(socket)
  })
  await Promise.all(closed)
  // Leaving cancels in the one era; in the other the upstream goes on to its end.
  gate.open()
  await until(() => edge.callsInFlight === 0, 'no call is left')
  edge.fixture.requests.length = 0
  edge.fixture.cancelled.closed.length = 0
}

interface Holdings {
  readonly sockets: number
  readonly timers: number
  readonly heap: number
}

function holdings(): Holdings {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const resources = process.getActiveResourcesInfo()
  const count = (name: string): number => resources.filter((one) => one === name).length
  return {
    sockets: count('TCPSocketWrap'),
    timers: count('Timeout'),
    heap: process.memoryUsage().heapUsed,
  }
}

describe('a client that leaves', () => {
  it.each(STAGES)(
    '%s leaves nothing behind, a thousand times',
    async (_stage, stage) => {
      const streams = edge.fixture.openStreams
      for (let wave = 0; wave < 4; wave += 1) await crowd(stage, LEAVE)
      const before = holdings()
      for (let wave = 0; wave < WAVES; wave += 1) await crowd(stage, LEAVE)
      // Connections to the upstream may be kept for the next call: both ends of one per call of a wave. As for the heap,
      // half a kilobyte a departure would be a leak.
      await until(() => {
        const { sockets, timers, heap } = holdings()
        const isFlat = heap - before.heap < 512 * WAVE * WAVES
        return isFlat && sockets <= before.sockets + 2 * WAVE && timers <= before.timers + WAVE
      }, 'sockets, timers and memory are as before')
      expect(edge.fixture.openStreams).toBe(streams)
      expect(edge.node.status().upstreams[0]?.phase).toBe('up')
    },
    30_000,
  )
})

describe('a client that leaves with several requests under way on one connection', () => {
  it('cancels those that wait for their turn too', async () => {
    edge.fixture.gate.shut()
    const socket = await dial(edge.url)
    socket.write([stateless(), stateless(), stateless()].map(kept).join(''))
    await until(() => edge.fixture.calls('begin').length === 3, 'all three are under way')
    socket.destroy()
    await until(() => edge.callsInFlight === 0, 'all three are cancelled')
    await until(() => edge.fixture.cancelled.closed.length === 3, 'the upstream has heard of it')
    expect(edge.fixture.gate.isOpen).toBe(false)
  })

  it('ends a listen that waits for its turn', async () => {
    const small = await Edge.start({ limits: { streams: 1 } }, { tools: [begin] })
    try {
      const notifications = { toolsListChanged: true }
      const socket = await dial(small.url)
      const listen = stateless('subscriptions/listen', { notifications })
      // The list in front of it is answered; the call between them is not.
      socket.write([stateless(), listen].map(kept).join(''))
      await until(() => small.fixture.calls('begin').length === 1, 'the call is under way')
      const full = await callModern(small.url, 'subscriptions/listen', { notifications })
      expect(full.error.code).toBe(-31_006)
      socket.destroy()
      await until(async () => {
        const next = await streamModern(small.url, 'subscriptions/listen', { notifications })
        const first = await next.next()
        next.close()
        return first?.['method'] === 'notifications/subscriptions/acknowledged'
      }, 'there is room for another')
    } finally {
      await small.close()
    }
  })
})
