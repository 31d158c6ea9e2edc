// The envelope of a link: what is written is read again, and nothing else is.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import { decodeFrame } from '../../../protocol/link/decode.ts'
import { encodeFrame } from '../../../protocol/link/encode.ts'
import { FRAME_TYPES, type LinkFrame } from '../../../protocol/link/frames.ts'

const number = fc.integer({ min: 0, max: 0xffff_ffff })
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength }).filter((one) => Buffer.byteLength(one) <= 255)
const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const lineName = fc.stringMatching(/^[a-z0-9-]{1,40}$/)
const lineValue = fc.stringMatching(/^[ -~\u0080-\u00ff]{0,80}$/)
const lines = fc.array(fc.tuple(lineName, lineValue), { maxLength: 8 }).map((all) => all.flat())
const trail = fc.record({
  budget: fc.integer({ min: 0, max: 255 }),
  path: fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), { maxLength: 64 }),
})

const FRAMES: Record<LinkFrame['type'], fc.Arbitrary<LinkFrame>> = {
  hello: fc.record({ type: fc.constant('hello'), body }),
  proof: fc.record({ type: fc.constant('proof'), body }),
  mesh: fc.record({ type: fc.constant('mesh'), body }),
  goaway: fc.constant({ type: 'goaway' }),
  credential: fc.record({ type: fc.constant('credential'), slot: number, lines }),
  release: fc.record({ type: fc.constant('release'), slot: number }),
  cancel: fc.record({ type: fc.constant('cancel'), call: number }),
  window: fc.record({ type: fc.constant('window'), call: number, bytes: number }),
  notification: fc.record({ type: fc.constant('notification'), call: number, body }),
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
    body,
  }),
  request: fc.record({
    type: fc.constant('request'),
    call: number,
    slot: number,
    method: text(60),
    name: fc.option(text(60), { nil: undefined }),
    trail: fc.option(trail, { nil: undefined }),
    lines,
    body,
  }),
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
        expect(decodeFrame(encodeFrame(one))).toEqual(one)
      }),
    )
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
    const bytes = encodeFrame({ type: 'notification', call: 7, body: Buffer.from('{}') })
    const read = decodeFrame(bytes)
    expect('body' in read && read.body.buffer === bytes.buffer).toBe(true)
  })

  test.each([
    ['a length of 65535 where there is nothing', [4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x61, 255, 255]],
    ['a path of 255 nodes', [4, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x61, 8, 255]],
    ['255 header lines', [2, 0, 0, 0, 0, 1, 255]],
    ['a type that is not there', [200, 0, 0, 0, 0, 0]],
    ['flags that mean nothing', [5, 1, 0, 0, 0, 0]],
    ['a line break in a header', [2, 0, 0, 0, 0, 1, 1, 1, 0x61, 0, 2, 13, 10]],
    ['something behind it', [8, 0, 0, 0, 0, 1, 0]],
  ])('with %s is refused', (_, bytes) => {
    expect(outcomeOf(Buffer.from(bytes))).toMatchObject({ code: 'invalid_request' })
  })

  test('is not written where the envelope has no room', () => {
    const request = { call: 1, slot: 0, trail: undefined, body: Buffer.alloc(0), lines: [] }
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
