import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { Authorization, Delegator } from '../../../node/core/delegation.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import {
  SHARED,
  type Candidate,
  type Context,
  type Continuation,
  type Delegated,
  type Visible,
} from '../../../node/core/stages.ts'
import type { WayRank } from '../../../node/core/way-rank.ts'
import { exchange, type Upstream, type Upstreams } from '../../../node/hop/exchange.ts'
import { Link } from '../../../node/outbound/link.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { Fault } from '../../../protocol/errors.ts'
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
  readonly delegator?: Delegator
}

async function upstreams(shapes: Readonly<Record<string, Shape>>): Promise<Upstreams> {
  const table = new Map<string, Upstream>()
  for (const [
    label,
    { up, kind = 'http', isolate = 'principal', node, delegator },
  ] of Object.entries(shapes)) {
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
    const bounds = { timeout: 1_000, maxTimeout: 1_000, concurrency: 1 }
    table.set(label, { link, kind, isolate, ...bounds, delegator })
  }
  return table
}

interface CallShape {
  readonly ways: readonly [string, ...string[]]
  readonly trail?: HopTrail
  readonly session?: string
  readonly principal?: Principal
  /** Capabilities of the caller. */
  readonly capabilities?: object
  readonly continuation?: Continuation
}

function call({ ways, trail, session, principal, capabilities = {} }: CallShape): Visible {
  const [first, ...others] = ways.map((upstream): Candidate => {
    return { upstream, name: `a at ${upstream}`, imported: false }
  })
  if (first === undefined) throw new Error('no way')
  const caller = { session, capabilities: readClientCapabilities(capabilities) }
  const given = { ...(trail && { trail }), ...(principal && { principal }) }
  return visible({ candidates: [first, ...others], caller, ...given })
}

async function delegated(
  shapes: Readonly<Record<string, Shape>>,
  shape: CallShape,
): Promise<Delegated> {
  const parts = { upstreams: await upstreams(shapes), self: SELF }
  return exchange(parts, call(shape), shape.continuation)
}

/** Somebody with a token. */
function somebody(key: string): Principal {
  const credential = { toString: () => '[credential]' }
  return { ...LOCAL_CALLER, key, subject: key, scopes: ['*'], credential }
}

const NOBODYS: Authorization = { lines: () => [], refused: () => false }

/** A delegator that says what it was asked. */
function delegatorOf(
  answer: () => Authorization | Promise<Authorization>,
): Delegator & { readonly asked: unknown[] } {
  const asked: unknown[] = []
  return {
    asked,
    own: NOBODYS,
    delegate: (principal, facts) => {
      asked.push([principal.key, facts.budget])
      return answer()
    },
    denied: () => new Fault('delegation_refused', 'no'),
  }
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

  test('is what the mesh holds for the best of those that are up and have not passed it', async () => {
    const table = await upstreams({
      a: { up: true },
      b: { up: true, node: 'b' },
      c: { up: false },
    })
    const reversed: WayRank = {
      order: (_, labels) => labels.toReversed(),
      isDead: () => false,
      failed: () => undefined,
    }
    const chosen = (ways: WayRank | undefined, passed: readonly string[]): unknown => {
      const trail = { budget: 8, path: passed }
      const made = exchange(
        { upstreams: table, self: SELF, ways },
        call({ ways: ['a', 'b', 'c'], trail }),
        undefined,
      )
      return (made as Delegated).candidate.upstream
    }
    expect(chosen(undefined, [])).toBe('a')
    expect(chosen(reversed, [])).toBe('b')
    expect(chosen(reversed, ['b'])).toBe('a')
  })

  test('is none of those to be avoided, and nothing when there is no other', async () => {
    const table = await upstreams({ a: { up: true }, b: { up: true }, c: { up: false } })
    const go = (avoid: readonly string[]): Delegated | Promise<Delegated> =>
      exchange({ upstreams: table, self: SELF, avoid }, call({ ways: ['a', 'b', 'c'] }), undefined)
    expect(go(['a'])).toMatchObject({ candidate: { upstream: 'b' } })
    expect(faultOf(() => go(['a', 'b']))).toMatchObject({ code: 'upstream_unavailable' })
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
        const made = exchange(parts, call({ ways: ['server'], trail }), undefined)
        expect(made).toMatchObject({ onward: { budget: budget - 1, path: [...passed, SELF] } })
        const fault = faultOf(() => exchange(parts, call({ ways: ['node'], trail }), undefined))
        expect(fault?.code).toBe(budget > 1 ? undefined : 'hop_budget')
      }),
    )
  })

  test('who calls, at once where the token is at hand', async () => {
    const delegator = delegatorOf(() => NOBODYS)
    const table = await upstreams({ a: { up: true, delegator } })
    const trail = { budget: 5, path: [] }
    const made = exchange(
      { upstreams: table, self: SELF },
      call({ ways: ['a'], trail, principal: somebody('alice') }),
      undefined,
    )
    expect(made).not.toBeInstanceOf(Promise)
    expect(made).toMatchObject({ authorization: NOBODYS, context: { authorization: NOBODYS } })
    expect(delegator.asked).toEqual([['alice', 4]])
  })

  test('nothing, where the token is refused', async () => {
    const refused = new Fault('delegation_refused', 'no')
    for (const answer of [
      () => Promise.reject(refused),
      () => {
        throw refused
      },
    ]) {
      const delegator = delegatorOf(answer)
      const shape = { ways: ['a'], principal: somebody('alice') } as const
      await expect(delegated({ a: { up: true, delegator } }, shape)).rejects.toBe(refused)
    }
  })

  test('nothing more of a call that is in the air', async () => {
    const delegator = delegatorOf(() => NOBODYS)
    const continuation = { kind: 'parked', upstream: 'a', id: 'x', round: 1 } as const
    const shape = { ways: ['a'], principal: somebody('alice'), continuation } as const
    const { authorization } = await delegated({ a: { up: true, delegator } }, shape)
    expect([authorization, delegator.asked]).toEqual([undefined, []])
  })

  test('row 61: in a session or process that no other principal has', async () => {
    const contexts = await Promise.all(
      ['alice', 'bob', 'alice'].map(async (key) => {
        const shape = { ways: ['a'], principal: somebody(key) } as const
        return (await delegated({ a: { up: true, kind: 'stdio' } }, shape)).context
      }),
    )
    const { context: shared } = await delegated({ a: { up: true } }, { ways: ['a'] })
    for (const of of ['key', 'whose'] as const) {
      const keys = contexts.map((context) => context[of])
      expect([keys[0] === keys[2], keys[0] === keys[1]]).toEqual([true, false])
      expect(keys).not.toContain(shared[of])
    }
  })

  test('whose session it is, where callers must not share one', async () => {
    const shapes = { alone: { up: true, isolate: 'session' }, shared: { up: true } } as const
    const contextOf = async (way: string, session?: string): Promise<Context> => {
      const shape = { ways: [way] as const, ...(session !== undefined && { session }) }
      return (await delegated(shapes, shape)).context
    }
    expect(await contextOf('alone', 's1')).toEqual({ key: 's1\n', whose: 's1', offered: '' })
    expect(await contextOf('alone')).toBe(SHARED)
    expect(await contextOf('shared', 's1')).toBe(SHARED)
  })

  test('what it can ask: callers who can be asked different things share nothing', async () => {
    expect(await contextFor({})).toBe(SHARED)
    expect(await contextFor({ vendor: {}, experimental: { x: {} } })).toBe(SHARED)
    const form = await contextFor({ elicitation: {} })
    const offered = '"elicitation":{}'
    expect(form).toEqual({ key: `\n${offered}`, whose: SHARED.whose, offered })
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
