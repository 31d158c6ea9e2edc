// What ends at a target when nobody seems to be there: what nothing has come of, and nothing else.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HttpTarget, type ExchangeSink, type Outcome } from '../../../node/outbound/http-target.ts'

let server: Server
let target: HttpTarget
const answers: ServerResponse[] = []

beforeEach(async () => {
  server = createServer((_, response) => {
    answers.push(response)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/mcp`
  target = new HttpTarget({ url, headers: [], connectTimeoutMs: 5_000, bodyBytes: 10_000 })
})

afterEach(async () => {
  await target.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  answers.length = 0
})

interface Seen {
  started: number
  messages: number
  outcome: Outcome | undefined
}

function post(): Seen {
  const seen: Seen = { started: 0, messages: 0, outcome: undefined }
  const sink: ExchangeSink = {
    started: (status) => {
      seen.started = status
    },
    message: () => {
      seen.messages += 1
      return true
    },
    end: (outcome) => {
      seen.outcome = outcome
    },
  }
  target.post(Buffer.from('{}'), [], { sink, authorization: undefined })
  return seen
}

function say(answer: ServerResponse | undefined, message: object): void {
  answer?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
}

test('an exchange that has been silent ends, one that was heard of goes on, and so does what is sent later', async () => {
  const silent = post()
  await vi.waitFor(() => expect(silent.started).toBe(200))
  const lively = post()
  await vi.waitFor(() => expect(lively.started).toBe(200))
  const since = performance.now()
  say(answers[1], { method: 'notifications/message', params: {} })
  await vi.waitFor(() => expect(lively.messages).toBe(1))
  target.breakOff(since)
  expect(silent.outcome).toMatchObject({
    kind: 'failed',
    unsent: false,
    fault: { code: 'upstream_unavailable', message: 'the upstream has gone silent' },
  })
  expect(lively.outcome).toBeUndefined()
  say(answers[1], { id: 1, result: {} })
  answers[1]?.end()
  await vi.waitFor(() => expect(lively.outcome).toMatchObject({ kind: 'done' }))

  const later = post()
  await vi.waitFor(() => expect(later.started).toBe(200))
  expect(later.outcome).toBeUndefined()
})
