import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import {
  SHARED,
  type Candidate,
  type Continuation,
  type Delegated,
  type Visible,
} from '../../../node/core/stages.ts'
import { exchange, type Upstream, type Upstreams } from '../../../node/hop/exchange.ts'
import { Link } from '../../../node/outbound/link.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import type { HopTrail } from '../../../protocol/federation.ts'
import { faultOf } from '../../protocol/fault.ts'
import { FakeConnector, INDIFFERENT } from '../outbound/fake-connector.ts'
import { visible } from './calls.ts'
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
    const link = new Link(label, {
      connector,
      events: INDIFFERENT,
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
  /** Capabilities of the caller. */
  readonly capabilities?: object
  readonly continuation?: Continuation
}

function call({ ways, trail, session, capabilities = {} }: CallShape): Visible {
  const [first, ...others] = ways.map((upstream): Candidate => {
    return { upstream, name: `a at ${upstream}`, imported: false }
  })
  if (first === undefined) throw new Error('no way')
  const caller = { session, capabilities: readClientCapabilities(capabilities) }
  return visible({ candidates: [first, ...others], caller, ...(trail && { trail }) })
}

async function delegated(
  shapes: Readonly<Record<string, Shape>>,
  shape: CallShape,
): Promise<Delegated> {
  const parts = { upstreams: await upstreams(shapes), self: SELF }
  return exchange(parts, call(shape), shape.continuation)
}

async function contextFor(capabilities: object): Promise<unknown> {
  return (await delegated({ a: { up: true } }, { ways: ['a'], capabilities })).context
}

function retryTo(upstream: string): Continuation {
  return { kind: 'relay', upstream, inner: '"s"' }
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
        const parts = { upstreams: table, self: SELF }
        const { onward } = exchange(parts, call({ ways: ['server'], trail }), undefined)
        expect(onward).toEqual({ budget: budget - 1, path: [...passed, SELF] })
        const fault = faultOf(() => exchange(parts, call({ ways: ['node'], trail }), undefined))
        expect(fault?.code).toBe(budget > 1 ? undefined : 'hop_budget')
      }),
    )
  })

  test('whose session it is, where callers must not share one', async () => {
    const shapes = { alone: { up: true, isolate: 'session' }, shared: { up: true } } as const
    const contextOf = async (way: string, session?: string): Promise<string> => {
      const shape = { ways: [way] as const, ...(session !== undefined && { session }) }
      return (await delegated(shapes, shape)).context.key
    }
    expect(await contextOf('alone', 's1')).toBe('s1\n')
    expect(await contextOf('alone')).toBe(SHARED.key)
    expect(await contextOf('shared', 's1')).toBe(SHARED.key)
  })

  test('what it can ask: callers who can be asked different things share nothing', async () => {
    expect(await contextFor({})).toBe(SHARED)
    expect(await contextFor({ vendor: {}, experimental: { x: {} } })).toBe(SHARED)
    const form = await contextFor({ elicitation: {} })
    expect(form).toEqual({ key: '\n"elicitation":{}', offered: '"elicitation":{}' })
    expect(await contextFor({ elicitation: {} })).toEqual(form)
    expect(await contextFor({ elicitation: { form: {}, url: {} } })).not.toEqual(form)
  })

  test('a retry goes back to the upstream that asked, and nowhere else', async () => {
    const shapes = { a: { up: true }, b: { up: true } }
    const shape = { ways: ['a', 'b'] as const }
    const retried = await delegated(shapes, { ...shape, continuation: retryTo('b') })
    expect(retried.candidate.upstream).toBe('b')
    const gone = delegated(shapes, { ...shape, continuation: retryTo('c') })
    await expect(gone).rejects.toMatchObject({ code: 'bad_state' })
  })
})
