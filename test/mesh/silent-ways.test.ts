// Calls in the air to a node that says nothing any more, over connections that look open.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { RPC } from '../../protocol/errors.ts'
import { FlakyLink } from '../chaos/flaky-link.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { text, type FixtureTool } from '../fixtures/fixture-tools.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { textOf } from './caller.ts'
import { Gossipers, UNTIL } from './gossiping.ts'

const nodes = new Gossipers()
let fixture: FixtureServer
let flaky: FlakyLink
let top: RunningNode

/** Answers at once, but the first time never. */
function stuckOnce(name: string, annotations: object): FixtureTool {
  let runs = 0
  const inputSchema = { type: 'object', properties: {} }
  return {
    definition: { name, description: name, inputSchema, annotations },
    run: () => {
      runs += 1
      return runs === 1 ? new Promise(() => undefined) : text(`${name} ${runs}`)
    },
  }
}

beforeEach(async () => {
  const read = stuckOnce('read', { readOnlyHint: true })
  const put = stuckOnce('put', { readOnlyHint: false })
  fixture = await FixtureServer.start({ tools: [read, put] })
  const home = await nodes.start({
    ...common('home'),
    upstreams: { server: { http: { url: fixture.url }, ...PATIENT } },
    namespaces: { fx: { from: ['server'] } },
  })
  const side = (name: string): Promise<RunningNode> =>
    nodes.start({ ...common(name), upstreams: { home: upstream(home.endpointUrl('main')) } })
  const left = await side('left')
  const right = await side('right')
  flaky = await FlakyLink.to(Number(new URL(left.endpointUrl('main')).port))
  top = await nodes.start({
    ...common('top'),
    upstreams: {
      left: upstream(flaky.over(left.endpointUrl('main'))),
      right: upstream(right.endpointUrl('main')),
    },
  })
  await until(() => links().join() === 'up,up', 'both links')
})

afterEach(async () => {
  await nodes.close()
  await flaky.close()
  await fixture.close()
})

function links(): readonly string[] {
  const { up } = top.mesh.current?.speaker.links ?? {}
  return [...(up?.values() ?? [])].map(({ health }) => health.state)
}

function common(name: string): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: {},
  }
}

/** So long that a test is over before the deadline of a call. */
const PATIENT = { timeout: '10m', maxTimeout: '10m' }

function upstream(url: string): object {
  return { node: { url, as: '{namespace}', link: 'http' }, ...PATIENT }
}

function call(name: string): Promise<RawReply> {
  return callModern(top.endpointUrl('main'), 'tools/call', { name: `fx__${name}`, arguments: {} })
}

test('what may be done twice goes another way, and what may not is said to have been lost', async () => {
  const read = call('read')
  const put = call('put')
  await vi.waitFor(() => expect(fixture.calls()).toHaveLength(2), UNTIL)
  flaky.freeze()
  expect(textOf(await read)).toBe('read 2')
  const { error } = await put
  expect(error).toMatchObject({ code: RPC.upstreamUnavailable })
  expect(error.message).toContain('upstream "left": the upstream has gone silent')
  expect(error).not.toHaveProperty('data.taken')
  expect(fixture.calls()).toHaveLength(3)

  // What is sent when it is back does not wait on connections that the other end has forgotten.
  flaky.heal()
  await vi.waitFor(() => expect(links()).toEqual(['up', 'up']), UNTIL)
  expect(textOf(await call('put'))).toBe('put 2')
})
