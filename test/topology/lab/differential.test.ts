// Invariant 32: of one file, the simulator and real nodes come to the same tables of routes, node by node, also after
// something broke.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { loadLab } from '../../../node/main/lab-file.ts'
import { buildMesh } from '../../../topology/lab/build.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import { unrealIn } from '../../../topology/lab/node-configs.ts'
import type { FibEntry } from '../../../topology/rib.ts'
import type { MeshSim } from '../../../topology/sim/mesh-sim.ts'
import { UNTIL } from '../../mesh/gossiping.ts'
import { RealMesh } from './real-mesh.ts'

/** Longer than it takes a simulated mesh to notice a silence, and to forget names that are gone, virtual ms. */
const SETTLED_MS = 150_000

let mesh: RealMesh | undefined

afterEach(async () => {
  await mesh?.close()
  mesh = undefined
})

/** A fault, in both. */
interface Pair {
  readonly real: (mesh: RealMesh) => Promise<void>
  readonly sim: (sim: MeshSim, id: (name: string) => string) => void
}

function without(name: string): Pair {
  return {
    real: (real) => real.stopNode(name),
    sim: (sim, id) => sim.nodes.get(id(name))?.crash(),
  }
}

function withIt(name: string): Pair {
  return {
    real: (real) => real.startNode(name),
    sim: (sim, id) => sim.nodes.get(id(name))?.start(),
  }
}

function cut(from: string, to: string, is: boolean): Pair {
  return {
    real: (real) => (is ? real.cut(from, to) : real.mend(from, to)),
    sim: (sim, id) => {
      const link = sim.link(id(from), id(to))
      if (link !== undefined) Object.assign(link.cut, { forth: is, back: is })
    },
  }
}

/** The lab with other ids for its nodes: what is drawn by lot among equals goes by them. */
function renamed(lab: Lab, ids: ReadonlyMap<string, string>): Lab {
  const id = (name: string): string => ids.get(name) ?? name
  return {
    ...lab,
    nodes: new Map([...lab.nodes].map(([name, node]) => [id(name), { ...node, id: id(name) }])),
    links: lab.links.map((link) => ({ ...link, from: id(link.from), to: id(link.to) })),
  }
}

/** To each namespace the nodes of the chosen way, and the next nodes of the others, by name. */
function tableOf(
  fib: ReadonlyMap<string, FibEntry> | undefined,
  nameOf: (id: string) => string,
): readonly string[] {
  return [...(fib?.values() ?? [])]
    .flatMap(({ key, candidates }) => {
      const [best, ...others] = candidates
      if (best === undefined) return []
      const way = best.route.path.map(({ id }) => nameOf(id)).join(' ')
      const next = others.map((one) => one.next && nameOf(one.next)).join(' ')
      return [`${nameOf(key.origin)} ${key.namespace}: ${way}, else ${next}`]
    })
    .toSorted((a, b) => (a < b ? -1 : 1))
}

type Tables = Readonly<Record<string, readonly string[]>>

/** Both worlds of one file. */
class Twins {
  readonly #names: ReadonlyMap<string, string>
  readonly #real: RealMesh
  readonly #sim: MeshSim
  readonly #id: (name: string) => string

  constructor(lab: Lab, real: RealMesh) {
    this.#real = real
    this.#names = new Map([...real.ids].map(([name, id]) => [id, name]))
    this.#id = (name) => real.ids.get(name) ?? name
    this.#sim = buildMesh(renamed(lab, real.ids))
  }

  async befall({ real, sim }: Pair): Promise<void> {
    sim(this.#sim, this.#id)
    await real(this.#real)
  }

  simulated(): Tables {
    this.#sim.run(SETTLED_MS)
    const running = [...this.#sim.nodes].filter(([, node]) => node.speaker !== undefined)
    return this.#tables(running.map(([id, { speaker }]) => [this.#nameOf(id), speaker?.fib]))
  }

  real(): Tables {
    const nodes = [...this.#real.nodes]
    return this.#tables(nodes.map(([name, { mesh: own }]) => [name, own.current?.speaker.fib]))
  }

  readonly #nameOf = (id: string): string => this.#names.get(id) ?? id

  #tables(all: (readonly [string, ReadonlyMap<string, FibEntry> | undefined])[]): Tables {
    return Object.fromEntries(all.map(([name, fib]) => [name, tableOf(fib, this.#nameOf)]))
  }
}

/** Which node has a way to what. */
function namesInside([node, table]: readonly [string, readonly string[]]): string[] {
  return table.map(
    (line) => `${node} to ${line.split(':', line.startsWith('org:') ? 2 : 1).join(':')}`,
  )
}

/** A file, some of what must be in its tables, and what happens. */
const FILES: readonly (readonly [string, readonly string[], readonly Pair[]])[] = [
  [
    'diamond',
    ['top to home docs', 'right to left of-left'],
    [without('left'), withIt('left'), cut('right', 'home', true), cut('right', 'home', false)],
  ],
  [
    'ring',
    ['n0 to n2 of-n2', 'n3 to n0 of-n0'],
    [without('n4'), withIt('n4'), cut('n2', 'n3', true), cut('n2', 'n3', false)],
  ],
  [
    'two-orgs',
    ['user to org:globex docs', 'user to org:globex mail', 'user to west of-west'],
    [without('gate'), withIt('gate'), cut('east', 'door', true), cut('west', 'gate', true)],
  ],
]

describe.each(FILES)('%s.mesh.yaml', (name, known, faults) => {
  test('comes to the same tables in the simulator and with real nodes', async () => {
    const { lab } = await loadLab(new URL(`${name}.mesh.yaml`, import.meta.url).pathname)
    expect(unrealIn(lab)).toEqual([])
    mesh = await RealMesh.start(lab)
    const twins = new Twins(lab, mesh)
    const same = async (): Promise<Tables> => {
      const wanted = twins.simulated()
      await vi.waitFor(() => expect(twins.real()).toEqual(wanted), UNTIL)
      return wanted
    }
    expect(Object.entries(await same()).flatMap(namesInside)).toEqual(
      expect.arrayContaining([...known]),
    )
    for (const fault of faults) {
      await twins.befall(fault)
      await same()
    }
  }, 60_000)
})
