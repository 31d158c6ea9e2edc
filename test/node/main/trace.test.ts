// What `banyan trace` makes of lines: chains that hold or not, and calls joined from the lines of several nodes.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chained, lineHash, type AuditLine } from '../../../node/core/audit-chain.ts'
import { createLogger } from '../../../node/core/logger.ts'
import { LogSink } from '../../../node/core/audit-trail.ts'
import type { TraceEntry } from '../../../node/main/trace-files.ts'
import { tellStories } from '../../../node/main/trace-story.ts'
import { storyText } from '../../../node/main/trace-text.ts'
import { verifyChains } from '../../../node/main/trace-verify.ts'
import { recordOf } from '../core/audit-records.ts'
import { capturedStandardError } from './captured.ts'
import { runTrace } from './trace-run.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-trace-'))
})

afterAll(() => rm(folder, { recursive: true }))

/** A chain of so many lines, cut into files of so many. */
function chain(length: number, perFile = length): string[][] {
  let prev = ''
  const lines = Array.from({ length }, (_, index) => {
    const text = chained(JSON.stringify(recordOf(index)), prev)
    prev = lineHash(text)
    return text
  })
  const files: string[][] = []
  for (let at = 0; at < length; at += perFile) files.push(lines.slice(at, at + perFile))
  return files
}

function entriesOf(files: readonly (readonly string[])[]): TraceEntry[] {
  return files.flatMap((lines, file) =>
    lines.map((text, index) => ({
      line: JSON.parse(text) as AuditLine,
      text,
      file: `f${file}`,
      number: index + 1,
      isLogged: false,
    })),
  )
}

const sizes = fc.record({
  length: fc.integer({ min: 4, max: 40 }),
  perFile: fc.integer({ min: 1, max: 9 }),
})

function breaksOf(files: readonly (readonly string[])[]): number {
  return verifyChains(entriesOf(files)).flatMap(({ breaks }) => breaks).length
}

describe('a chain of lines', () => {
  test('holds over files in any order', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), ({ length, perFile }, random) => {
        const files = chain(length, perFile)
        const shuffled = files
          .map((file) => ({ file, by: random.next().value as number }))
          .toSorted((a, b) => a.by - b.by)
          .map(({ file }) => file)
        const [report] = verifyChains(entriesOf(shuffled))
        expect(report).toMatchObject({ lines: length, breaks: [], isCut: false })
        expect(report?.head).toBe(lineHash(files.at(-1)?.at(-1) ?? ''))
      }),
    )
  })

  test('does not hold when a line before the last was changed, taken out, doubled or moved', () => {
    const change = fc.constantFrom('change', 'remove', 'double', 'swap')
    fc.assert(
      fc.property(sizes, fc.nat(), change, ({ length, perFile }, where, what) => {
        // Files of one line each may stand in any order.
        fc.pre(perFile > 1)
        const lines = chain(length).flat()
        const at = 1 + (where % (length - 2))
        const [line = '', next = ''] = lines.slice(at)
        if (what === 'change') lines[at] = line.replace('"allowed"', '"refused"')
        if (what === 'remove') lines.splice(at, 1)
        if (what === 'double') lines.splice(at, 0, line)
        if (what === 'swap') lines.splice(at, 2, next, line)
        const files: string[][] = []
        for (let from = 0; from < lines.length; from += perFile) {
          files.push(lines.slice(from, from + perFile))
        }
        expect(breaksOf(files)).toBeGreaterThan(0)
      }),
    )
  })

  test('of each node is its own; a log has one for each process', async () => {
    const text = await capturedStandardError(() => {
      for (const count of [2, 1]) {
        const sink = new LogSink(createLogger('info', { node: 'edge' }))
        for (let i = 0; i < count; i += 1) sink.write(recordOf(i))
      }
      new LogSink(createLogger('info')).write(recordOf(9, { node: 'acme/other' }))
    })
    const file = join(folder, 'log')
    await writeFile(file, text)
    const whole = await runTrace('--verify', file)
    expect(whole.out).toContain('acme/edge: whole, 3 lines in 2 chains')
    expect(whole.out).toContain('acme/other: whole, 1 line from')
    await writeFile(file, text.replace('"count":0', '"count":5'))
    expect((await runTrace('--verify', file)).code).toBe(1)
  })

  test('that is not there is none that holds', async () => {
    const file = join(folder, 'empty')
    await writeFile(file, '{"level":30}\n')
    expect(await runTrace('--verify', file)).toMatchObject({ code: 1, out: '' })
  })
})

function lineOf(more: Partial<AuditLine>): AuditLine {
  return { ...recordOf(0), prev: '', ...more }
}

describe('a story', () => {
  test('never joins calls whose ids are alike by chance', () => {
    const [one, other] = ['t1', 't2']
    const a = lineOf({ node: 'a', out: { id: 1, jti: one } })
    const b = lineOf({ node: 'b', in: { id: 1, jti: one } })
    const stranger = lineOf({ node: 'c', in: { id: 1, jti: other } })
    const nobody = lineOf({ node: 'd', in: { id: 1 } })
    const { stories } = tellStories([a, b, stranger, nobody], {})
    expect(stories.map(({ hops }) => hops.map(({ node }) => node))).toEqual([
      ['a', 'b'],
      ['c'],
      ['d'],
    ])
  })

  test('without tokens is joined by the trace id', () => {
    const trace = '0'.repeat(32)
    const a = lineOf({ node: 'a', trace, out: { id: 4 } })
    const b = lineOf({ node: 'b', trace, in: { id: 4 } })
    expect(tellStories([b, a], { trace }).stories.map(({ hops }) => hops.length)).toEqual([2])
  })

  test('ends although lines go in a circle', () => {
    const a = lineOf({ node: 'a', in: { id: 2, jti: 'y' }, out: { id: 1, jti: 'x' } })
    const b = lineOf({ node: 'b', in: { id: 1, jti: 'x' }, out: { id: 2, jti: 'y' } })
    const { stories } = tellStories([a, b], { jti: 'x' })
    expect(stories.every(({ hops }) => hops.length === 2)).toBe(true)
  })

  test('decisions that belong to no call are told where they are asked for', () => {
    const mint = lineOf({ kind: 'mint', decision: 'issued', out: { jti: 'm' } })
    expect(tellStories([mint], { jti: 'm' }).loose).toEqual([mint])
    expect(tellStories([mint], {}).loose).toEqual([])
  })

  test('cannot move the cursor of who reads it', () => {
    const evil = '\u001b[2J\nfake line'
    const line = lineOf({ tool: evil, endpoint: evil, upstream: evil, in: { client: evil } })
    const [story] = tellStories([line], {}).stories
    const text = story === undefined ? '' : storyText(story, (_, plain) => plain)
    expect(text).not.toContain('\u001b')
    expect(text).not.toContain('\nfake')
  })
})
