// The answer to one POST, over a real connection whose other end does as the test says.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Limited } from '../../../node/core/meter.ts'
import { KeepAlive } from '../../../node/inbound/event-stream.ts'
import { HttpReply } from '../../../node/inbound/http-reply.ts'
import { Fault } from '../../../protocol/errors.ts'
import { until } from '../../fixtures/wait.ts'

let server: Server
let client: Socket
let response: ServerResponse
let keepAlive: KeepAlive
let text: string

beforeEach(async () => {
  text = ''
  keepAlive = new KeepAlive(60_000)
  server = createServer()
  const arrived = new Promise<ServerResponse>((resolve) => {
    server.on('request', (_request, answer) => resolve(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.on('data', (data: Buffer) => (text += data.toString()))
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  response = await arrived
})

afterEach(async () => {
  client.destroy()
  keepAlive.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const challenge = (refusal: Fault): string[] => ['www-authenticate', `Bearer ${refusal.code}`]

function reply(era: '2025' | '2026' = '2026'): HttpReply {
  return new HttpReply(response, { era, keepAlive, headers: ['x-own', '1'], challenge })
}

const note = Buffer.from('{"jsonrpc":"2.0","method":"a"}')
const result = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')

describe('a reply', () => {
  it('that comes first is plain JSON', async () => {
    reply().finish([result])
    await until(() => text.includes('"result"'), 'the answer')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).toContain('content-type: application/json\r\n')
    expect(text).toContain('x-own: 1\r\n')
    expect(text.split('\r\n\r\n')[1]).toBe(result.toString())
  })

  it('says what is left of limits, also where it streams', async () => {
    const answer = reply()
    answer.tell(['ratelimit', '"few";r=1'])
    answer.notify(note)
    answer.finish([result])
    await until(() => text.includes('"result"'), 'the answer')
    expect(text).toContain('content-type: text/event-stream\r\n')
    expect(text).toContain('x-own: 1\r\n')
    expect(text).toContain('ratelimit: "few";r=1\r\n')
  })

  it.each(['2025', '2026'] as const)(
    'that refuses because of a limit is an answer to clients of %s, and says when to come again',
    async (era) => {
      const headers = ['retry-after', '3', 'ratelimit', '"few";r=0;t=3']
      const answer = reply(era)
      answer.tell(['ratelimit', '"other";r=9'])
      answer.finish([result], -31_014, new Limited('words', { quota: 'few', headers, data: {} }))
      await until(() => text.includes('"result"'), 'the answer')
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text).toContain('retry-after: 3\r\n')
      expect(text.match(/ratelimit: .*/g)).toEqual(['ratelimit: "few";r=0;t=3'])
    },
  )

  it.each(['2025', '2026'] as const)(
    'that refuses for want of a scope says so to clients of %s',
    async (era) => {
      reply(era).finish([result], -31_011, new Fault('insufficient_scope', 'x'))
      await until(() => text.includes('"result"'), 'the answer')
      expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
      expect(text).toContain('www-authenticate: Bearer insufficient_scope\r\n')
      expect(text).toContain('x-own: 1\r\n')
    },
  )

  it('challenges nobody for what an upstream refused', async () => {
    reply().finish([result], -31_011)
    await until(() => text.includes('"result"'), 'the answer')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).not.toContain('www-authenticate')
  })

  it('after a notification is the last event of a stream', async () => {
    const answer = reply()
    answer.notify(note)
    answer.finish([result.subarray(0, 10), result.subarray(10)])
    await until(() => text.endsWith('0\r\n\r\n'), 'the end')
    expect(text).toContain('content-type: text/event-stream\r\n')
    const events = text.match(/^data: .*$/gm)
    expect(events).toEqual([`data: ${String(note)}`, `data: ${String(result)}`])
  })

  it('keeps line breaks of relayed JSON inside one event', async () => {
    const answer = reply()
    answer.notify(Buffer.from('{\r\n"a":1,\n"b":2\r}'))
    answer.finish([result])
    await until(() => text.endsWith('0\r\n\r\n'), 'the end')
    expect(text).not.toMatch(/[^\r\n]\r[^\n]/)
    const [first] = text.slice(text.indexOf('event:')).split('\n\n')
    const data = first?.match(/(?<=^data: ).*$/gm)?.join('\n') ?? ''
    expect(JSON.parse(data)).toEqual({ a: 1, b: 2 })
  })

  it('drops whatever comes after the answer', async () => {
    const answer = reply()
    answer.finish([result])
    expect(answer.notify(note)).toBe(true)
    answer.finish([result])
    answer.abandon()
    client.end()
    await until(() => client.closed, 'the connection ends')
    expect(text.match(/"result"/g)).toHaveLength(1)
    expect(text).not.toContain('"method"')
  })

  it.each([
    ['2026', -32_601, 404],
    ['2026', -32_020, 400],
    ['2026', -32_602, 200],
    ['2025', -32_601, 200],
    ['2025', -32_020, 200],
  ] as const)('in era %s with error %s has status %s', async (era, code, status) => {
    reply(era).finish([result], code)
    await until(() => text !== '', 'the answer')
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })
})

describe('a client that does not read', () => {
  const large = Buffer.alloc(16 * 1_024 * 1_024, 0x20)

  it('asks the sender to wait until it does', async () => {
    client.pause()
    const answer = reply()
    expect(answer.notify(large)).toBe(false)
    let drained = false
    answer.onDrain(() => (drained = true))
    expect(drained).toBe(false)
    client.resume()
    await until(() => drained, 'the sender may go on')
  })

  it('asks the sender to wait when many small messages are queued, too', async () => {
    client.pause()
    const answer = reply()
    const small = Buffer.alloc(1_024, 0x20)
    let sent = 0
    while (sent < 10_000 && answer.notify(small)) sent += 1
    expect(sent).toBeLessThan(10_000)
    let drained = 0
    for (let listeners = 0; listeners < 20; listeners += 1) answer.onDrain(() => (drained += 1))
    expect(response.listenerCount('drain')).toBe(1)
    client.resume()
    await until(() => drained === 20, 'every sender may go on')
  })

  it('and leaves, does not keep the sender waiting for ever', async () => {
    client.pause()
    const answer = reply()
    expect(answer.notify(large)).toBe(false)
    let calls = 0
    answer.onDrain(() => (calls += 1))
    client.destroy()
    await until(() => calls > 0, 'the sender may go on')
    expect(answer.notify(note)).toBe(true)
    answer.onDrain(() => (calls += 1))
    expect(calls).toBe(2)
  })
})
