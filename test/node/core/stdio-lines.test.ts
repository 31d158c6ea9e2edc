import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from '../../protocol/json-text.ts'
import { LineSplitter, singleLine } from '../../../node/core/stdio-lines.ts'
import { StderrTail } from '../../../node/outbound/stdio-stderr.ts'
import { SILENT, type Logger } from '../../../node/core/logger.ts'

/** The lines of chunks, as a splitter with room for `maxBytes` cuts them. */
function split(chunks: readonly Uint8Array[], maxBytes: number = 1_000): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line.toString('utf8')))
  for (const chunk of chunks) splitter.push(Buffer.from(chunk))
  return lines
}

/** A text cut at the given places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
  const ordered = at.toSorted((a, b) => a - b)
  return ordered.slice(1).map((end, index) => bytes.subarray(ordered[index], end))
}

describe('lines', () => {
  test('come out as they went in, wherever the chunks are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ü', '☃', '𝄞', ' ', '{') })
    fc.assert(
      fc.property(
        fc.array(text),
        fc.array(fc.nat()),
        fc.constantFrom('\n', '\r\n'),
        (lines, places, end) => {
          const whole = lines.map((line) => line + end).join('')
          expect(split(cut(whole, places))).toEqual(lines)
        },
      ),
    )
  })

  test('wait for their end', () => {
    expect(split([Buffer.from('a\nb')])).toEqual(['a'])
  })

  test.each([
    { what: 'whole', chunks: ['12345\n'] },
    { what: 'in pieces', chunks: ['123', '45', '\n'] },
  ])('may be as long as the limit and no longer, $what', ({ chunks }) => {
    const bytes = chunks.map((chunk) => Buffer.from(chunk))
    expect(split(bytes, 5)).toEqual(['12345'])
    expect(() => split(bytes, 4)).toThrow(RangeError)
  })

  test('that never end are refused before they do', () => {
    expect(() => split([Buffer.from('1234'), Buffer.from('5')], 4)).toThrow(RangeError)
  })

  test('are measured one by one', () => {
    expect(split([Buffer.from('1234\n5678\n')], 4)).toEqual(['1234', '5678'])
  })
})

describe('JSON on a single line', () => {
  test('means the same, whatever its layout', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('\t', 2, '\r', '\r\n '), (value, indent) => {
        const laidOut = JSON.stringify(value, null, indent)
        const line = singleLine(Buffer.from(laidOut)).toString('utf8')
        expect(line).not.toMatch(/[\r\n]/)
        expect(parse(line)).toEqual(parse(laidOut))
      }),
    )
  })

  test('is left alone when it is one, and never changed in place', () => {
    const one = Buffer.from('{"a": "\\n"}')
    expect(singleLine(one)).toBe(one)
    const two = Buffer.from('{\n}')
    expect(singleLine(two).toString()).toBe('{ }')
    expect(two.toString()).toBe('{\n}')
  })
})

describe('stderr', () => {
  test('is logged line by line and kept to its last 20 lines', () => {
    const logged: unknown[] = []
    const log: Logger = { ...SILENT, debug: (facts) => logged.push(facts['stderr']) }
    const tail = new StderrTail(log, 'x')
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`)
    tail.push(`${lines.join('\r\n')}\n\nunfin`)
    tail.push('ished')
    expect(logged).toEqual(lines)
    expect(tail.text().split('\n')).toEqual([...lines.slice(10), 'unfinished'])
  })

  test('is bounded, with and without line ends', () => {
    const logged: unknown[] = []
    const log: Logger = { ...SILENT, debug: (facts) => logged.push(facts['stderr']) }
    const tail = new StderrTail(log, 'x')
    tail.push('a'.repeat(10_000))
    expect(logged).toEqual(['a'.repeat(4_096), 'a'.repeat(4_096)])
    tail.push(`\n${'b'.repeat(10_000)}\n${'c'.repeat(4_000)}\n`)
    expect(tail.text()).toMatch(/^b*\n?c{4000}$/)
    expect(tail.text().length).toBeLessThanOrEqual(4_096)
  })
})

describe('where somebody is told of lines that are too long', () => {
  test('they are skipped, told of once each, and the rest comes through', () => {
    const lines: string[] = []
    let tooLong = 0
    const splitter = new LineSplitter(
      4,
      (line) => lines.push(line.toString()),
      () => (tooLong += 1),
    )
    for (const chunk of ['12345', '67\nab', 'cd\n', '1234567\nok\n']) {
      splitter.push(Buffer.from(chunk))
    }
    expect({ lines, tooLong }).toEqual({ lines: ['abcd', 'ok'], tooLong: 2 })
  })

  test('a last line that is too long is not handed over at the end', () => {
    const lines: string[] = []
    const splitter = new LineSplitter(
      4,
      (line) => lines.push(line.toString()),
      () => undefined,
    )
    splitter.push(Buffer.from('a\n12345'))
    splitter.end()
    expect(lines).toEqual(['a'])
  })
})

test('the end hands over a line without its line end, and nothing where there is none', () => {
  const lines: string[] = []
  const splitter = new LineSplitter(9, (line) => lines.push(line.toString()))
  splitter.push(Buffer.from('a\nlast'))
  splitter.end()
  splitter.end()
  expect(lines).toEqual(['a', 'last'])
})
