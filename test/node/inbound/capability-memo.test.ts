// What is remembered of capabilities is what their text says, however it is spelt.
import { expect, test } from 'vitest'
import { CapabilityMemo } from '../../../node/inbound/capability-memo.ts'
import { NO_CAPABILITIES, readClientCapabilities } from '../../../protocol/client-capabilities.ts'

const memo = new CapabilityMemo()

function read(text: string): unknown {
  // In the middle of other bytes, as it comes.
  const raw = Buffer.from(`{"a":${text}}`)
  return memo.read(raw, { start: 5, end: raw.length - 1 })
}

function named(name: string): string {
  return JSON.stringify({
    sampling: {},
    extensions: {
      'io.github.banyan-mcp/federation': { version: 1, node: 'n', organisation: 'o', name },
    },
  })
}

test('equal texts are read once, others by themselves', () => {
  const [form, both] = ['{"elicitation":{}}', '{"elicitation":{},"roots":{}}']
  expect(read(form)).toEqual(readClientCapabilities({ elicitation: {} }))
  expect(read(both)).toEqual(readClientCapabilities({ elicitation: {}, roots: {} }))
  expect(read(form)).toBe(read(form))
  expect(read('{}')).toBe(NO_CAPABILITIES)
  expect(read('{ }')).toEqual(NO_CAPABILITIES)
})

test('texts that differ in a character beyond ASCII are two', () => {
  for (const name of ['é', 'è', 'Ã©', '\u{1f333}']) {
    expect(read(named(name))).toEqual(readClientCapabilities(JSON.parse(named(name))))
  }
})

test('many texts and long ones are read right, remembered or not', () => {
  for (let index = 0; index < 600; index += 1) {
    expect(read(named(`n${index}`))).toEqual(readClientCapabilities(JSON.parse(named(`n${index}`))))
  }
  const long = named('x'.repeat(3_000))
  expect(read(long)).toEqual(readClientCapabilities(JSON.parse(long)))
  expect(read(long)).not.toBe(read(long))
})
