// A link between processes: what it carries, how late, and what is between.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { LinkProxy } from '../../../../node/main/lab/link-proxy.ts'
import type { Weather } from '../../../../node/main/lab/lane.ts'
import { until } from '../../../fixtures/wait.ts'

const CALM: Weather = { latency: 0, jitter: 0, dist: 'uniform', loss: 0, random: () => 0.5 }

const open: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

/** A server that says back what it hears, in capitals. */
async function shouter(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => socket.write(String(bytes).toUpperCase()))
    socket.on('end', () => socket.end('END'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

async function link(weather: Partial<Weather>, port: number | undefined): Promise<LinkProxy> {
  const proxy = await LinkProxy.listen({ ...CALM, ...weather })
  open.push(proxy)
  proxy.lead(port)
  return proxy
}

interface Caller {
  readonly socket: Socket
  text: string
  error: string | undefined
  closed: boolean
}

function call(port: number): Caller {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const caller: Caller = { socket, text: '', error: undefined, closed: false }
  socket.setEncoding('utf8').on('data', (text: string) => void (caller.text += text))
  socket.on('error', (error: NodeJS.ErrnoException) => void (caller.error = error.code))
  socket.on('close', () => void (caller.closed = true))
  open.push({ close: () => socket.destroy() })
  return caller
}

test('passes on both ways, in order, and both ends by themselves', async () => {
  const { port } = await shouter()
  const caller = call((await link({}, port)).port)
  for (const part of ['one ', 'two ', 'three']) caller.socket.write(part)
  await until(() => caller.text === 'ONE TWO THREE' || undefined, 'the answer')
  caller.socket.end()
  await until(() => caller.closed || undefined, 'the end')
  expect([caller.text, caller.error]).toEqual(['ONE TWO THREEEND', undefined])
})

test('is as slow as it is said to be, and counts what it carries', async () => {
  const { port } = await shouter()
  const proxy = await link({ latency: 40, jitter: 10, dist: 'uniform' }, port)
  const startedAt = performance.now()
  const caller = call(proxy.port)
  caller.socket.write('ping')
  await until(() => caller.text === 'PING' || undefined, 'the answer')
  // The handshake there and back, the question, the answer; timers may be a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThan(4 * 40 + 10 - 5)
  expect(proxy.bytes).toBe(8)
})

test('what is lost comes later', async () => {
  const { port } = await shouter()
  const draws = [0, 1]
  const proxy = await link({ loss: 0.5, random: () => draws.shift() ?? 1 }, port)
  const startedAt = performance.now()
  const caller = call(proxy.port)
  caller.socket.write('ping')
  await until(() => caller.text === 'PING' || undefined, 'the answer')
  expect(performance.now() - startedAt).toBeGreaterThan(195)
})

test('a way that is blocked is silent, and goes on when it is free', async () => {
  const { port, sockets } = await shouter()
  const proxy = await link({}, port)
  const before = call(proxy.port)
  before.socket.write('a')
  await until(() => before.text === 'A' || undefined, 'an answer')
  proxy.block({ forth: false, back: true })
  const heard = once(sockets[0] as Socket, 'data')
  before.socket.write('b')
  // One way still works: what is said is heard, and the answer is not.
  await heard
  const during = call(proxy.port)
  during.socket.write('c')
  await once(during.socket, 'connect')
  expect([before.text, during.text, sockets.length]).toEqual(['A', '', 1])
  proxy.block({ forth: false, back: false })
  await until(() => (before.text === 'AB' && during.text === 'C') || undefined, 'the rest')
})

test('who gave up meanwhile is reset at the other end when it is free', async () => {
  const { port, sockets } = await shouter()
  const proxy = await link({}, port)
  const caller = call(proxy.port)
  caller.socket.write('a')
  await until(() => caller.text === 'A' || undefined, 'an answer')
  proxy.block({ forth: true, back: true })
  caller.socket.destroy()
  await until(() => caller.closed || undefined, 'the end of the near side')
  const [far] = sockets
  expect(far?.destroyed).toBe(false)
  proxy.block({ forth: false, back: false })
  await until(() => far?.destroyed || undefined, 'the end of the far side')
})

test('where nobody is, connections are reset', async () => {
  const { port } = await shouter()
  const proxy = await link({}, undefined)
  const caller = call(proxy.port)
  await until(() => caller.closed || undefined, 'the end')
  expect(caller.error).toBe('ECONNRESET')
  proxy.lead(port)
  const other = call(proxy.port)
  other.socket.write('a')
  await until(() => other.text === 'A' || undefined, 'an answer')
  proxy.reset()
  await until(() => other.closed || undefined, 'the end')
  expect(other.error).toBe('ECONNRESET')
})
