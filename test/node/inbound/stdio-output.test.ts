// The way out of a pipe, by itself.
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { StdioOutput } from '../../../node/inbound/stdio-output.ts'
import { until } from '../../fixtures/wait.ts'

function outputTo(stream: PassThrough): { output: StdioOutput; told: string[] } {
  const told: string[] = []
  const output = new StdioOutput(stream, 1_024, {
    gone: () => told.push('gone'),
    crowded: () => told.push('crowded'),
    caughtUp: () => told.push('caught up'),
  })
  return { output, told }
}

describe('a queue beyond its limit', () => {
  test('is told, and that it is empty again', async () => {
    const stream = new PassThrough({ highWaterMark: 1_024 })
    const { output, told } = outputTo(stream)
    expect(output.write([Buffer.alloc(4_096, 0x20)])).toBe(false)
    expect(told).toEqual(['crowded'])
    stream.resume()
    await until(() => told.length > 1, 'the reader has caught up')
    expect(told).toEqual(['crowded', 'caught up'])
  })

  test('is not told where the stream has room: no drain would ever take it back', async () => {
    const stream = new PassThrough({ highWaterMark: 65_536 })
    const { output, told } = outputTo(stream)
    expect(output.write([Buffer.alloc(4_096, 0x20)])).toBe(true)
    stream.resume()
    await output.flushed()
    expect(told).toEqual([])
  })
})
