import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { parseRequest } from './echo.ts'
import {
  callTemplate,
  FIRST_SERIAL,
  headersOf,
  listTemplate,
  messageOf,
  nonceOf,
  stamp,
  type Era,
} from './wire.ts'

const ERAS: readonly Era[] = ['2025', '2026']

interface Sent {
  readonly id: number
  readonly params: {
    readonly cursor?: string
    readonly arguments: { readonly text: string }
    readonly _meta?: unknown
  }
}

function sent(body: Buffer): Sent {
  return JSON.parse(body.toString()) as Sent
}

describe.each(ERAS)('era %s', (era) => {
  test.each([100, 65_536, 1_048_576])(
    'a call of %d bytes carries its serial and nonce',
    (bytes) => {
      const template = callTemplate(era, bytes)
      const body = Buffer.from(template.bytes)
      const serial = FIRST_SERIAL + 123_456
      stamp(body, template, serial)
      const { id, params } = sent(body)
      const nonce = String(nonceOf(serial))
      expect(id).toBe(serial)
      expect(params.arguments.text).toHaveLength(bytes)
      expect(params.arguments.text.startsWith(nonce)).toBe(true)
      expect(params.arguments.text.endsWith(nonce)).toBe(true)
    },
  )

  test('two calls differ in their arguments', () => {
    const template = callTemplate(era, 100)
    const texts = [1, 2].map((step) => {
      const body = Buffer.from(template.bytes)
      stamp(body, template, FIRST_SERIAL + step)
      return sent(body).params.arguments.text
    })
    expect(texts[0]).not.toBe(texts[1])
  })

  test('a list carries its serial and the cursor it is given', () => {
    const template = listTemplate(era, 'page two')
    const body = Buffer.from(template.bytes)
    stamp(body, template, FIRST_SERIAL + 9)
    expect(sent(body)).toMatchObject({ id: FIRST_SERIAL + 9, params: { cursor: 'page two' } })
  })

  test('only era 2026 describes itself in every request', () => {
    const { params } = sent(callTemplate(era, 100).bytes)
    expect('_meta' in params).toBe(era === '2026')
    expect(headersOf(era, { method: 'tools/call' }).includes('mcp-method')).toBe(era === '2026')
  })
})

test.each([100, 65_536])('the upstream reads a text of %d bytes back', (bytes) => {
  const { bytes: body } = callTemplate('2026', bytes)
  const { envelope, text } = parseRequest(body)
  expect(envelope).toMatchObject({ id: FIRST_SERIAL, method: 'tools/call' })
  expect(text.toString()).toBe(sent(body).params.arguments.text)
})

test.each(['say "x" \\', 'ünïcödé\n'])('a long text with %j stays valid JSON', (piece) => {
  const text = piece.repeat(1_000)
  const request = { id: 'a', method: 'tools/call', params: { arguments: { text } } }
  const parsed = parseRequest(Buffer.from(JSON.stringify(request)))
  expect(parsed.envelope.id).toBe('a')
  expect(JSON.parse(`"${parsed.text.toString()}"`)).toBe(text)
})

test('a message is read from JSON and from an event stream', () => {
  expect(messageOf('{"id":1}')).toEqual({ id: 1 })
  expect(messageOf('event: message\ndata: {"id":2}\n\n')).toEqual({ id: 2 })
  expect(() => messageOf('')).toThrow('no message')
})
