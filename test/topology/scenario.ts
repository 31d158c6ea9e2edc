// Random meshes, and what may happen to them.
import * as fc from 'fast-check'
import type { OwnNamespace } from '../../topology/speaker-types.ts'
import { MeshSim } from '../../topology/sim/mesh-sim.ts'

export const ORGANISATION = 'acme'

interface Attack {
  readonly do: 'forge' | 'replay' | 'equivocate'
  readonly node: number
}

export type Command =
  | { readonly do: 'crash'; readonly node: number; readonly loseDisk: boolean }
  | { readonly do: 'start'; readonly node: number }
  | { readonly do: 'cut'; readonly link: number; readonly way: 'forth' | 'back' | 'both' }
  | { readonly do: 'mend'; readonly link: number }
  | { readonly do: 'unlink' | 'relink'; readonly link: number }
  | { readonly do: 'partition'; readonly size: number }
  | { readonly do: 'heal' }
  | { readonly do: 'bus'; readonly up: boolean }
  | { readonly do: 'apart'; readonly node: number; readonly apart: boolean }
  | { readonly do: 'drop'; readonly share: number }
  | { readonly do: 'publish' | 'withdraw'; readonly node: number }
  | { readonly do: 'skew'; readonly node: number; readonly hours: number }
  | Attack

export interface Scenario {
  readonly seed: number
  readonly nodes: number
  readonly links: readonly (readonly [from: number, to: number])[]
  readonly steps: readonly { readonly wait: number; readonly command: Command }[]
}

const index = fc.nat(63)

const calm: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant('crash' as const), node: index, loseDisk: fc.boolean() }),
  fc.record({ do: fc.constant('start' as const), node: index }),
  fc.record({
    do: fc.constant('cut' as const),
    link: index,
    way: fc.constantFrom('forth' as const, 'back' as const, 'both' as const),
  }),
  fc.record({ do: fc.constant('mend' as const), link: index }),
  fc.record({ do: fc.constantFrom('unlink' as const, 'relink' as const), link: index }),
  fc.record({ do: fc.constant('partition' as const), size: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant('heal' as const) }),
  fc.record({ do: fc.constant('bus' as const), up: fc.boolean() }),
  fc.record({ do: fc.constant('apart' as const), node: index, apart: fc.boolean() }),
  fc.record({ do: fc.constant('drop' as const), share: fc.constantFrom(0, 0.2, 0.5) }),
  fc.record({ do: fc.constantFrom('publish' as const, 'withdraw' as const), node: index }),
  fc.record({
    do: fc.constant('skew' as const),
    node: index,
    hours: fc.integer({ min: -24, max: 24 }),
  }),
)

const hostile: fc.Arbitrary<Command> = fc.record({
  do: fc.constantFrom('forge' as const, 'replay' as const, 'equivocate' as const),
  node: index,
})

/** @param attacks whether somebody lies, too */
export function scenarios(attacks: boolean): fc.Arbitrary<Scenario> {
  const command = attacks ? fc.oneof({ weight: 3, arbitrary: calm }, hostile) : calm
  return fc.integer({ min: 2, max: 8 }).chain((nodes) => {
    const end = fc.nat(nodes - 1)
    return fc.record({
      seed: fc.nat(),
      nodes: fc.constant(nodes),
      links: fc
        .uniqueArray(fc.tuple(end, end), {
          minLength: 1,
          maxLength: nodes * 3,
          selector: ([from, to]) => `${from} ${to}`,
        })
        .map((links) => links.filter(([from, to]) => from !== to)),
      steps: fc.array(fc.record({ wait: fc.constantFrom(0, 5, 50, 300, 2_000, 20_000), command }), {
        maxLength: 12,
      }),
    })
  })
}

export function namespaceOf(revision: string): OwnNamespace {
  return { name: 'ns', revision, count: 1, tags: [] }
}

export function idOf(at: number): string {
  return `n${at}`
}

/** The mesh a scenario begins with. */
export function build({ seed, nodes, links }: Scenario): MeshSim {
  const sim = new MeshSim(seed)
  for (let at = 0; at < nodes; at += 1) {
    const namespaces = [namespaceOf('r0')]
    sim.addNode({ id: idOf(at), organisation: ORGANISATION, namespaces })
  }
  for (const [from, to] of links) sim.addLink({ from: idOf(from), to: idOf(to) })
  return sim
}

/** Does one thing to a mesh. */
export function apply(sim: MeshSim, scenario: Scenario, command: Command): void {
  const bus = sim.bus(ORGANISATION)
  const nodeAt = (at: number) => sim.nodes.get(idOf(at % scenario.nodes))
  switch (command.do) {
    case 'crash':
      nodeAt(command.node)?.crash(command.loseDisk)
      break
    case 'start':
      nodeAt(command.node)?.start()
      break
    case 'cut':
    case 'mend':
    case 'unlink':
    case 'relink':
      touchLink(sim, scenario, command)
      break
    case 'partition':
    case 'heal':
      partition(sim, command.do === 'heal' ? 0 : command.size)
      break
    case 'bus':
      bus.set(command.up)
      break
    case 'apart':
      bus.setApart(idOf(command.node % scenario.nodes), command.apart)
      break
    case 'drop':
      bus.drop = command.share
      break
    case 'publish':
      nodeAt(command.node)?.setNamespaces([namespaceOf(`r${Math.round(sim.now)}`)])
      break
    case 'withdraw':
      nodeAt(command.node)?.setNamespaces([])
      break
    case 'skew': {
      const found = nodeAt(command.node)
      if (found !== undefined) found.skew = command.hours * 3_600_000
      break
    }
    case 'forge':
    case 'replay':
    case 'equivocate':
      attack(sim, scenario, command)
  }
}

function touchLink(
  sim: MeshSim,
  { links }: Scenario,
  command: Extract<Command, { readonly link: number }>,
): void {
  const [at = 0, to = 0] = links[command.link % Math.max(links.length, 1)] ?? []
  const [one, other] = [idOf(at), idOf(to)]
  const found = sim.link(one, other)
  if (command.do === 'relink') {
    if (one !== other && found === undefined) sim.addLink({ from: one, to: other })
  } else if (found === undefined) return
  else if (command.do === 'unlink') sim.removeLink(one, other)
  else if (command.do === 'mend') Object.assign(found.cut, { forth: false, back: false })
  else if (command.do === 'cut') {
    if (command.way !== 'back') found.cut.forth = true
    if (command.way !== 'forth') found.cut.back = true
  }
}

/** Cuts all links between the first nodes and the others; none with a size of 0. */
function partition(sim: MeshSim, size: number): void {
  const inside = (id: string) => Number(id.slice(1)) < size
  for (const { cut, plan } of sim.links.values()) {
    const apart = inside(plan.from) !== inside(plan.to)
    Object.assign(cut, { forth: apart, back: apart })
  }
}

function attack(sim: MeshSim, { nodes }: Scenario, command: Attack): void {
  const id = idOf(command.node % nodes)
  const record = sim.nodes.get(id)?.speaker?.db.get(id)
  if (record === undefined) return
  // Somebody who can publish, as everyone inside the organisation's account can.
  for (const node of sim.nodes.values()) {
    if (node.id === id) continue
    node.hear((speaker) => {
      const lie = { ...record, seq: record.seq + 5, links: [], status: 'left' as const }
      if (command.do === 'forge') speaker.onBusRecord(id, sim.notary.forge(lie))
      if (command.do === 'equivocate') speaker.onBusRecord(id, sim.notary.twin(record).text)
      if (command.do === 'replay') speaker.onBusRecord(id, `${id} ${record.inc} 1`)
    })
  }
}

/** All is as it should be again; whoever lied does so no more. */
export function mendAll(sim: MeshSim): void {
  for (const { cut } of sim.links.values()) Object.assign(cut, { forth: false, back: false })
  const bus = sim.bus(ORGANISATION)
  bus.drop = 0
  for (const node of sim.nodes.values()) {
    bus.setApart(node.id, false)
    node.start()
  }
  bus.set(true)
}
