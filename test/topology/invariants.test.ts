// The numbered invariants of a mesh, over random meshes and random faults; more seeds by `npm run fuzz:topology`.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAWS, propertyOf } from './laws.ts'
import { build } from './scenario.ts'

/** A failure says the seed and the path that repeat it. */
const RUNS = { numRuns: 60 }

describe('over random meshes and faults', () => {
  test.each(Object.entries(LAWS))('law %s holds', (_, law) => {
    expect(() => fc.assert(propertyOf(law), RUNS)).not.toThrow()
  })
})

describe('liveness, once faults have stopped', () => {
  test('a bus that is off for long makes nobody forget anybody', () => {
    const sim = build({ seed: 1, nodes: 4, links: [[0, 1]], steps: [] })
    sim.run(10_000)
    sim.bus('acme').set(false)
    sim.run(3 * 3_600_000)
    sim.bus('acme').set(true)
    sim.run(60_000)
    const known = [...sim.nodes.values()].map(({ speaker }) =>
      [...(speaker?.db.nodes() ?? [])].filter((id) => speaker?.db.get(id) !== undefined),
    )
    expect(known.map(({ length }) => length)).toEqual([4, 4, 4, 4])
  })

  test('a node that is gone for good is forgotten, by those who hear the bus', () => {
    const sim = build({ seed: 1, nodes: 3, links: [], steps: [] })
    sim.run(10_000)
    sim.nodes.get('n2')?.crash()
    sim.run(2 * 3_600_000)
    expect(sim.nodes.get('n0')?.speaker?.db.get('n2')).toBeUndefined()
    expect(sim.nodes.get('n0')?.speaker?.db.get('n1')).toBeDefined()
  })

  test('names of what is gone are held for their time, and are the same when it comes back', () => {
    const sim = build({ seed: 1, nodes: 2, links: [[0, 1]], steps: [] })
    sim.run(10_000)
    const entry = () => sim.nodes.get('n0')?.speaker?.fib.get('n1 ns')
    const before = entry()?.last.revision
    sim.nodes.get('n1')?.crash()
    sim.run(30_000)
    expect(entry()?.candidates).toEqual([])
    sim.run(60_000)
    expect(entry()).toBeUndefined()
    sim.nodes.get('n1')?.start()
    sim.run(120_000)
    expect(entry()?.candidates[0]?.route.revision).toBe(before)
  })
})
