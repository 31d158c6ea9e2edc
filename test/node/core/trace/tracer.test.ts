import { describe, expect, test } from 'vitest'
import { readBody } from '../../../../protocol/jsonrpc.ts'
import { readTraceparent } from '../../../../protocol/trace-context.ts'
import { CallScope } from '../../../../node/core/call-scope.ts'
import { LOCAL_CALLER } from '../../../../node/core/principal.ts'
import type { Authenticated, Received } from '../../../../node/core/stages.ts'
import type { FinishedSpan } from '../../../../node/core/trace/span.ts'
import { Tracer, type TracerOptions } from '../../../../node/core/trace/tracer.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

let now = 0
let spans: FinishedSpan[] = []

function tracer(more: Partial<TracerOptions> = {}): Tracer {
  now = 1_000
  spans = []
  let ids = 0
  return new Tracer({
    sample: 1,
    tracesPerSecond: 100,
    sink: { take: (span) => void spans.push(span) },
    now: () => now,
    random: () => 0.5,
    randomHex: (bytes) => (ids += 1).toString(16).padStart(bytes * 2, '0'),
    ...more,
  })
}

/** A call as it came. */
function call({ meta, header }: { meta?: unknown; header?: string } = {}): Authenticated {
  const params = {
    name: 'fx__echo',
    arguments: { password: 'hunter2' },
    ...(meta !== undefined && { _meta: meta }),
  }
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const body = readBody(Buffer.from(text), { jsonDepth: 32, metaBytes: 10_000 })
  if (body.batch || body.message.kind !== 'request') throw new Error('no request')
  const received = {
    endpoint: 'main',
    caller: { era: '2026', revision: '2026-07-28' },
    request: body.message,
    header: (name: string) => (name === 'traceparent' ? header : undefined),
    scope: new CallScope('websocket'),
  } as unknown as Received
  return { received, principal: LOCAL_CALLER }
}

const parent = (flags: string): string => `00-${TRACE}-${SPAN}-${flags}`

describe('which requests are recorded', () => {
  test('one whose caller says it is sampled, under its trace', () => {
    const begun = tracer().begin(call({ meta: { traceparent: parent('01') } }))
    expect(readTraceparent(begun?.traceparent)).toMatchObject({ traceId: TRACE, sampled: true })
    begun?.over(undefined)
    expect(spans).toMatchObject([{ traceId: TRACE, parentId: SPAN, kind: 'server' }])
  })

  test('that in _meta wins over the header, which counts without', () => {
    const other = `00-${'1'.repeat(32)}-${SPAN}-01`
    const both = tracer().begin(call({ meta: { traceparent: parent('01') }, header: other }))
    expect(both?.traceparent).toContain(TRACE)
    expect(tracer().begin(call({ header: other }))?.traceparent).toContain('1'.repeat(32))
  })

  test('none whose caller says it is not: it goes on as it came', () => {
    expect(tracer().begin(call({ meta: { traceparent: parent('00') } }))).toBeUndefined()
  })

  test.each([
    ['nothing', undefined],
    ['what is none', { traceparent: 'a'.repeat(55) }],
  ])('one that says %s begins a trace, as often as is configured', (_, meta) => {
    const recorded = tracer({ sample: 0.6 }).begin(call({ meta }))
    expect(readTraceparent(recorded?.traceparent)?.sampled).toBe(true)
    expect(recorded?.isNew).toBe(true)
    const left = tracer({ sample: 0.5 }).begin(call({ meta }))
    expect(readTraceparent(left?.traceparent)?.sampled).toBe(false)
    left?.over(undefined)
    expect(spans).toEqual([])
  })

  test('an attack: a caller that has everything sampled is recorded up to the limit, whatever it says', () => {
    const limited = tracer({ tracesPerSecond: 3 })
    const begin = (): boolean =>
      limited.begin(call({ meta: { traceparent: parent('01') } })) !== undefined
    expect(Array.from({ length: 100 }, begin).filter(Boolean)).toHaveLength(3)
    now += 1_000
    expect(Array.from({ length: 100 }, begin).filter(Boolean)).toHaveLength(3)
    now -= 10_000
    expect(begin()).toBe(false)
  })
})

describe('the spans of a call', () => {
  test('are a tree, and each hop is told of its own', () => {
    const { received, principal } = call({ meta: { traceparent: parent('01') } })
    const begun = tracer().begin({ received, principal })
    const ended = begun?.exchange()
    ended?.(undefined)
    begun?.depart({ upstream: 'a', transport: 'http', kind: 'tool', name: 'fx__echo', as: 'echo' })
    const first = readTraceparent(begun?.traceparent)?.spanId
    begun?.arrive('upstream_error')
    begun?.depart({
      upstream: 'b',
      transport: 'websocket',
      kind: 'tool',
      name: 'fx__echo',
      as: 'e2',
    })
    const second = readTraceparent(begun?.traceparent)?.spanId
    begun?.over(undefined)
    const [exchange, one, two, server] = spans
    expect([exchange, one, two].map((span) => span?.parentId)).toEqual(
      Array(3).fill(server?.spanId),
    )
    expect([one?.spanId, two?.spanId]).toEqual([first, second])
    expect(one).toMatchObject({
      name: 'tools/call echo',
      kind: 'client',
      error: 'upstream_error',
      attributes: {
        'banyan.upstream': 'a',
        'gen_ai.tool.name': 'echo',
        'network.protocol.name': 'http',
      },
    })
    expect(two).toMatchObject({
      attributes: { 'network.protocol.name': 'websocket' },
      error: undefined,
    })
    expect(server).toMatchObject({
      name: 'tools/call fx__echo',
      parentId: SPAN,
      attributes: { 'mcp.method.name': 'tools/call', 'mcp.protocol.version': '2026-07-28' },
    })
    expect(JSON.stringify(spans)).not.toContain('hunter2')
  })

  test('say nothing of a name nobody has, and of a URI no more than its path', () => {
    const begun = tracer().begin(call())
    begun?.over(undefined)
    expect(JSON.stringify(spans)).not.toContain('fx__echo')
    const read = tracer().begin(call())
    const uri = 'banyan://x/y?token=hunter2#part'
    read?.depart({ upstream: 'a', transport: undefined, kind: 'resource', name: uri, as: uri })
    read?.over(undefined)
    expect(JSON.stringify(spans)).not.toContain('hunter2')
    expect(spans[1]?.attributes['mcp.resource.uri']).toBe('banyan://x/y')
  })
})
