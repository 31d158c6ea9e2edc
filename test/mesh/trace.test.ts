// Trace context over hops (SEP-414): continued in `_meta`, whatever the eras.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS, paramsSeen, type AskOptions } from './caller.ts'
import { Mesh } from './mesh.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const OTHER = '00-11111111111111111111111111111111-2222222222222222-00'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

describe.each(ERAS)('trace context of a caller of era %s', (era) => {
  async function metaAfterThreeHops(options: AskOptions): Promise<JsonObject> {
    const fixture = await FixtureServer.start({ era: '2025' })
    fixtures.push(fixture)
    const [outer] = await mesh.chain(fixture.url, 3, ['2025', '2026'])
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    return paramsSeen(await caller.call('fx__meta', {}, options))['_meta'] as JsonObject
  }

  test('row 65: traceparent, tracestate and baggage in _meta arrive as they are', async () => {
    const meta = { traceparent: TRACE, tracestate: 'a=1,b=2', baggage: 'k=v' }
    expect(await metaAfterThreeHops({ meta })).toMatchObject(meta)
  })

  test('row 65: a traceparent header is continued in _meta', async () => {
    const meta = await metaAfterThreeHops({ headers: { traceparent: TRACE } })
    expect(meta['traceparent']).toBe(TRACE)
  })

  test('row 65: tracestate and baggage of the headers come with it, and not without', async () => {
    const headers = { tracestate: 'a=1,b=2', baggage: 'k=v' }
    const told = await metaAfterThreeHops({ headers: { traceparent: TRACE, ...headers } })
    expect(told).toMatchObject({ traceparent: TRACE, ...headers })
    const alone = await metaAfterThreeHops({ headers })
    expect(alone).not.toHaveProperty('tracestate')
    expect(alone).not.toHaveProperty('baggage')
  })

  test('row 65: that in _meta wins over the header', async () => {
    const options = { meta: { traceparent: TRACE }, headers: { traceparent: OTHER } }
    expect((await metaAfterThreeHops(options))['traceparent']).toBe(TRACE)
  })

  test('row 65: without one none is made up', async () => {
    expect(await metaAfterThreeHops({})).not.toHaveProperty('traceparent')
  })
})
