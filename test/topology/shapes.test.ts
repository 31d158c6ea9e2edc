import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../topology/sim/random.ts'
import { shapeOf, type Plan, type Shape, type ShapeParameters } from '../../topology/sim/shapes.ts'

function make(shape: Shape, parameters: ShapeParameters, seed = 1): Plan {
  return shapeOf(shape, parameters, new SeededRandom(seed))
}

/** Nodes that can be reached from the first, whichever way links lead. */
function connected({ links, nodes }: Plan): boolean {
  const near = Map.groupBy(
    links.flatMap(([a, b]): (readonly [number, number])[] => [
      [a, b],
      [b, a],
    ]),
    ([from]) => from,
  )
  const found = new Set([0])
  for (const at of found) for (const [, to] of near.get(at) ?? []) found.add(to)
  return found.size === nodes
}

const plans: fc.Arbitrary<readonly [Shape, ShapeParameters]> = fc.oneof(
  fc.tuple(fc.constantFrom<Shape>('line', 'ring', 'star', 'clique'), sizes(3, 30)),
  fc.tuple(fc.constant<Shape>('tree'), fc.record({ k: between(1, 4), depth: between(1, 4) })),
  fc.tuple(
    fc.constantFrom<Shape>('grid', 'torus'),
    fc.record({ a: between(3, 6), b: between(3, 6) }),
  ),
  fc.tuple(fc.constant<Shape>('scale-free'), fc.record({ n: between(5, 60), m: between(1, 4) })),
  fc.tuple(
    fc.constant<Shape>('clos'),
    fc.record({ a: between(1, 4), b: between(1, 4), c: between(1, 4) }),
  ),
  fc.tuple(fc.constant<Shape>('hub-spoke'), fc.record({ a: between(1, 4), b: between(1, 9) })),
)

function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max })
}

function sizes(min: number, max: number): fc.Arbitrary<ShapeParameters> {
  return fc.record({ n: between(min, max) })
}

describe('generated meshes', () => {
  test('law: all nodes hang together, and no link stands twice or leads to its own node', () => {
    fc.assert(
      fc.property(plans, fc.nat(), ([shape, parameters], seed) => {
        const plan = make(shape, parameters, seed)
        expect(connected(plan)).toBe(true)
        const keys = plan.links.map(([a, b]) => `${a} ${b}`)
        expect(new Set(keys).size).toBe(keys.length)
        expect(
          plan.links.filter(([a, b]) => a === b || a >= plan.nodes || b >= plan.nodes),
        ).toEqual([])
      }),
    )
  })

  test('law: a seed makes the same mesh again', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const parameters = { n: 40, k: 4, p: 0.3, m: 2 }
        for (const shape of ['small-world', 'scale-free', 'random'] as const) {
          expect(make(shape, parameters, seed)).toEqual(make(shape, parameters, seed))
        }
      }),
      { numRuns: 20 },
    )
  })

  test.each([
    ['line', { n: 4 }, 4, 6],
    ['ring', { n: 4 }, 4, 8],
    ['star', { n: 4 }, 4, 6],
    ['clique', { n: 4 }, 4, 12],
    ['tree', { k: 4, depth: 3 }, 85, 84],
    ['grid', { a: 8, b: 8 }, 64, 224],
    ['torus', { a: 4, b: 4 }, 16, 64],
    ['small-world', { n: 20, k: 4, p: 0 }, 20, 80],
    ['clos', { a: 2, b: 3, c: 2 }, 7, 12],
    ['hub-spoke', { a: 3, b: 6 }, 9, 30],
    ['random', { n: 5, p: 1 }, 5, 20],
  ] as const)('%s %j has %i nodes and %i links', (shape, parameters, nodes, links) => {
    const plan = make(shape, parameters)
    expect([plan.nodes, plan.links.length]).toEqual([nodes, links])
  })

  test('a parameter that is missing, or makes no sense, is named', () => {
    expect(() => make('ring', {})).toThrow('ring needs n from 3')
    expect(() => make('random', { n: 5, p: 2 })).toThrow('p from 0 to 1')
    expect(() => make('tree', { k: 100, depth: 9 })).toThrow('too large')
  })
})
