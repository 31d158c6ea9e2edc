import { expect, test } from 'vitest'
import { ModernMeta } from '../../../node/outbound/modern-meta.ts'
import { selfCapabilities } from '../../../node/outbound/self.ts'
import { SELF } from '../../contract/self.ts'
import { META, objectAt, type JsonObject } from '../../fixtures/wire.ts'

const OFFERED = '"elicitation":{"url":{}},"extensions":{"io.modelcontextprotocol/ui":{"a":1}}'

function capabilitiesIn(meta: string): JsonObject {
  return objectAt(JSON.parse(`{${meta}}`), META.capabilities)
}

test('says what is offered, and who we are beside it', () => {
  const meta = new ModernMeta(SELF)
  const extension = Object.keys(objectAt(capabilitiesIn(meta.of('')), 'extensions'))
  expect(extension).toHaveLength(1)
  expect(capabilitiesIn(meta.of(OFFERED))).toEqual({
    elicitation: { url: {} },
    extensions: {
      'io.modelcontextprotocol/ui': { a: 1 },
      [String(extension[0])]: SELF.federation,
    },
  })
})

test('a mere client offers nothing of its own', () => {
  const { clientInfo } = SELF
  const meta = new ModernMeta({ clientInfo, federation: undefined })
  expect(capabilitiesIn(meta.of(''))).toEqual({})
  expect(capabilitiesIn(meta.of('"roots":{}'))).toEqual({ roots: {} })
})

test('in era 2025 the extension stands where that era has room for it', () => {
  const { experimental, ...others } = selfCapabilities(SELF, '2025', OFFERED)
  expect(Object.values(experimental as JsonObject)).toEqual([SELF.federation])
  expect(others).toEqual(JSON.parse(`{${OFFERED}}`))
})

test('is right whatever was asked for before, and however much', () => {
  const meta = new ModernMeta(SELF)
  const offers = Array.from({ length: 200 }, (_, index) => `"sampling":{"context":{"n":${index}}}`)
  for (const offered of [...offers, ...offers.toReversed()]) {
    expect(capabilitiesIn(meta.of(offered))).toMatchObject(JSON.parse(`{${offered}}`) as JsonObject)
  }
  expect(meta.of(OFFERED)).toBe(meta.of(OFFERED))
})
