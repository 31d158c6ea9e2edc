import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { CallScope } from '../../../node/core/call-scope.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import type { Candidate, Delegated, Received, Visible } from '../../../node/core/stages.ts'
import { exchange, type Upstream, type Upstreams } from '../../../node/hop/exchange.ts'
import { see } from '../../../node/hop/resolve.ts'
import { Link, SHARED } from '../../../node/outbound/link.ts'
import type { HopTrail } from '../../../protocol/federation.ts'
import { readBody } from '../../../protocol/jsonrpc.ts'
import { faultOf } from '../../protocol/fault.ts'
import { FakeConnector } from '../outbound/fake-connector.ts'
import { SELF } from './tools.ts'

const links: Link[] = []
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()))
})

interface Shape {
  readonly up: boolean
  readonly kind?: Upstream['kind']
  readonly isolate?: Upstream['isolate']
  /** The node at the other end. */
  readonly node?: string
}

async function upstreams(shapes: Readonly<Record<string, Shape>>): Promise<Upstreams> {
  const table = new Map<string, Upstream>()
  for (const [label, { up, kind = 'http', isolate = 'principal', node }] of Object.entries(
    shapes,
  )) {
    const connector = new FakeConnector()
    const events = { up: () => undefined, down: () => undefined, listChanged: () => undefined }
    const link = new Link(label, {
      connector,
      events,
      sessionIdleMs: 600_000,
      sessions: 2,
      log: SILENT,
    })
    links.push(link)
    if (up) {
      const started = link.start()
      connector.last.succeed(true, node)
      await started
    }
    table.set(label, { link, kind, isolate, timeout: 1_000, maxTimeout: 1_000, concurrency: 1 })
  }
  return table
}

interface CallShape {
  readonly ways: readonly [string, ...string[]]
  readonly trail?: HopTrail
  readonly session?: string
}

function call({ ways, trail = { budget: 8, path: [] }, session }: CallShape): Visible {
  const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"docs__a"}}'
  const body = readBody(Buffer.from(text), { jsonDepth: 8, metaBytes: 100 })
  if (body.batch || body.message.kind !== 'request') throw new Error('no request')
  const received: Received = {
    endpoint: 'main',
    caller: { era: '2025', revision: '2025-11-25', session, federated: false },
    request: body.message,
    trail,
    header: () => undefined,
    mirrored: false,
    reply: { notify: () => true, onDrain: () => undefined, finish: () => undefined },
    scope: new CallScope(),
  }
  const [first, ...others] = ways.map((upstream): Candidate => ({
    upstream,
    name: `a at ${upstream}`,
  }))
  if (first === undefined) throw new Error('no way')
  const id = { organisation: 'acme', node: 'x', namespace: 'docs', name: 'a' }
  const entry = {
    name: 'docs__a',
    id,
    namespace: 'docs',
    paramHeaders: [],
    candidates: [first, ...others] as const,
  }
  return see({ received, principal: LOCAL_CALLER, entry })
}

async function delegated(
  shapes: Readonly<Record<string, Shape>>,
  shape: CallShape,
): Promise<Delegated> {
  return exchange(await upstreams(shapes), SELF, call(shape))
}

describe('the next hop', () => {
  test('is the first way that is up', async () => {
    const shapes = { a: { up: false }, b: { up: true }, c: { up: true } }
    expect(await delegated(shapes, { ways: ['a', 'b', 'c'] })).toMatchObject({
      candidate: { upstream: 'b', name: 'a at b' },
    })
    expect(await delegated(shapes, { ways: ['c', 'b'] })).toMatchObject({
      candidate: { upstream: 'c' },
    })
  })

  test('is the best one when none is up, so that the caller hears of that', async () => {
    const shapes = { a: { up: false }, b: { up: false } }
    expect(await delegated(shapes, { ways: ['a', 'b'] })).toMatchObject({
      candidate: { upstream: 'a' },
    })
  })

  test('is none the call has passed, for that one would refuse it', async () => {
    const shapes = { back: { up: true, node: 'caller' }, on: { up: true, node: 'other' } }
    const trail = { budget: 5, path: ['caller'] }
    expect(await delegated(shapes, { ways: ['back', 'on'], trail })).toMatchObject({
      candidate: { upstream: 'on' },
    })
    expect(await delegated(shapes, { ways: ['back'], trail })).toMatchObject({
      candidate: { upstream: 'back' },
    })
  })

  test('may have been taken out of the configuration', async () => {
    await expect(delegated({}, { ways: ['a'] })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    expect(await delegated({ b: { up: true } }, { ways: ['a', 'b'] })).toMatchObject({
      candidate: { upstream: 'b' },
    })
  })
})

describe('what the next hop is told', () => {
  test('law: the budget is one less, this node is behind the others, and nothing is sent on without a budget', async () => {
    const table = await upstreams({ node: { up: true, kind: 'node' }, server: { up: true } })
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32 }), path, (budget, passed) => {
        const trail = { budget, path: passed }
        const { onward } = exchange(table, SELF, call({ ways: ['server'], trail }))
        expect(onward).toEqual({ budget: budget - 1, path: [...passed, SELF] })
        const fault = faultOf(() => exchange(table, SELF, call({ ways: ['node'], trail })))
        expect(fault?.code).toBe(budget > 1 ? undefined : 'hop_budget')
      }),
    )
  })

  test('whose session it is, where callers must not share one', async () => {
    const shapes = { alone: { up: true, isolate: 'session' }, shared: { up: true } } as const
    expect((await delegated(shapes, { ways: ['alone'], session: 's1' })).context).toBe('s1')
    expect((await delegated(shapes, { ways: ['alone'] })).context).toBe(SHARED)
    expect((await delegated(shapes, { ways: ['shared'], session: 's1' })).context).toBe(SHARED)
  })
})
