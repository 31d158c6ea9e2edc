// The trail of a request: remembered by its text, and never longer for it than this node allows.
import { expect, test } from 'vitest'
import { trailOf, type MethodParts } from '../../../node/inbound/methods.ts'
import { FEDERATION } from '../../../protocol/federation.ts'
import { readBody, type RpcRequest } from '../../../protocol/jsonrpc.ts'

function request(meta: object): RpcRequest {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { _meta: meta } }
  const read = readBody(Buffer.from(JSON.stringify(body)), { jsonDepth: 20, metaBytes: 9_000 })
  if (read.batch || read.message.kind !== 'request') throw new Error('not a request')
  return read.message
}

function node(hopBudget: number): MethodParts {
  return { hopBudget, identity: { federation: { node: 'self' } } } as unknown as MethodParts
}

test('of equal texts is the same for each node, within the budget of each', () => {
  const trail = { [FEDERATION]: { budget: 9, path: ['a', 'b'] } }
  for (const budget of [3, 16, 3]) {
    const allowed = { budget: Math.min(9, budget), path: ['a', 'b'] }
    expect(trailOf(request(trail), node(budget))).toEqual(allowed)
  }
})

test('of a caller that sends none begins here', () => {
  expect(trailOf(request({}), node(5))).toEqual({ budget: 5, path: [] })
  expect(trailOf(request({}), node(7))).toEqual({ budget: 7, path: [] })
})

test('that is malformed or forms a loop is refused each time', () => {
  for (let turn = 0; turn < 2; turn += 1) {
    const bad = request({ [FEDERATION]: { budget: 'x', path: [] } })
    expect(() => trailOf(bad, node(5))).toThrow(/must be/)
    const loop = request({ [FEDERATION]: { budget: 5, path: ['self'] } })
    expect(() => trailOf(loop, node(5))).toThrow(/loop/)
  }
})
