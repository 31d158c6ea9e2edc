// Random meshes, and what may happen to them.
import * as fc from 'fast-check'
import type { OwnNamespace } from '../../topology/speaker-types.ts'
import type { NodeRecord } from '../../topology/record.ts'
import { MeshSim, type Tuning } from '../../topology/sim/mesh-sim.ts'
import type { SimNode } from '../../topology/sim/sim-node.ts'

export const ORGANISATION = 'acme'

interface Attack {
  /** `flood`: many records of nodes that do not exist, each signed well; `abuse`: many of its own. */
  readonly do: 'forge' | 'replay' | 'equivocate' | 'flood' | 'abuse'
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
  /** The bus is slow, and what is said first may come last. */
  | { readonly do: 'delay'; readonly least: number; readonly most: number }
  | {
      readonly do: 'slow'
      readonly link: number
      readonly latency: number
      readonly jitter: number
    }
  /** The bus brings what was said lately once more. */
  | { readonly do: 'duplicate'; readonly node: number }
  | { readonly do: 'add'; readonly to: number }
  /** What a node offers is tagged `no-export`, or is not any more. */
  | { readonly do: 'policy'; readonly node: number; readonly keep: boolean }
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
  fc.record({
    do: fc.constant('delay' as const),
    least: fc.constantFrom(0, 50),
    most: fc.constantFrom(50, 3_000),
  }),
  fc.record({
    do: fc.constant('slow' as const),
    link: index,
    latency: fc.constantFrom(1, 50, 400),
    jitter: fc.constantFrom(0, 300),
  }),
  fc.record({ do: fc.constant('duplicate' as const), node: index }),
  fc.record({ do: fc.constant('add' as const), to: index }),
  fc.record({ do: fc.constant('policy' as const), node: index, keep: fc.boolean() }),
  fc.record({ do: fc.constantFrom('publish' as const, 'withdraw' as const), node: index }),
  fc.record({
    do: fc.constant('skew' as const),
    node: index,
    hours: fc.integer({ min: -24, max: 24 }),
  }),
)

const hostile: fc.Arbitrary<Command> = fc.record({
  do: fc.constantFrom(
    'forge' as const,
    'replay' as const,
    'equivocate' as const,
    'flood' as const,
    'abuse' as const,
  ),
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
export function build({ seed, nodes, links }: Scenario, tuning: Tuning = {}): MeshSim {
  const sim = new MeshSim(seed, tuning)
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
    case 'slow':
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
    case 'delay':
      bus.delay = [command.least, Math.max(command.least, command.most)]
      break
    case 'duplicate':
      duplicate(sim, idOf(command.node % scenario.nodes))
      break
    case 'add':
      addNode(sim, idOf(command.to % scenario.nodes))
      break
    case 'policy':
      retag(nodeAt(command.node), command.keep)
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
    case 'flood':
    case 'abuse':
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
  else if (command.do === 'slow') {
    const { latency, jitter } = command
    found.plan = { ...found.plan, latency, jitter }
  } else if (command.do === 'unlink') sim.removeLink(one, other)
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
  if (command.do === 'flood') return flood(sim)
  const record = sim.nodes.get(id)?.speaker?.db.get(id)
  if (record === undefined) return
  // Somebody who can publish, as everyone inside the organisation's account can.
  for (const node of sim.nodes.values()) {
    if (node.id === id) continue
    node.hear((speaker) => {
      const lie = { ...record, seq: record.seq + 5, links: [], status: 'left' as const }
      if (command.do === 'forge') speaker.onBusRecord(id, sim.notary.forge(lie))
      if (command.do === 'equivocate') speaker.onBusRecord(id, sim.notary.twin(record).text)
      if (command.do === 'abuse') abuse(sim, record, (text) => speaker.onBusRecord(id, text))
      if (command.do === 'replay') speaker.onBusRecord(id, `${id} ${record.inc} 1`)
    })
  }
}

/** Nodes a scenario adds at most. */
const ADDED = 4

/** One more node, which uses one that is there and is used by it. */
function addNode(sim: MeshSim, to: string): void {
  const added = [...sim.nodes.keys()].filter((id) => id.startsWith('a')).length
  if (added >= ADDED) return
  const id = `a${added}`
  sim.addNode({ id, organisation: ORGANISATION, namespaces: [namespaceOf('r0')] })
  sim.addLink({ from: id, to })
  sim.addLink({ from: to, to: id })
}

function duplicate(sim: MeshSim, id: string): void {
  const said = sim.nodes.get(id)?.speaker?.db.texts(id) ?? []
  for (const node of sim.nodes.values()) {
    if (node.id === id) continue
    for (const { text } of said) node.hear((speaker) => speaker.onBusRecord(id, text))
  }
}

function retag(node: SimNode | undefined, keep: boolean): void {
  const namespaces = node?.namespaces.map((one) => ({ ...one, tags: keep ? ['no-export'] : [] }))
  node?.setNamespaces(namespaces ?? [])
}

/** Records a flooding peer sends in one go. */
const FLOOD = 50

/** A member that makes up nodes: what it costs is bounded by the room for records. */
function flood(sim: MeshSim): void {
  for (const node of sim.nodes.values()) {
    for (let at = 0; at < FLOOD; at += 1) {
      const id = `x${at}`
      const { text } = sim.notary.seal(madeUp(id, sim.now))
      node.hear((speaker) => speaker.onBusRecord(id, text))
    }
  }
}

function madeUp(id: string, now: number): NodeRecord {
  return {
    organisation: ORGANISATION,
    id,
    inc: 1,
    seq: 1 + Math.round(now),
    issuedAt: 1_767_225_600,
    expiresAt: 1_767_830_400,
    status: 'up',
    urls: [],
    protocols: [],
    disclosure: 'none',
    links: [],
    namespaces: [],
  }
}

/** The node itself says the same over and over: as many versions, one record. */
function abuse(sim: MeshSim, record: NodeRecord, say: (text: string) => void): void {
  for (let at = 1; at <= FLOOD; at += 1)
    say(sim.notary.seal({ ...record, seq: record.seq + at }).text)
}

/** All is as it should be again; whoever lied does so no more. */
export function mendAll(sim: MeshSim): void {
  for (const { cut } of sim.links.values()) Object.assign(cut, { forth: false, back: false })
  const bus = sim.bus(ORGANISATION)
  bus.drop = 0
  bus.delay = [1, 30]
  for (const node of sim.nodes.values()) {
    bus.setApart(node.id, false)
    node.start()
  }
  bus.set(true)
}
