// The numbered invariants of a mesh, over random meshes and random faults.
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isDead } from '../../topology/route.ts'
import type { MeshSim } from '../../topology/sim/mesh-sim.ts'
import { compareVersions, type Version } from '../../topology/version.ts'
import { apply, build, mendAll, scenarios, type Scenario } from './scenario.ts'
import { distances, walk } from './truth.ts'

/** Longer than a link that flapped all the time needs to be up again, and three rounds of the bus. */
const QUIET_MS = 200_000

const RUNS = { numRuns: 100 }

/** Looks for versions that went back while a node ran. */
function versionWatch(sim: MeshSim): () => string[] {
  const seen = new Map<string, Version>()
  return () =>
    [...sim.nodes.values()].flatMap(({ id, life, speaker }) =>
      [...(speaker?.db.nodes() ?? [])].filter((of) => {
        const key = `${id} ${life} ${of}`
        const [before, now] = [seen.get(key), speaker?.db.version(of)]
        if (now !== undefined) seen.set(key, now)
        return before !== undefined && (now === undefined || compareVersions(now, before) < 0)
      }),
    )
}

function routesOf(
  sim: MeshSim,
): { id: string; path: string[]; organisations: readonly string[] }[] {
  return [...sim.nodes.values()].flatMap(({ id, speaker }) =>
    [...(speaker?.fib.values() ?? [])].flatMap(({ candidates }) =>
      candidates.map(({ route: { organisations, path } }) => ({
        id,
        path: path.map((step) => step.id),
        organisations,
      })),
    ),
  )
}

function repeats(items: readonly string[]): boolean {
  return new Set(items).size < items.length
}

/** Routes in use that what their node knows contradicts. */
function contradicted(sim: MeshSim): string[] {
  return [...sim.nodes.values()].flatMap(({ id, speaker }) => {
    if (speaker === undefined) return []
    return [...speaker.fib].flatMap(([key, { candidates }]) =>
      candidates
        .filter(({ route }) => isDead(route.path.slice(1), speaker.db))
        .map(({ next }) => `${id} ${key} ${next}`),
    )
  })
}

function play(scenario: Scenario, look?: (sim: MeshSim) => void): MeshSim {
  const sim = build(scenario)
  for (const { wait, command } of scenario.steps) {
    sim.run(wait)
    look?.(sim)
    apply(sim, scenario, command)
    look?.(sim)
  }
  return sim
}

/** What each node believes of each namespace, and what is so: revision, nodes on the way, and where tables lead. */
function beliefs(sim: MeshSim): { readonly held: unknown; readonly so: unknown }[] {
  const running = [...sim.nodes.values()].filter(({ speaker }) => speaker !== undefined)
  return running.flatMap(({ id, speaker }) => {
    const reach = distances(sim, id)
    return running.map((origin) => {
      const key = `${origin.id} ns`
      const revision = origin.namespaces[0]?.revision
      const hops = revision === undefined ? undefined : reach.get(origin.id)
      const route = speaker?.fib.get(key)?.candidates[0]?.route
      const path = route?.path.map((step) => step.id)
      return {
        held: { id, key, hops: path?.length, revision: route?.revision, path },
        so: {
          id,
          key,
          hops,
          revision: hops === undefined ? undefined : revision,
          path: walk(sim, id, key),
        },
      }
    })
  })
}

/** Beliefs that are wrong. */
function errors(sim: MeshSim): unknown[] {
  return beliefs(sim).filter(({ held, so }) => !isDeepStrictEqual(held, so))
}

function roots(sim: MeshSim): number {
  return new Set([...sim.nodes.values()].map(({ speaker }) => speaker?.db.tree.root())).size
}

describe('safety, at every step', () => {
  test('law: what is stored of a node never goes back', () => {
    fc.assert(
      fc.property(scenarios(true), (scenario) => {
        let watch: (() => string[]) | undefined
        const back: string[] = []
        play(scenario, (sim) => {
          watch ??= versionWatch(sim)
          back.push(...watch())
        })
        expect(back).toEqual([])
      }),
      RUNS,
    )
  })

  test('law: no route repeats a node or an organisation', () => {
    fc.assert(
      fc.property(scenarios(true), (scenario) => {
        const wrong: unknown[] = []
        play(scenario, (sim) => {
          const found = routesOf(sim).filter(
            ({ id, path, organisations }) =>
              repeats(path) || repeats(organisations) || path[0] !== id,
          )
          wrong.push(...found)
        })
        expect(wrong).toEqual([])
      }),
      RUNS,
    )
  })

  test('law: once changes are gathered, no route uses what its own nodes say is dead', () => {
    fc.assert(
      fc.property(scenarios(false), (scenario) => {
        const sim = play(scenario)
        const before = contradicted(sim)
        sim.run(11)
        expect(contradicted(sim).filter((one) => before.includes(one))).toEqual([])
      }),
      RUNS,
    )
  })
})

describe('liveness, once faults have stopped', () => {
  test('law: everyone knows the same, and the best ways there are, and nobody speaks any more', () => {
    fc.assert(
      fc.property(scenarios(false), (scenario) => {
        const sim = play(scenario)
        mendAll(sim)
        sim.run(QUIET_MS)
        expect(roots(sim)).toBe(1)
        expect(errors(sim)).toEqual([])
        const { routes } = sim.counts
        sim.run(QUIET_MS)
        expect(sim.counts.routes).toBe(routes)
      }),
      RUNS,
    )
  })

  test('law: the same with no bus, as far as links reach', () => {
    fc.assert(
      fc.property(scenarios(false), (scenario) => {
        const sim = play(scenario)
        mendAll(sim)
        sim.bus('acme').set(false)
        sim.run(QUIET_MS)
        expect(errors(sim)).toEqual([])
      }),
      RUNS,
    )
  })

  test('law: forged and replayed records change nothing, and two minds make nobody disagree for ever', () => {
    fc.assert(
      fc.property(scenarios(true), (scenario) => {
        const sim = play(scenario)
        mendAll(sim)
        sim.run(QUIET_MS)
        expect(roots(sim)).toBe(1)
        expect(errors(sim)).toEqual([])
      }),
      RUNS,
    )
  })

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

describe('a run', () => {
  test('law: repeats byte by byte from its seed', () => {
    fc.assert(
      fc.property(scenarios(true), (scenario) => {
        const [one, other] = [0, 1].map(() => {
          const events: string[] = []
          const sim = play(scenario, (of) => {
            of.log = (node, event) => events.push(`${of.now} ${node} ${JSON.stringify(event)}`)
          })
          return [...events, JSON.stringify(sim.counts)].join('\n')
        })
        expect(one).toBe(other)
      }),
      { numRuns: 30 },
    )
  })
})
