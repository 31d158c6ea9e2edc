// What always holds of a mesh, over random meshes and random faults: the laws by their numbers in topology.md's list, which
// README.md has.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { isDead } from '../../topology/route.ts'
import { NO_EXPORT } from '../../topology/route-policy.ts'
import type { MeshSim } from '../../topology/sim/mesh-sim.ts'
import { compareVersions, type Version } from '../../topology/version.ts'
import { apply, build, mendAll, ORGANISATION, scenarios, type Scenario } from './scenario.ts'
import { distances, walk } from './truth.ts'

/** Longer than a link that flapped all the time needs to be up again, and three rounds of the bus. */
const QUIET_MS = 200_000

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

function play(
  scenario: Scenario,
  look?: (sim: MeshSim) => void,
  sim: MeshSim = build(scenario),
): MeshSim {
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
      const { revision, tags = [] } = origin.namespaces[0] ?? {}
      const isKept = tags.includes(NO_EXPORT) && origin.id !== id
      const hops = revision === undefined || isKept ? undefined : reach.get(origin.id)
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

/** All faults stop, and all is quiet. */
function settled(scenario: Scenario): MeshSim {
  const sim = play(scenario)
  mendAll(sim)
  sim.run(QUIET_MS)
  return sim
}

/** The nodes on the best way to each namespace, of each node. */
function waysOf(sim: MeshSim): string[] {
  const all = [...sim.nodes.values()].flatMap(({ id, speaker }) =>
    [...(speaker?.fib ?? [])].map(([key, { candidates }]) => {
      const path = candidates[0]?.route.path.map((step) => step.id) ?? []
      return `${id}: ${key} over ${path.join(' ')}`
    }),
  )
  return all.toSorted((a, b) => (a < b ? -1 : 1))
}

/** Records and routes a node may hold, where it is flooded. */
const ROOM = { records: 16, routesPerPeer: 8 }

/** Events of a whole run, and what it cost. */
function eventsOf(scenario: Scenario): string {
  const events: string[] = []
  const sim = play(scenario, (of) => {
    of.log = (node, event) => events.push(`${of.now} ${node} ${JSON.stringify(event)}`)
  })
  return [...events, JSON.stringify(sim.counts)].join('\n')
}

/** Messages of routes a node sent at one time to one other: more than one would be one too many. */
function chatter(scenario: Scenario): string[] {
  const sim = build(scenario)
  const carry = sim.carry.bind(sim)
  const sent = new Map<string, number>()
  sim.carry = (from, to, side, message) => {
    // A peer that asks anew, or connects anew, is told anew.
    const isNews = message.type === 'routes' && !message.full
    const key = `${sim.now} ${from.id} ${to}`
    if (isNews) sent.set(key, (sent.get(key) ?? 0) + 1)
    carry(from, to, side, message)
  }
  play(scenario, undefined, sim)
  return [...sent].flatMap(([key, count]) => (count > 1 ? [key] : []))
}

/** A law: over scenarios, with liars or without. It throws where it does not hold. */
export interface Law {
  readonly says: string
  readonly attacks: boolean
  readonly check: (scenario: Scenario) => void
}

/** By name, for the command line; each name begins with the numbers it is of. */
export const LAWS: Readonly<Record<string, Law>> = {
  '2-versions': {
    says: 'what is stored of a node never goes back',
    attacks: true,
    check: (scenario) => {
      let watch: (() => string[]) | undefined
      const back: string[] = []
      play(scenario, (sim) => {
        watch ??= versionWatch(sim)
        back.push(...watch())
      })
      assert.deepEqual(back, [])
    },
  },
  '4-own': {
    says: 'what a node knows of itself is the last it said',
    attacks: true,
    check: (scenario) => {
      const wrong: string[] = []
      play(scenario, (sim) => {
        for (const { id, speaker } of sim.nodes.values()) {
          const version = speaker?.db.version(id)
          if (version !== undefined && version.inc > (speaker?.inc ?? 0)) wrong.push(id)
          if (speaker?.db.isTwofold(id) === true) wrong.push(id)
        }
      })
      assert.deepEqual(wrong, [])
    },
  },
  '7-loops': {
    says: 'no route repeats a node or an organisation',
    attacks: true,
    check: (scenario) => {
      const wrong: unknown[] = []
      play(scenario, (sim) => {
        const found = routesOf(sim).filter(
          ({ id, path, organisations }) =>
            repeats(path) || repeats(organisations) || path[0] !== id,
        )
        wrong.push(...found)
      })
      assert.deepEqual(wrong, [])
    },
  },
  '8-dead': {
    says: 'once changes are gathered, no route uses what its own nodes say is dead',
    attacks: false,
    check: (scenario) => {
      const sim = play(scenario)
      const before = contradicted(sim)
      sim.run(11)
      assert.deepEqual(
        contradicted(sim).filter((one) => before.includes(one)),
        [],
      )
    },
  },
  '17-forged': {
    says: 'what somebody makes up, or says once more, changes no way of anybody',
    attacks: false,
    check: (scenario) => {
      const sim = settled(scenario)
      const before = waysOf(sim)
      for (const what of ['forge', 'replay', 'flood'] as const) {
        for (let node = 0; node < scenario.nodes; node += 1) {
          apply(sim, scenario, { do: what, node })
        }
      }
      sim.run(1_000)
      assert.deepEqual(waysOf(sim), before)
    },
  },
  '20-room': {
    says: 'a node that is flooded holds no more than it has room for, and counts what it refused',
    attacks: true,
    check: (scenario) => {
      const sim = build(scenario, {
        db: { records: ROOM.records, ttl: 3_600_000 },
        rib: { maxDepth: 16, routesPerPeer: ROOM.routesPerPeer, staleFor: 60_000 },
      })
      play(scenario, undefined, sim)
      apply(sim, scenario, { do: 'flood', node: 0 })
      for (const { id, speaker } of sim.nodes.values()) {
        if (speaker === undefined) continue
        assert.ok(speaker.db.size <= ROOM.records, `${id} holds ${speaker.db.size} records`)
        assert.ok(speaker.db.refused > 0, `${id} counted nothing`)
        // Own, and of each peer what there is room for; names of those that are gone are still held.
        const peers = Math.max(speaker.links.up.size, sim.nodes.size)
        const most = 1 + peers * ROOM.routesPerPeer
        assert.ok(speaker.fib.size <= most, `${id} has ${speaker.fib.size} routes`)
      }
    },
  },
  '21-clocks': {
    says: 'clocks that are up to a day off change no way',
    attacks: false,
    check: (scenario) => {
      const steps = scenario.steps.filter(({ command }) => command.do !== 'skew')
      const skewed = build(scenario)
      for (const [at, node] of [...skewed.nodes.values()].entries()) {
        node.skew = ((at % 3) - 1) * 24 * 3_600_000
      }
      const right = { ...scenario, steps }
      play(right, undefined, skewed)
      mendAll(skewed)
      skewed.run(QUIET_MS)
      assert.deepEqual(waysOf(skewed), waysOf(settled(right)))
    },
  },
  '22-work': {
    says: 'whatever happens, a downstream node is told of it in one message at a time',
    attacks: true,
    check: (scenario) => {
      assert.deepEqual(chatter(scenario), [])
    },
  },
  '23-24-25-26': {
    says: 'everyone knows the same, and the best ways there are, and nobody speaks any more',
    attacks: false,
    check: (scenario) => {
      const sim = settled(scenario)
      assert.equal(roots(sim), 1)
      assert.deepEqual(errors(sim), [])
      const { routes } = sim.counts
      sim.run(QUIET_MS)
      assert.equal(sim.counts.routes, routes)
    },
  },
  '28-no-bus': {
    says: 'the same with no bus, as far as links reach',
    attacks: false,
    check: (scenario) => {
      const sim = play(scenario)
      mendAll(sim)
      sim.bus(ORGANISATION).set(false)
      sim.run(QUIET_MS)
      assert.deepEqual(errors(sim), [])
    },
  },
  '17-18-liars': {
    says: 'forged and replayed records change nothing, and two minds make nobody disagree for ever',
    attacks: true,
    check: (scenario) => {
      const sim = settled(scenario)
      assert.equal(roots(sim), 1)
      assert.deepEqual(errors(sim), [])
    },
  },
  '31-repeats': {
    says: 'a run repeats byte by byte from its seed',
    attacks: true,
    check: (scenario) => {
      assert.equal(eventsOf(scenario), eventsOf(scenario))
    },
  },
}

/** A law as fast-check runs it. */
export function propertyOf({ attacks, check }: Law): fc.IPropertyWithHooks<[Scenario]> {
  return fc.property(scenarios(attacks), check)
}
