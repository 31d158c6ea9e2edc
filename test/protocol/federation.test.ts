import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  enterNode,
  FEDERATION,
  FEDERATION_VERSION,
  isNodeId,
  nextTrail,
  readSettings,
  readTrail,
  type HopTrail,
} from '../../protocol/federation.ts'
import { faultOf } from './fault.ts'

const LIMIT = 8
const nodes = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), {
  maxLength: 14,
})

/** Sends a request along `chain`; where it ended and why. Every node has its own limit. */
function travel(
  chain: readonly string[],
  limits: readonly number[],
): { trails: HopTrail[]; stopped: string | undefined } {
  const trails: HopTrail[] = []
  let wire: unknown
  for (const [index, self] of chain.entries()) {
    const fault = faultOf(() => {
      const trail = enterNode(readTrail(wire, limits[index % limits.length] ?? LIMIT), self)
      trails.push(trail)
      wire = JSON.parse(JSON.stringify(nextTrail(trail, self)))
    })
    if (fault !== undefined) return { trails, stopped: fault.code }
  }
  return { trails, stopped: undefined }
}

describe('a request along a chain of nodes', () => {
  const limits = fc.array(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 5 })

  test('law: the budget shrinks with every hop and the path grows by one', () => {
    fc.assert(
      fc.property(nodes, limits, (chain, each) => {
        const { trails } = travel(chain, each)
        expect(trails.length).toBeLessThanOrEqual(each[0] ?? 0)
        trails.forEach((trail, index) => {
          expect(trail.path).toEqual(chain.slice(0, index))
          expect(trail.budget).toBeGreaterThanOrEqual(1)
          expect(trail.budget).toBeLessThanOrEqual(each[index % each.length] ?? 0)
          const before = trails[index - 1]
          expect(before === undefined || trail.budget < before.budget).toBe(true)
        })
      }),
    )
  })

  test('law: no request enters a node twice', () => {
    fc.assert(
      fc.property(nodes, limits, (chain, each) => {
        const { trails, stopped } = travel(chain, each)
        const entered = chain.slice(0, trails.length)
        expect(new Set(entered).size).toBe(entered.length)
        const next = chain[trails.length]
        expect(stopped).toBe(
          next === undefined ? undefined : entered.includes(next) ? 'loop' : 'hop_budget',
        )
      }),
    )
  })

  test('the budget counts the nodes that are entered', () => {
    expect(travel(['a', 'b', 'c'], [2])).toMatchObject({ stopped: 'hop_budget' })
    expect(travel(['a', 'b', 'c'], [2]).trails).toHaveLength(2)
    expect(travel(['a', 'b', 'c'], [3]).stopped).toBeUndefined()
  })

  test('a loop says where, to the operator', () => {
    expect(() => enterNode({ budget: 0, path: ['a', 'b'] }, 'a')).toThrow(
      expect.objectContaining({ code: 'loop', data: { node: 'a', path: ['a', 'b'] } }) as Error,
    )
  })
})

describe('the trail a request comes with', () => {
  test('without one it may go as far as this node allows, and never farther', () => {
    expect(readTrail(undefined, LIMIT)).toEqual({ budget: LIMIT, path: [] })
    expect(readTrail({ budget: 1e300, path: [] }, LIMIT).budget).toBe(LIMIT)
    expect(readTrail({ budget: 3, path: ['a'] }, LIMIT)).toEqual({ budget: 3, path: ['a'] })
    expect(readTrail({ budget: 3, path: ['a'], later: true }, LIMIT)).toEqual({
      budget: 3,
      path: ['a'],
    })
  })

  test.each([0, -1, -1e9])('a budget of %d enters nothing', (budget) => {
    expect(() => enterNode(readTrail({ budget, path: [] }, LIMIT), 'a')).toThrow(
      expect.objectContaining({ code: 'hop_budget' }) as Error,
    )
  })

  const malformed = expect.objectContaining({ code: 'invalid_params' }) as Error

  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 3],
    ['a list', []],
    ['no budget', { path: [] }],
    ['a fraction', { budget: 1.5, path: [] }],
    ['a budget as text', { budget: '3', path: [] }],
    ['no path', { budget: 3 }],
    ['a path as text', { budget: 3, path: 'a' }],
    ['an empty node', { budget: 3, path: [''] }],
    ['a node that is a number', { budget: 3, path: [1] }],
    ['a node with a space', { budget: 3, path: ['a b'] }],
    ['a node too long', { budget: 3, path: ['a'.repeat(65)] }],
    ['a path too long', { budget: 3, path: Array(65).fill('a') }],
  ])('%s is refused: it must be no way round the budget', (_, value) => {
    expect(() => readTrail(value, LIMIT)).toThrow(malformed)
  })

  test('law: any value is a trail within the limit or refused', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (budget, path) => {
        for (const value of [budget, { budget, path }]) {
          let trail: HopTrail = { budget: 0, path: [] }
          const fault = faultOf(() => {
            trail = readTrail(value, LIMIT)
          })
          expect([undefined, 'invalid_params']).toContain(fault?.code)
          expect(trail.budget).toBeLessThanOrEqual(LIMIT)
          expect(trail.path.every(isNodeId)).toBe(true)
        }
      }),
    )
  })
})

describe('what a node says of itself', () => {
  const settings = { version: FEDERATION_VERSION, node: 'n', organisation: 'acme', name: 'edge' }

  test('is read from the extensions of 2026 and the experimental part of 2025', () => {
    const said = { [FEDERATION]: { ...settings, later: 1 } }
    const read = { ...settings, uris: 'exposed' }
    expect(readSettings({ extensions: said })).toEqual(read)
    expect(readSettings({ experimental: said })).toEqual(read)
    expect(readSettings({ extensions: { other: {} }, experimental: said })).toEqual(read)
    const plain = { [FEDERATION]: { ...settings, uris: 'plain' } }
    expect(readSettings({ extensions: plain })).toEqual({ ...settings, uris: 'plain' })
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [settings]],
    ['another version', { ...settings, version: FEDERATION_VERSION + 1 }],
    ['no version', { ...settings, version: undefined }],
    ['a node that is none', { ...settings, node: 'a b' }],
    ['no organisation', { ...settings, organisation: undefined }],
    ['a name that is a number', { ...settings, name: 7 }],
  ])('%s: it is no node', (_, value) => {
    expect(readSettings({ extensions: { [FEDERATION]: value } })).toBeUndefined()
  })

  test.each([undefined, null, [], 'x', {}, { extensions: [] }, { extensions: null }])(
    '%j: it is no node',
    (value) => {
      expect(readSettings(value)).toBeUndefined()
    },
  )
})
