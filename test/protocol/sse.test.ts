import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SseParser } from '../../protocol/sse.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

interface Heard {
  readonly data: string
  readonly type: string
  readonly id: string | undefined
}

function hear(
  chunks: readonly Buffer[],
  maxBytes = 10_000,
): { events: Heard[]; retries: number[] } {
  const events: Heard[] = []
  const retries: number[] = []
  const parser = new SseParser(
    {
      event: ({ data, type, id }) => events.push({ data: data.toString(), type, id }),
      retry: (milliseconds) => retries.push(milliseconds),
    },
    maxBytes,
  )
  for (const chunk of chunks) parser.push(chunk)
  return { events, retries }
}

function eventsOf(text: string): Heard[] {
  return hear([Buffer.from(text)]).events
}

const message = (data: string, id?: string): Heard => ({ data, type: 'message', id })

describe('the fields', () => {
  test.each<[string, string, Heard[]]>([
    ['one event', 'data: a\n\n', [message('a')]],
    ['several lines are joined', 'data: a\ndata:\ndata: b\n\n', [message('a\n\nb')]],
    ['one space goes, not two', 'data:  a\ndata:b\n\n', [message(' a\nb')]],
    ['an empty field is data', 'data\n\n', [message('')]],
    ['a field without a colon is empty', 'data\ndata\n\n', [message('\n')]],
    ['an event without data is none', 'event: x\nid: 1\n\ndata: a\n\n', [message('a', '1')]],
    [
      'a type is for one event',
      'event: x\ndata: a\n\ndata: b\n\n',
      [{ data: 'a', type: 'x', id: undefined }, message('b')],
    ],
    [
      'an id is for all that follow',
      'id: 7\ndata: a\n\ndata: b\n\n',
      [message('a', '7'), message('b', '7')],
    ],
    [
      'an id can be taken back',
      'id: 7\ndata: a\n\nid\ndata: b\n\n',
      [message('a', '7'), message('b', '')],
    ],
    ['an id with NUL is none', 'id: 7\u00007\ndata: a\n\n', [message('a')]],
    ['comments are nothing', ': hello\n:\ndata: a\n: b\n\n', [message('a')]],
    ['unknown fields are nothing', 'Data: x\ndata : x\n data: x\nfoo\ndata: a\n\n', [message('a')]],
    ['an end without a blank line is none', 'data: a\n\ndata: b\n', [message('a')]],
    ['a byte order mark at the start', '\ufeffdata: a\n\n', [message('a')]],
    ['a byte order mark alone on the first line', '\ufeff\ndata: a\n\n', [message('a')]],
    ['one byte order mark, not two', '\ufeff\ufeffdata: x\n\ndata: a\n\n', [message('a')]],
    ['a byte order mark later on', 'data: a\n\n\ufeffdata: b\n\n', [message('a')]],
    ['a byte order mark in the data', 'data: \ufeffa\n\n', [message('\ufeffa')]],
  ])('%s', (_, text, expected) => {
    expect(eventsOf(text)).toEqual(expected)
  })

  test('retry is a number of milliseconds, and otherwise nothing', () => {
    const text = 'retry: 1500\nretry: -1\nretry: 1.5\nretry\nretry: 1e3\nretry: ٣\nretry: 0\n'
    expect(hear([Buffer.from(text)]).retries).toEqual([1500, 0])
  })
})

/** Lines of a stream, fields and nonsense, blank ones often. */
const lines = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    fc.constantFrom(
      'data',
      'data:',
      'data: {"a":"é☃𝄞"}',
      'data:  x ',
      'event: ping',
      'id: 1',
      'id',
      ':c',
      'retry: 5',
      '\ufeffdata: b',
    ),
    fc.string({ unit: fc.constantFrom('d', 'a', 't', ':', ' ', 'é', '\ufeff', '\u2028') }),
  ),
  { maxLength: 20 },
)
const ends = fc.constantFrom('\n', '\r', '\r\n')

/** A stream cut anywhere, characters and line ends included. */
function cut(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const places = cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b)
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end))
}

describe('the stream', () => {
  test('law: however it is cut, the same comes out', () => {
    const line = fc.tuple(lines, fc.array(ends, { minLength: 20, maxLength: 20 }))
    fc.assert(
      fc.property(line, fc.array(fc.nat(), { maxLength: 12 }), ([texts, stops], cuts) => {
        const text = texts.map((one, index) => one + (stops[index] ?? '')).join('')
        const whole = hear([Buffer.from(text)])
        expect(hear(cut(text, cuts))).toEqual(whole)
        expect(hear([...Buffer.from(text)].map((byte) => Buffer.from([byte])))).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  test('law: CR, LF and CRLF end a line alike', () => {
    fc.assert(
      fc.property(lines, (texts) => {
        const [lf, cr, crlf] = ['\n', '\r', '\r\n'].map((end) =>
          eventsOf(texts.map((one) => one + end).join('')),
        )
        expect(cr).toEqual(lf)
        expect(crlf).toEqual(lf)
      }),
    )
  })

  test('law: any data comes back as it went in', () => {
    const data = fc.array(
      fc.string({ unit: anyCharacter }).map((text) => text.replaceAll(/[\r\n]/g, '')),
      { minLength: 1 },
    )
    fc.assert(
      fc.property(fc.array(data), fc.array(fc.nat(), { maxLength: 6 }), (all, cuts) => {
        const text = all
          .map((parts) => `${parts.map((part) => `data: ${part}\n`).join('')}\n`)
          .join('')
        expect(hear(cut(text, cuts)).events).toEqual(all.map((parts) => message(parts.join('\n'))))
      }),
    )
  })
})

function held(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function bounded(text: string): () => unknown {
  return () => hear([Buffer.from(text)], 100)
}

describe('the bound', () => {
  test('data of exactly the bound passes, one byte more does not', () => {
    expect(hear([Buffer.from(`data:${'x'.repeat(100)}\n\n`)], 100).events).toHaveLength(1)
    expect(bounded(`data:${'x'.repeat(101)}\n`)).toThrow(RangeError)
  })

  test('it counts the data of all lines, and the newlines between them', () => {
    expect(
      hear([Buffer.from(`${`data:${'x'.repeat(24)}\n`.repeat(4)}\n`)], 100).events,
    ).toHaveLength(1)
    expect(bounded(`${`data:${'x'.repeat(24)}\n`.repeat(4)}data:x\n`)).toThrow(RangeError)
    expect(bounded('data\n'.repeat(102))).toThrow(RangeError)
  })

  test('it starts anew with each event', () => {
    expect(hear([Buffer.from(`data:${'x'.repeat(90)}\n\n`.repeat(5))], 100).events).toHaveLength(5)
  })

  test.each(['data:', ':', 'event:', 'whatever'])(
    'a line %j that never ends is not kept for ever',
    (start) => {
      const chunk = Buffer.from('x'.repeat(10))
      expect(() => hear([Buffer.from(start), ...Array<Buffer>(20).fill(chunk)], 100)).toThrow(
        RangeError,
      )
    },
  )

  test('it bounds the memory of an event of many short lines, too', () => {
    const parser = new SseParser({ event: () => undefined }, 2_000_000)
    const before = held()
    for (let chunks = 0; chunks < 100; chunks += 1)
      parser.push(Buffer.from('data\n'.repeat(10_000)))
    expect(held() - before).toBeLessThan(80_000_000)
  })

  test('a stream of bare line ends takes no quadratic time', () => {
    expect(hear([Buffer.alloc(2_000_000, '\r')]).events).toEqual([])
    expect(hear([Buffer.alloc(2_000_000, '\n')]).events).toEqual([])
  })
})
