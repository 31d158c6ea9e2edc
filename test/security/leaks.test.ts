// Attack 34: where the bytes of a credential could turn up that a caller came with, whatever goes wrong on the way.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Exchange } from '../fixtures/fixture-exchange.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { Three } from './three.ts'

let three: Three
/** Everything that is told of requests within the process, and of rejections nobody takes. */
let told = ''

const CHANNELS = [
  'undici:request:create',
  'undici:request:headers',
  'undici:request:trailers',
  'undici:request:error',
  'undici:client:sendHeaders',
  'undici:client:connectError',
]

/** The client of this test uses the same library, and says what it sends: that does not count. */
function listen(message: unknown): void {
  const { request } = message as { readonly request?: { readonly origin?: unknown } }
  if (String(request?.origin).startsWith(three.a.url)) return
  told += inspect(message, { depth: 5, showHidden: true, maxStringLength: 20_000 })
}

function rejected(reason: unknown): void {
  told += `unhandled: ${inspect(reason, { depth: 8 })}`
}

beforeAll(async () => {
  three = await Three.start()
  process.on('unhandledRejection', rejected)
})
beforeEach(() => {
  three.begin()
  told = ''
})
afterAll(async () => {
  process.off('unhandledRejection', rejected)
  await three.close()
})

/** Calls with a token, while all that is told of what the node sends is listened to. */
async function overheard(token: string, dpop?: string): Promise<RawReply> {
  const authorization = `Bearer ${token}`
  const sent = { headers: { authorization, ...(dpop !== undefined && { dpop }) } }
  const params = { name: 'b__echo', arguments: { message: 'hi' } }
  for (const channel of CHANNELS) subscribe(channel, listen)
  const reply = await callModern(three.a.endpointUrl('people'), 'tools/call', params, sent)
  for (const channel of CHANNELS) unsubscribe(channel, listen)
  return reply
}

const ENDS: readonly [string, ((exchange: Exchange) => void) | undefined][] = [
  ['well', undefined],
  ['with a connection that is cut', (exchange) => exchange.drop()],
  ['with an answer that is none', (exchange) => exchange.raw('<h1>no</h1>', { status: 500 })],
  ['with a refusal', (exchange) => exchange.empty(401)],
  ['with an error that quotes what was sent', (exchange) => echo(exchange)],
]

function echo(exchange: Exchange): void {
  const { authorization = '', dpop } = exchange.request.headers
  exchange.error({ code: -32_000, message: `${authorization} ${String(dpop)}` })
}

describe('attack 34: a call that ends', () => {
  it.each(ENDS)('attack 34: %s', async (_, end) => {
    const token = three.personsToken()
    if (end !== undefined) three.b.misdeed = (__, exchange) => end(exchange)
    const reply = await overheard(token)
    const [, claims = '', signature = ''] = token.split('.')
    const { a, c } = three.records
    expect(told).not.toBe('')
    for (const text of [told, a.text, c.text, reply.raw, JSON.stringify(reply.headers)]) {
      expect(text).not.toContain(signature)
      expect(text).not.toContain(claims)
    }
    expect(JSON.stringify(three.b.endpoint.requests.map(({ headers }) => headers))).not.toContain(
      signature,
    )
    expect(told).not.toContain('unhandled')
    // Nor is a token of the node itself in what it writes down.
    expect(`${a.text}${c.text}`).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
  })

  it('attack 34: at the door, with a token that is wrong in each of its parts', async () => {
    const token = three.personsToken()
    const [header = '', claims = '', signature = ''] = token.split('.')
    const canary = 'canary0'.repeat(6)
    for (const bad of [
      `${header}.${claims}.${canary}`,
      `${header}.${canary}.${signature}`,
      `${canary}.${claims}.${signature}`,
      canary,
    ]) {
      const reply = await overheard(bad, canary)
      expect(reply.status).toBe(401)
      expect(JSON.stringify([reply.raw, reply.headers])).not.toContain(canary)
      expect(`${told}${three.records.a.text}`).not.toContain(canary)
    }
    expect([three.b.visits.length, three.arrived]).toEqual([0, 0])
    expect(told).not.toContain('unhandled')
  })
})
