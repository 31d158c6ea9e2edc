import type { NodeId } from '../../protocol/federation.ts'
import type { MeshSim } from '../sim/mesh-sim.ts'
import type { SimBus } from '../sim/sim-bus.ts'
import type { SimNode } from '../sim/sim-node.ts'
import type { Blocked, Hands } from './hands.ts'
import type { Lie } from './lab-draft.ts'
import type { Lab } from './lab.ts'

/** Does things to a simulated mesh. */
export class SimHands implements Hands {
  readonly #sim: MeshSim
  readonly #lab: Lab

  constructor(sim: MeshSim, lab: Lab) {
    this.#sim = sim
    this.#lab = lab
  }

  get now(): number {
    return this.#sim.now
  }

  at(time: number, run: () => void): void {
    this.#sim.agenda.add(time, run)
  }

  crash(node: NodeId, loseDisk: boolean): void {
    this.#sim.nodes.get(node)?.crash(loseDisk)
  }

  start(node: NodeId): void {
    this.#sim.nodes.get(node)?.start()
  }

  apart(node: NodeId, is: boolean): void {
    const { organisation = '' } = this.#lab.nodes.get(node) ?? {}
    this.#sim.bus(organisation).setApart(node, is)
  }

  publish(node: NodeId): void {
    const namespaces = this.#lab.nodes.get(node)?.namespaces ?? []
    const revision = `r${Math.round(this.#sim.now)}`
    this.#sim.nodes.get(node)?.setNamespaces(namespaces.map((one) => ({ ...one, revision })))
  }

  withdraw(node: NodeId, is: boolean): void {
    const namespaces = is ? [] : (this.#lab.nodes.get(node)?.namespaces ?? [])
    this.#sim.nodes.get(node)?.setNamespaces(namespaces)
  }

  drain(node: NodeId): void {
    this.#sim.nodes.get(node)?.hear((speaker) => speaker.drain())
  }

  bus(bus: string, up: boolean): void {
    for (const one of this.#buses(bus)) one.set(up)
  }

  drop(bus: string, share: number): void {
    for (const one of this.#buses(bus)) one.drop = share
  }

  skew(node: NodeId, by: number): void {
    const found = this.#sim.nodes.get(node)
    if (found !== undefined) found.skew = by
  }

  block(from: NodeId, to: NodeId, { forth, back }: Blocked): void {
    const link = this.#sim.link(from, to)
    if (link !== undefined) Object.assign(link.cut, { forth, back })
  }

  lie(node: NodeId, kinds: readonly Lie[]): void {
    const victim = this.#sim.nodes.get(node)
    if (victim === undefined) return
    const texts = this.#liesOf(victim, kinds)
    for (const other of this.#sim.nodes.values()) {
      if (other === victim || other.organisation !== victim.organisation) continue
      for (const text of texts) other.hear((speaker) => speaker.onBusRecord(node, text))
    }
  }

  #liesOf({ id, speaker }: SimNode, kinds: readonly Lie[]): readonly string[] {
    const record = speaker?.db.get(id)
    if (record === undefined) return []
    const { notary } = this.#sim
    const lie = { ...record, seq: record.seq + 5, links: [], status: 'left' as const }
    return kinds.map((kind) => {
      if (kind === 'forge-record') return notary.forge(lie)
      return kind === 'equivocate' ? notary.twin(record).text : `${id} ${record.inc} 1`
    })
  }

  #buses(name: string): SimBus[] {
    return [...this.#lab.organisations]
      .filter(([, { gossip }]) => gossip === name)
      .map(([organisation]) => this.#sim.bus(organisation))
  }
}
