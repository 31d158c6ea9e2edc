// Which way is followed, with links that stand for upstreams of any state.
import { expect, test } from 'vitest'
import { parseConfig } from '../../../node/core/config.ts'
import type { Entry } from '../../../node/core/stages.ts'
import { NO_RANK, type WayRank } from '../../../node/core/way-rank.ts'
import { probeWay, type ProbeGround } from '../../../node/control/probe-way.ts'
import type { Upstream } from '../../../node/hop/exchange.ts'
import type { Connection } from '../../../node/outbound/connection.ts'
import { Fault } from '../../../protocol/errors.ts'
import { FEDERATION_VERSION, PROBE_METHOD, type HopTrail } from '../../../protocol/federation.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'

interface Stand {
  readonly kind?: Upstream['kind']
  readonly node?: string
  /** Faults the link has, in place of answers. */
  readonly fault?: Fault
}

const asked: string[] = []

function upstream(label: string, { kind = 'http', node, fault }: Stand = {}): [string, Upstream] {
  const federation =
    node === undefined
      ? undefined
      : { version: FEDERATION_VERSION, organisation: 'o', name: node, node }
  const connection: Pick<Connection, 'era' | 'server' | 'meta' | 'send'> = {
    era: '2026',
    server: { capabilities: {}, name: `server ${label}`, federation },
    meta: () => '',
    send: ({ id, method }, sink) => {
      asked.push(`${label} ${method}`)
      const hop = { node: node ?? '', name: node ?? '', organisation: 'o', called: 'x' }
      const answer = { resultType: 'complete', end: 'reached', server: 's', hops: [hop] }
      const result = method === PROBE_METHOD ? answer : {}
      if (fault !== undefined) sink.failed(fault, true)
      else {
        const text = JSON.stringify({ jsonrpc: '2.0', id, result })
        sink.response(readUpstreamMessage(Buffer.from(text)))
      }
      return { cancel: () => undefined, resume: () => undefined }
    },
  }
  const link = { label, current: () => connection }
  return [label, { link, kind, delegator: undefined } as unknown as Upstream]
}

const config = parseConfig({
  node: { name: 'here', organisation: 'acme', state: 'memory' },
  upstreams: { x: { http: { url: 'http://127.0.0.1:1/mcp' } } },
  endpoints: {},
})

function ground(upstreams: readonly [string, Upstream][], ways: WayRank = NO_RANK): ProbeGround {
  asked.splice(0)
  const registry = { upstreams: new Map(upstreams) } as unknown as ProbeGround['registry']
  return { config, registry, self: 'self', ways }
}

function entry(...labels: string[]): Entry {
  const candidates = labels.map((label) => ({ upstream: label, name: `at-${label}` }))
  return { kind: 'tool', name: 'x', candidates } as unknown as Entry
}

function asking(trail: HopTrail = { budget: 8, path: [] }): Parameters<typeof probeWay>[1] {
  return { endpoint: 'main', trail }
}

const DOWN = new Fault('upstream_unavailable', 'it is down')

test('it is the way a call takes: the best by the mesh', async () => {
  const reversed: WayRank = { ...NO_RANK, order: (_, labels) => labels.toReversed() }
  const from = ground([upstream('a'), upstream('b')], reversed)
  const { end, hops, server } = await probeWay(from, asking(), entry('a', 'b'))
  expect([end, hops[0]?.upstream, server]).toEqual(['reached', 'b', 'server b'])
  expect(asked).toEqual(['b server/discover'])
})

test('where nothing can be sent a call goes the next way, and so does this', async () => {
  const from = ground([upstream('a', { fault: DOWN }), upstream('b', { kind: 'stdio' })])
  const { end, hops } = await probeWay(from, asking(), entry('a', 'b'))
  expect([end, hops]).toMatchObject([
    'reached',
    [{ upstream: 'b', transport: 'stdio', passed: [{ upstream: 'a' }] }],
  ])
})

test('no more ways are tried than whoever waits has time for', async () => {
  const labels = ['a', 'b', 'c', 'd', 'e']
  const from = ground(labels.map((label) => upstream(label, { fault: DOWN })))
  const { end, problem, hops } = await probeWay(from, asking(), entry(...labels))
  expect([end, problem]).toEqual(['unreached', 'upstream "c" does not answer: it is down'])
  expect(hops[0]?.passed).toHaveLength(3)
})

test('a node that was passed is not asked, and none beyond the budget', async () => {
  const next = upstream('b', { kind: 'node', node: 'b' })
  const loop = await probeWay(ground([next]), asking({ budget: 8, path: ['b'] }), entry('b'))
  expect(loop).toMatchObject({
    end: 'unreached',
    problem: expect.stringContaining('passed') as string,
  })
  expect(asked).toEqual(['b server/discover'])
  const far = await probeWay(ground([next]), asking({ budget: 1, path: ['a'] }), entry('b'))
  expect(far).toMatchObject({
    end: 'unreached',
    problem: expect.stringContaining('budget') as string,
  })
  expect(asked).toEqual([])
  const near = await probeWay(ground([next]), asking({ budget: 2, path: ['a'] }), entry('b'))
  expect(near).toMatchObject({ end: 'reached', hops: [{ node: 'self' }, { node: 'b' }] })
})

test('a gateway that is no node of ours is one that does not say', async () => {
  const from = ground([upstream('g', { kind: 'node' })])
  const { end, hops } = await probeWay(from, asking(), entry('g'))
  expect([end, hops]).toMatchObject(['unsaid', [{ upstream: 'g' }, { name: 'server g' }]])
})
