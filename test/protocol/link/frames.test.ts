// The envelope of a link: what is written is read again, and nothing else is.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import { Body } from '../../../protocol/link/body.ts'
import { decodeFrame, decodeParts } from '../../../protocol/link/decode.ts'
import { encodeFrame, encodeParts } from '../../../protocol/link/encode.ts'
import { FRAME_TYPES, type LinkFrame } from '../../../protocol/link/frames.ts'
import { severityAt } from '../../../protocol/log-level.ts'

const number = fc.integer({ min: 0, max: 0xffff_ffff })
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength }).filter((one) => Buffer.byteLength(one) <= 255)
const bodyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const apart = bodyBytes.map((bytes) => new Body(bytes.length === 0 ? [] : [bytes]))
const lineName = fc.stringMatching(/^[a-z0-9-]{1,40}$/)
const lineValue = fc.stringMatching(/^[ -~\u0080-\u00ff]{0,80}$/)
const lines = fc.array(fc.tuple(lineName, lineValue), { maxLength: 8 }).map((all) => all.flat())
const trail = fc.record({
  budget: fc.integer({ min: 0, max: 255 }),
  path: fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), { maxLength: 64 }),
})
const told = fc.record({
  id: fc.maxSafeInteger(),
  progress: fc.boolean(),
  logLevel: fc.integer({ min: 0, max: 8 }).map(severityAt),
  offered: text(200),
})

const FRAMES: Record<LinkFrame['type'], fc.Arbitrary<LinkFrame>> = {
  hello: fc.record({ type: fc.constant('hello'), body: bodyBytes }),
  proof: fc.record({ type: fc.constant('proof'), body: bodyBytes }),
  mesh: fc.record({ type: fc.constant('mesh'), body: bodyBytes }),
  goaway: fc.constant({ type: 'goaway' }),
  credential: fc.record({ type: fc.constant('credential'), slot: number, lines }),
  release: fc.record({ type: fc.constant('release'), slot: number }),
  cancel: fc.record({ type: fc.constant('cancel'), call: number }),
  window: fc.record({ type: fc.constant('window'), call: number, bytes: number }),
  notification: fc.record({
    type: fc.constant('notification'),
    call: number,
    progress: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
    body: bodyBytes,
  }),
  refusal: fc.record({
    type: fc.constant('refusal'),
    call: number,
    status: fc.integer({ min: 0, max: 0xffff }),
    lines,
  }),
  response: fc.record({
    type: fc.constant('response'),
    call: number,
    errorCode: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { nil: undefined }),
    oversized: fc.boolean(),
    complete: fc.boolean(),
    body: apart,
  }),
  request: fc.record({
    type: fc.constant('request'),
    call: number,
    slot: number,
    method: text(60),
    name: fc.option(text(60), { nil: undefined }),
    trail: fc.option(trail, { nil: undefined }),
    told: fc.option(told, { nil: undefined }),
    lines,
    body: apart,
  }),
}

/** With its body in one piece, for comparing. */
function joined(one: LinkFrame): object {
  return 'body' in one && one.body instanceof Body ? { ...one, body: one.body.text } : one
}

const frame: fc.Arbitrary<LinkFrame> = fc.oneof(...Object.values(FRAMES))

/** What decoding made of some bytes: a frame, or the fault it threw. */
function outcomeOf(bytes: Buffer): LinkFrame | Fault {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

describe('a frame', () => {
  test.each(FRAME_TYPES)('%s is read as it was written', (type) => {
    fc.assert(
      fc.property(FRAMES[type], (one) => {
        expect(joined(decodeFrame(encodeFrame(one)))).toEqual(joined(one))
      }),
    )
  })

  test('means the same in whatever fragments it comes', () => {
    const large = fc.nat(6_000).map((size) => Buffer.alloc(size, 'x'))
    const withLarge = fc
      .tuple(fc.oneof(FRAMES.request, FRAMES.response), fc.array(large, { maxLength: 8 }))
      .map(([one, parts]): LinkFrame => {
        return one.type === 'request' || one.type === 'response'
          ? { ...one, body: new Body(parts) }
          : one
      })
    const cuts = fc.array(fc.nat(), { maxLength: 4 })
    fc.assert(
      fc.property(fc.oneof(frame, withLarge), cuts, (one, places) => {
        expect(joined(decodeParts(encodeParts(one)))).toEqual(joined(one))
        const bytes = encodeFrame(one)
        const at = [0, ...places.map((place) => place % bytes.length), bytes.length]
        const sorted = at.toSorted((a, b) => a - b)
        const parts = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
        const read = decodeParts(parts.filter(({ length }) => length > 0))
        expect(joined(read)).toEqual(joined(one))
      }),
    )
  })

  test('with a large body is written and read without a copy of it', () => {
    const large = Buffer.alloc(50_000, 'x')
    const body = new Body([large])
    const outcome = { errorCode: undefined, oversized: false, complete: true }
    const parts = encodeParts({ type: 'response', call: 7, ...outcome, body })
    const read = decodeParts(parts)
    if (read.type !== 'response') throw new TypeError('it was a response')
    expect(read.body.parts.length).toBeGreaterThan(2)
    for (const part of read.body.parts) expect(part.buffer).toBe(large.buffer)
  })

  test('of any bytes is one, or a fault, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const outcome = outcomeOf(Buffer.from(bytes))
        // What is read is what would be written.
        const again = outcome instanceof Fault ? outcome.code : [...encodeFrame(outcome)]
        expect(['invalid_request', [...bytes]]).toContainEqual(again)
      }),
      { numRuns: 2_000 },
    )
  })

  test('that is cut or has a byte changed is one, or a fault', () => {
    const changed = fc.tuple(frame, fc.nat(), fc.nat(255), fc.nat())
    fc.assert(
      fc.property(changed, ([one, at, value, cut]) => {
        const bytes = Buffer.from(encodeFrame(one))
        bytes[at % bytes.length] = value
        const outcome = outcomeOf(bytes.subarray(0, cut % (bytes.length + 1)))
        expect(outcome).toBeInstanceOf(Object)
      }),
      { numRuns: 2_000 },
    )
  })

  test('has a body that is no copy', () => {
    const bytes = encodeFrame({
      type: 'notification',
      call: 7,
      progress: undefined,
      body: Buffer.from('{}'),
    })
    const read = decodeFrame(bytes)
    expect(read.type === 'notification' && read.body.buffer === bytes.buffer).toBe(true)
  })

  test.each([
    ['a length of 65535 where there is nothing', [4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x61, 255, 255]],
    ['a path of 255 nodes', [4, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x61, 8, 255]],
    ['255 header lines', [2, 0, 0, 0, 0, 1, 255]],
    ['a type that is not there', [200, 0, 0, 0, 0, 0]],
    ['flags that mean nothing', [5, 2, 0, 0, 0, 0]],
    ['progress that is no number', [5, 1, 0, 0, 0, 0, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['a wish for progress by whom nobody knows', [4, 8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x61, 0]],
    ['a line break in a header', [2, 0, 0, 0, 0, 1, 1, 1, 0x61, 0, 2, 13, 10]],
    ['something behind it', [8, 0, 0, 0, 0, 1, 0]],
  ])('with %s is refused', (_, bytes) => {
    expect(outcomeOf(Buffer.from(bytes))).toMatchObject({ code: 'invalid_request' })
  })

  test('is not written where the envelope has no room', () => {
    const request = {
      call: 1,
      slot: 0,
      trail: undefined,
      told: undefined,
      body: new Body([]),
      lines: [],
    }
    const long = (change: object): (() => Buffer) => {
      const plain = { type: 'request', ...request, method: 'm', name: undefined } as const
      return () => encodeFrame({ ...plain, ...change })
    }
    expect(long({ method: 'x'.repeat(256) })).toThrow(Fault)
    expect(long({ name: 'x'.repeat(65_536) })).toThrow(Fault)
    expect(long({ lines: ['n', 'x'.repeat(65_536)] })).toThrow(Fault)
    expect(long({ trail: { budget: 1, path: Array.from({ length: 65 }, () => 'n') } })).toThrow(
      Fault,
    )
  })
})
