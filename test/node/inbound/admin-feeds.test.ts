// Streams of events for operators: bounded, kept alive, and ended with whoever may not follow any more.
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { AdminFeed } from '../../../node/core/admin.ts'
import { AdminFeeds } from '../../../node/inbound/admin-feeds.ts'
import { Fault } from '../../../protocol/errors.ts'
import { until } from '../../fixtures/wait.ts'

type Tell = (event: object) => void

/** Something that happens whenever the test says so. */
class Source implements AdminFeed {
  readonly tells = new Set<Tell>()
  may = true

  follow(tell: Tell): () => void {
    this.tells.add(tell)
    return () => this.tells.delete(tell)
  }

  mayGoOn(): boolean {
    return this.may
  }

  tell(event: object): void {
    for (const tell of this.tells) tell(event)
  }
}

let server: Server | undefined
let feeds = new AdminFeeds()
const refused: unknown[] = []

afterEach(async () => {
  feeds.close()
  refused.splice(0)
  server?.closeAllConnections()
  if (server !== undefined) await new Promise((resolve) => server?.close(resolve))
  server = undefined
})

async function serving(source: Source, beatMs = 3_600_000): Promise<string> {
  feeds = new AdminFeeds(beatMs)
  server = createServer((request, response) => {
    try {
      feeds.open(source, { request, response })
    } catch (error) {
      refused.push(error)
      response.writeHead(503).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Reading {
  readonly response: IncomingMessage
  text: string
  ended: boolean
}

async function reading(url: string, method = 'GET'): Promise<Reading> {
  const request = get(url, { method })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const read: Reading = { response, text: '', ended: false }
  response.setEncoding('utf8')
  response.on('data', (part: string) => void (read.text += part))
  response.on('error', () => undefined)
  response.on('close', () => void (read.ended = true))
  return read
}

const HELLO = 'event: message\ndata: {"type":"hello"}\n\n'

test('what happens is told from the hello on, one event each', async () => {
  const source = new Source()
  const read = await reading(await serving(source))
  expect(read.response.headers['content-type']).toBe('text/event-stream')
  expect(read.response.headers['cache-control']).toContain('no-store')
  await until(() => read.text === HELLO, 'hello')
  source.tell({ type: 'link', peer: 'a\nb' })
  await until(() => read.text.endsWith('data: {"type":"link","peer":"a\\nb"}\n\n'), 'the event')
  read.response.destroy()
  await until(() => source.tells.size === 0, 'nobody follows it any more')
})

test('HEAD begins no stream', async () => {
  const source = new Source()
  const read = await reading(await serving(source), 'HEAD')
  read.response.resume()
  await until(() => read.ended, 'the end')
  expect([read.response.statusCode, source.tells.size]).toEqual([200, 0])
})

test('idle streams are kept alive, until who follows may not any more', async () => {
  const source = new Source()
  const read = await reading(await serving(source, 5))
  await until(() => read.text.startsWith(`${HELLO}:\n\n`), 'a comment')
  source.may = false
  await until(() => read.ended, 'the end')
  await until(() => source.tells.size === 0, 'nobody follows it any more')
  expect(read.text.replaceAll(':\n\n', '')).toBe(HELLO)
})

test('there are so many at a time, and all end with the listener', async () => {
  const source = new Source()
  const url = await serving(source)
  const open = await Promise.all(Array.from({ length: 16 }, () => reading(url)))
  await until(() => source.tells.size === 16, 'all follow')
  const more = await reading(url)
  expect(more.response.statusCode).toBe(503)
  expect(refused[0]).toMatchObject(new Fault('overloaded', 'too many operators look on at a time'))
  feeds.close()
  await until(() => open.every(({ ended }) => ended), 'the end of all')
  await until(() => source.tells.size === 0, 'nobody follows it any more')
})

test('who does not read holds little, and is told how much was left out', async () => {
  const source = new Source()
  const request = get(await serving(source, 5))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  await until(() => source.tells.size === 1, 'it follows')
  const event = { type: 'link', peer: 'x'.repeat(10_000) }
  // More than any socket takes that nobody reads from.
  for (let i = 0; i < 2_000; i += 1) {
    source.tell(event)
    if (i % 100 === 0) await new Promise(setImmediate)
  }
  let text = ''
  response.setEncoding('utf8').on('data', (part: string) => void (text += part))
  const missed = (): number =>
    [...text.matchAll(/"missed","events":(\d+)/g)].reduce((sum, [, some]) => sum + Number(some), 0)
  const got = (): number => text.split('"peer"').length - 1
  await until(() => got() + missed() === 2_000, 'all are told of, or told to be left out')
  expect(missed()).toBeGreaterThan(0)
  response.destroy()
})
