// How a node finds out the era of an upstream, and that it has changed.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, type Era } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(era: Era): Promise<FixtureServer> {
  const fixture = await FixtureServer.start({ era })
  fixtures.push(fixture)
  return fixture
}

function eraOf(node: BanyanNode): Era | undefined {
  return node.status().upstreams[0]?.era
}

describe('the era of an upstream', () => {
  test.each([
    ['-32020', 400, CODE.headerMismatch],
    ['-32021', 400, CODE.missingCapability],
    ['-32022', 400, CODE.unsupportedVersion],
    ['-32022 under 200', 200, CODE.unsupportedVersion],
  ])('row 6: %s to the probe never leads to initialize', async (_what, status, code) => {
    const fixture = await server('2026')
    fixture.on('server/discover', (exchange) => exchange.error({ code, message: 'no' }, status))
    const node = await mesh.front('front', fixture.url)
    expect(fixture.received('server/discover').length).toBeGreaterThan(0)
    expect(fixture.received('initialize')).toEqual([])
    expect(node.status().upstreams[0]?.problem).toContain(String(code))
    // And it is no dead end: the server comes to its senses, the link comes up.
    fixture.off('server/discover')
    await until(() => eraOf(node) === '2026', 'the link to come up')
    expect(fixture.received('initialize')).toEqual([])
  })

  test.each([
    ['400 without JSON', 400, 'Bad Request', 'text/plain'],
    ['404 without JSON', 404, '<html>', 'text/html'],
    ['405 without a body', 405, '', 'text/plain'],
    ['400 with JSON that is no JSON-RPC', 400, '{"error":"no session"}', 'application/json'],
  ])('row 6: %s means initialize', async (_what, status, body, type) => {
    const fixture = await server('2025')
    fixture.on('server/discover', (exchange) =>
      exchange.raw(body, { status, headers: { 'content-type': type } }),
    )
    const node = await mesh.front('front', fixture.url)
    expect(eraOf(node)).toBe('2025')
    expect(fixture.received('initialize')).toHaveLength(1)
    expect(fixture.violations).toEqual([])
  })

  test.each([
    ['-32601', 200, CODE.methodNotFound],
    ['-32600 under 400', 400, CODE.invalidRequest],
    ['-32000 under 400', 400, CODE.legacyTransport],
    ['-32601 under 404', 404, CODE.methodNotFound],
  ])('row 6: another JSON-RPC error means initialize: %s', async (_what, status, code) => {
    const fixture = await server('2025')
    fixture.on('server/discover', (exchange) => exchange.error({ code, message: 'no' }, status))
    const node = await mesh.front('front', fixture.url)
    expect(eraOf(node)).toBe('2025')
  })

  test.each([500, 503, 401, 429])('row 6: %i says nothing of the era', async (status) => {
    const fixture = await server('2026')
    fixture.on('server/discover', (exchange) => exchange.empty(status))
    const node = await mesh.front('front', fixture.url)
    expect(fixture.received('initialize')).toEqual([])
    expect(node.status().upstreams[0]).toMatchObject({ phase: 'down', era: undefined })
  })

  test('row 6: silence on stdio means initialize', async () => {
    const stdio = stdioCommand({ era: '2025', silentTo: 'server/discover' })
    const node = await mesh.ready('front', {
      upstreams: { child: { stdio } },
      namespaces: { fx: { from: ['child'] } },
    })
    expect(eraOf(node)).toBe('2025')
    const caller = await callerOf('2026', node.endpointUrl('main'))
    expect(textOf(await caller.call('fx__echo', { message: 'old' }))).toBe('old')
    expect(textOf(await caller.call('fx__violations'))).toBe('[]')
  })
})

describe.each(ERAS)('an upstream of era %s that is replaced by one of the other', (from) => {
  const to: Era = from === '2025' ? '2026' : '2025'

  test.each(ERAS)('row 7: is called in its new era at once (%s caller)', async (era) => {
    const fixture = await server(from)
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(textOf(await caller.call('fx__echo', { message: 'before' }))).toBe('before')
    expect(eraOf(node)).toBe(from)

    await fixture.restart(to)
    expect(textOf(await caller.call('fx__echo', { message: 'after' }))).toBe('after')
    expect(eraOf(node)).toBe(to)
    expect(textOf(await caller.call('fx__progress', { steps: 1 }))).toBe('1 steps')
    expect(await caller.names()).toContain('fx__echo')
  })

  test('row 7: and back again, without a call that asks for it', async () => {
    const fixture = await server(from)
    const node = await mesh.front('front', fixture.url)
    await fixture.restart(to)
    await until(() => eraOf(node) === to, 'the new era')
    await fixture.restart(from)
    await until(() => eraOf(node) === from, 'the old era')
    const caller = await callerOf('2026', node.endpointUrl('main'))
    expect(textOf(await caller.call('fx__echo', { message: 'back' }))).toBe('back')
  })
})
