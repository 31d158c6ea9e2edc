import { expect, test } from 'vitest'
import { byFunction, byOwner, ownerOf, type CpuProfile } from './cpu-profile.ts'

function node(id: number, functionName: string, url: string): CpuProfile['nodes'][number] {
  return { id, callFrame: { functionName, url, lineNumber: 41 } }
}

const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(idle)', ''),
    node(2, 'relay', 'file:///src/node/hop/relay.ts'),
    node(3, 'relay', 'file:///src/node/hop/relay.ts'),
    node(4, 'write', 'file:///src/node_modules/undici/lib/core/request.js'),
    node(5, '', 'node:_http_server'),
  ],
  samples: [1, 2, 3, 4, 5, 1],
  timeDeltas: [5, 1_000, 100, 200, 60, 40],
}

test('a sample stands for the time until the next, calls of one function are summed, waiting is left out', () => {
  expect(byFunction(PROFILE)).toEqual([
    { where: 'relay hop/relay.ts:42', microseconds: 300, share: 0.75 },
    { where: 'write core/request.js:42', microseconds: 60, share: 0.15 },
    { where: '(anonymous) node:_http_server:42', microseconds: 40, share: 0.1 },
  ])
})

test('time is summed by owner', () => {
  expect(byOwner(PROFILE).map(({ where }) => where)).toEqual(['node/hop/', 'undici', 'node'])
})

test.each([
  ['file:///a/node_modules/@scope/name/dist/x.js', 'f', '@scope/name'],
  ['file:///a/node_modules/b/node_modules/c/x.js', 'f', 'c'],
  ['file:///a/protocol/names.ts', 'f', 'protocol/'],
  ['', '(garbage collector)', '(garbage collector)'],
  ['', 'writev', '(native)'],
])('%s %s belongs to %s', (url, functionName, owner) => {
  expect(ownerOf({ functionName, url, lineNumber: 0 })).toBe(owner)
})
