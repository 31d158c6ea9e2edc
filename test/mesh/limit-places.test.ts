// Limits of how much at a time: places come back however a request ends, and what waits for its caller counts once.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import {
  callModern,
  legacySession,
  send,
  streamModern,
  type RawReply,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { ERAS, textOf, type MeshCaller } from './caller.ts'
import {
  LIMITED,
  LimitedNode,
  refusals,
  refusedBy,
  type Limits,
  type LimitedOptions,
} from './limited.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  fixture.gate.open()
  await mesh.close()
  await fixture.close()
})

function limited(limits: Limits, options: LimitedOptions = {}): Promise<LimitedNode> {
  return LimitedNode.start(mesh, fixture, limits, options)
}

const ONE: Limits = { one: { for: '*', methods: ['call'], concurrent: 1 } }

function echo(caller: MeshCaller): Promise<RawReply> {
  return caller.call('fx__echo', { message: 'x' })
}

/** Waits until a call gets through, and gives what it says. */
function freed(caller: MeshCaller): Promise<string> {
  return until(async () => {
    const reply = await echo(caller)
    return refusedBy(reply) === undefined ? textOf(reply) : undefined
  }, 'a place')
}

describe.each(ERAS)('a caller of era %s', (era) => {
  test('waits for the answer to what it has asked; others do not wait for it', async () => {
    const limits = await limited(ONE)
    const [ann, bob] = [await limits.as(era, 'ann'), await limits.as(era, 'bob')]
    const call = ann.begin('fx__slow', { message: 'through' })
    await until(() => fixture.calls('slow').length === 1, 'the call')
    const refused = await echo(ann)
    expect(refused.error).toEqual({
      code: LIMITED,
      message:
        'limit "one" of acme/edge is used up: 1 at a time; wait for the answer to one of them',
      data: { limit: 'one', node: limits.node.id },
    })
    expect(refused.headers).toMatchObject({
      'ratelimit-policy': '"one.concurrent";q=1;qu="concurrent-requests"',
      ratelimit: '"one.concurrent";r=0',
    })
    expect(refused.headers).not.toHaveProperty('retry-after')
    expect(fixture.calls('echo')).toEqual([])
    expect(textOf(await echo(bob))).toBe('x')
    fixture.gate.open()
    expect(textOf({ result: objectAt(await call.answer, 'result') })).toBe('through')
    expect(textOf(await echo(ann))).toBe('x')
  })

  test('has its place back when it cancels', async () => {
    const limits = await limited(ONE)
    const ann = await limits.as(era, 'ann')
    const call = ann.begin('fx__slow')
    await until(() => fixture.calls('slow').length === 1, 'the call')
    await call.cancel()
    expect(await freed(ann)).toBe('x')
  })

  test('has its place back when the upstream does not answer in time', async () => {
    const limits = await limited(ONE, { upstream: { timeout: '200ms' } })
    const ann = await limits.as(era, 'ann')
    const call = ann.begin('fx__slow')
    expect(objectAt(await call.answer, 'error')).toMatchObject({ code: -31_004 })
    expect(await freed(ann)).toBe('x')
  })

  test('has its place back when the upstream dies', async () => {
    const limits = await limited(ONE)
    const ann = await limits.as(era, 'ann')
    const call = ann.begin('fx__slow')
    await until(() => fixture.calls('slow').length === 1, 'the call')
    await fixture.restart()
    expect(objectAt(await call.answer, 'error')).toHaveProperty('code')
    expect(await freed(ann)).toBe('x')
  })

  test('has its place back whatever it asked for', async () => {
    const limits = await limited({ one: { for: '*', concurrent: 1 } })
    const ann = await limits.as(era, 'ann')
    const asks = [
      () => ann.call('fx__none'),
      () => ann.call('fx__fail'),
      () => ann.call('fx__error', { code: -1, message: 'no' }),
      () => ann.ask('tools/call', { name: 7 }),
      () => ann.ask('tools/list'),
      () => ann.ask('tools/list', { cursor: 'none' }),
      () => ann.ask('resources/read', { uri: 'none:x' }),
      () => ann.ask('completion/complete', { ref: { type: 'ref/x' } }),
      () => echo(ann),
    ]
    expect(await refusals(asks)).toEqual(asks.map(() => undefined))
  })
})

test('a caller of 2026 that hangs up has its place back', async () => {
  const limits = await limited(ONE)
  const ann = await limits.as('2026', 'ann')
  const call = ann.begin('fx__slow')
  await until(() => fixture.calls('slow').length === 1, 'the call')
  call.hangUp()
  expect(await freed(ann)).toBe('x')
})

test('one of 2025 that hangs up has not cancelled: its place comes back with the end of the call', async () => {
  const limits = await limited(ONE)
  const ann = await limits.as('2025', 'ann')
  const call = ann.begin('fx__slow')
  await until(() => fixture.calls('slow').length === 1, 'the call')
  call.hangUp()
  expect(refusedBy(await echo(ann))).toBe('one')
  fixture.gate.open()
  expect(await freed(ann)).toBe('x')
})

test('a session that is ended gives all its places back', async () => {
  const limits = await limited(ONE)
  const url = limits.node.endpointUrl('main')
  const session = await legacySession(url, { headers: limits.people.headers('ann') })
  const ended = session.call('tools/call', { name: 'fx__slow', arguments: {} })
  await until(() => fixture.calls('slow').length === 1, 'the call')
  await session.delete()
  await ended
  expect(await freed(await limits.as('2025', 'ann'))).toBe('x')
})

test('an open listen takes a place only of a limit that names it', async () => {
  const limits = await limited({
    all: { for: '*', concurrent: 1 },
    streams: { for: '*', methods: ['subscribe'], concurrent: 1 },
  })
  const url = limits.node.endpointUrl('main')
  const options = { headers: limits.people.headers('ann') }
  const wanted = { notifications: { toolsListChanged: true } }
  const first = await streamModern(url, 'subscriptions/listen', wanted, options)
  await first.next()
  const ann = await limits.as('2026', 'ann')
  expect(textOf(await echo(ann))).toBe('x')
  const second = await callModern(url, 'subscriptions/listen', wanted, options)
  expect(refusedBy(second)).toBe('streams')
  const session = await legacySession(url, options)
  const get = { method: 'GET', headers: { ...session.headers, accept: 'text/event-stream' } }
  expect((await send(url, get)).status).toBe(429)
  first.close()
  const opened = await until(async () => {
    const stream = await session.get()
    return stream.status === 200 ? stream : undefined
  }, 'the place')
  expect(refusedBy(await callModern(url, 'subscriptions/listen', wanted, options))).toBe('streams')
  opened.close()
})

async function asking(
  era: '2025' | '2026',
  limits: Limits,
): Promise<{
  readonly limits: LimitedNode
  readonly call: (more?: JsonObject) => Promise<RawReply>
}> {
  await fixture.close()
  fixture = await FixtureServer.start({ era })
  const node = await limited(limits)
  const options = {
    headers: node.people.headers('ann'),
    capabilities: { elicitation: { form: {} } },
  }
  const params = { name: 'fx__ask_stateful', arguments: {} }
  const url = node.node.endpointUrl('main')
  return {
    limits: node,
    call: (more = {}) => callModern(url, 'tools/call', { ...params, ...more }, options),
  }
}

describe('a call that waits for its caller', () => {
  const answered = { form: { action: 'accept', content: { name: 'Ada' } } }

  test('counts once, and holds no place while it waits; what it left behind is of no use', async () => {
    const { limits, call } = await asking('2025', {
      few: { for: '*', methods: ['call'], rate: '1/m', concurrent: 1 },
    })
    const first = await call()
    const { requestState } = first.result
    const [question = ''] = Object.keys(objectAt(first.result, 'inputRequests'))
    const retry = { inputResponses: { [question]: answered.form }, requestState }
    expect(refusedBy(await call())).toBe('few')
    expect(textOf(await call(retry))).toContain('Ada')
    // Taken up already: it counts as any other.
    expect(refusedBy(await call(retry))).toBe('few')
    limits.pass(60_000)
    expect((await call(retry)).error.code).toBe(-32_602)
    expect(refusedBy(await call())).toBe('few')
  })

  test('counts anew where an upstream of 2026 does not wait for it: a retry is a request like any', async () => {
    const { limits, call } = await asking('2026', {
      few: { for: '*', methods: ['call'], rate: '1/m' },
    })
    const { requestState } = (await call()).result
    const retry = { inputResponses: answered, requestState }
    expect(refusedBy(await call(retry))).toBe('few')
    limits.pass(60_000)
    expect(textOf(await call(retry))).toContain('Ada')
  })
})
