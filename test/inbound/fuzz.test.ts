// Requests that chance has spoilt: whatever they have become, the node answers, keeps its secrets, and stays up.
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callModern, legacySession, modern, post, type Headers } from '../fixtures/raw-client.ts'
import { objectAt } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'
import { lines, postText, talk } from './raw-socket.ts'

const CALL = modern('tools/call', { name: 'fx__echo', arguments: { message: 'hi' } }, { id: 3 })
const BODY = Buffer.from(JSON.stringify(CALL.message))

let edge: Edge
let sessionHeaders: Headers
beforeAll(async () => {
  edge = await Edge.start({ limits: { headersReadTimeout: '1s', requestReadTimeout: '1s' } })
  sessionHeaders = (await legacySession(edge.url)).headers
})
afterAll(() => edge.close())

/** Puts a few bytes where others stood, or between them. */
function spoil(bytes: Buffer, spots: readonly Spot[]): Buffer {
  let text = bytes
  for (const { at, cut, put } of spots) {
    const start = at % (text.length + 1)
    text = Buffer.concat([text.subarray(0, start), put, text.subarray(start + cut)])
  }
  return text
}

interface Spot {
  readonly at: number
  readonly cut: number
  readonly put: Buffer
}

const HOSTILE = [
  '"',
  '\\',
  '\\u',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\r\n',
  '\0',
  '\ufeff',
  '-',
  '1e999',
  '__proto__',
]
const put = fc.oneof(
  fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(...HOSTILE).map((text) => Buffer.from(text)),
)
const spot: fc.Arbitrary<Spot> = fc.record({ at: fc.nat(4_096), cut: fc.nat(3), put })
const spots = fc.array(spot, { minLength: 1, maxLength: 3 })

/** Whether bytes are UTF-8 and JSON to the engine. */
function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

/** Answers a request may have that is served or refused; 5xx is neither. */
function isAnswer(status: number): boolean {
  return [200, 202].includes(status) || (status >= 400 && status < 500)
}

describe('a request that chance has spoilt', () => {
  it('in its body is served or refused, in both eras', async () => {
    await fc.assert(
      fc.asyncProperty(spots, fc.boolean(), async (where, isStateless) => {
        const headers = isStateless ? CALL.headers : sessionHeaders
        const body = spoil(BODY, where)
        const { status, messages } = await post(edge.url, body, headers)
        expect(isAnswer(status)).toBe(true)
        expect(messages).toHaveLength(status === 202 ? 0 : 1)
        // What passes is passed on as it stands, so nothing may pass that another parser would not read.
        const isRefused = objectAt(messages[0], 'error')['code'] === -32_700
        expect(isRefused).toBe(!isJson(body))
      }),
      { numRuns: 400 },
    )
  })

  it('in its head is served or refused', async () => {
    const whole = postText(edge.url, BODY, lines(CALL.headers))
    const end = whole.indexOf('\r\n\r\n')
    await fc.assert(
      fc.asyncProperty(spots, async (where) => {
        const head = spoil(whole.subarray(0, end), where)
        // Behind a head that asks for more than there is, this ends the waiting.
        const tail = Buffer.from('\r\n\r\n\0\r\n\r\n')
        const bytes = Buffer.concat([head, Buffer.from('\r\n\r\n'), BODY, tail])
        const { status } = await talk(edge.url, bytes)
        expect(isAnswer(status)).toBe(true)
      }),
      { numRuns: 150 },
    )
  }, 20_000)

  it('leaves the node as it was', async () => {
    const reply = await callModern(edge.url, 'tools/call', {
      name: 'fx__echo',
      arguments: { message: 'still here' },
    })
    expect(reply.raw).toContain('still here')
    expect(edge.callsInFlight).toBe(0)
    expect(edge.fixture.violations).toEqual([])
  })
})
