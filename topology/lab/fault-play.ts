import type { MeshSim } from '../sim/mesh-sim.ts'
import { SeededRandom } from '../sim/random.ts'
import type { SimNode } from '../sim/sim-node.ts'
import { actionOf, arrowsOf, listOf, nodesOf, PICKED, type Action } from './check-lab.ts'
import { Cuts } from './cuts.ts'
import { isDetailed, lengthOf, spanOf } from './duration.ts'
import type { FaultDraft, Lie, Trigger } from './lab-draft.ts'
import type { Lab } from './lab.ts'

/** Hears of everything the schedule does. */
export type OnFault = (trigger: Trigger, what: string) => void

/** Ends something that lasts. */
type End = () => void

/** For what has no end. */
const NOTHING: End = () => undefined

/** What was drawn, where something is. */
interface Pick {
  readonly node?: string
  readonly link?: { readonly from: string; readonly to: string }
}

/** Faults draw from a source of their own: a mesh that draws more or less must not change what happens to it. */
const FAULT_SEED = 0x5f3759df

/** Does to a mesh what the schedule says. */
export class FaultPlay {
  readonly #lab: Lab
  readonly #sim: MeshSim
  readonly #random: SeededRandom
  readonly #cuts: Cuts
  readonly #tell: OnFault

  constructor(lab: Lab, sim: MeshSim, tell: OnFault) {
    this.#lab = lab
    this.#sim = sim
    this.#tell = tell
    this.#random = new SeededRandom(lab.seed ^ FAULT_SEED)
    this.#cuts = new Cuts(sim, lab)
  }

  /** Puts the whole schedule down. */
  schedule(): void {
    for (const fault of this.#lab.faults) {
      if (fault.every === undefined) this.#at(fault.at ?? 0, () => this.#begin(fault))
      else this.#again(fault, spanOf(fault).from, this.#random.fork())
    }
  }

  #at(time: number, run: () => void): void {
    this.#sim.agenda.add(time, run)
  }

  #again(fault: FaultDraft, after: number, random: SeededRandom): void {
    const { mean = 0, random: isRandom = false } = fault.every ?? {}
    const time = after + Math.max(1, isRandom ? random.exponential(mean) : mean)
    if (time > spanOf(fault).until) return
    this.#at(time, () => {
      this.#begin(fault)
      this.#again(fault, time, random)
    })
  }

  #begin(fault: FaultDraft): void {
    const action = actionOf(fault)
    if (action === undefined) return
    const pick = this.#draw(fault)
    const end = this.#do(action, fault, pick)
    const length = lengthOf(fault)
    if (length > 0) this.#at(this.#sim.now + length, end)
  }

  #draw({ pick }: FaultDraft): Pick {
    if (pick === undefined) return {}
    if (pick === 'random(node)') return { node: this.#random.pick([...this.#lab.nodes.keys()]) }
    return this.#lab.links.length === 0 ? {} : { link: this.#random.pick(this.#lab.links) }
  }

  /** The nodes meant, that were named or drawn. */
  #nodes(fault: FaultDraft, { node }: Pick): SimNode[] {
    const named = nodesOf(fault)
    const ids = named.length === 0 && node !== undefined ? [node] : named
    return ids.flatMap((id) => {
      const found = this.#sim.nodes.get(id === PICKED ? (node ?? '') : id)
      return found === undefined ? [] : [found]
    })
  }

  /** Does it; gives what ends it. */
  #do(action: Action, fault: FaultDraft, pick: Pick): End {
    switch (action) {
      case 'partition':
        return this.#partition(fault.partition ?? [])
      case 'heal':
        return this.#heal()
      case 'cut':
      case 'mend':
        return this.#link(action, fault, pick)
      case 'bus':
        return this.#bus(fault)
      case 'skew':
        return this.#skew(fault.skew ?? {})
      case 'byzantine':
        return this.#lie(fault.byzantine ?? {})
      case 'crash':
      case 'start':
      case 'apart':
      case 'publish':
      case 'withdraw':
      case 'drain':
        break
    }
    return this.#node(action, fault, this.#nodes(fault, pick))
  }

  #partition(groups: readonly (readonly string[])[]): End {
    const part = this.#cuts.partition(groups)
    this.#tell('partition', groups.map((group) => group.join(',')).join(' | '))
    return () => {
      if (!this.#cuts.heal(part)) return
      this.#tell('heal', 'partition')
    }
  }

  #heal(): End {
    this.#cuts.clear()
    for (const name of this.#lab.organisations.keys()) {
      const bus = this.#sim.bus(name)
      bus.drop = 0
      for (const id of this.#lab.nodes.keys()) bus.setApart(id, false)
      if (this.#lab.organisations.get(name)?.gossip !== undefined) bus.set(true)
    }
    this.#tell('heal', 'everything')
    return NOTHING
  }

  #link(action: 'cut' | 'mend', fault: FaultDraft, { link }: Pick): End {
    const named = arrowsOf(fault)
    const links = named.length === 0 && link !== undefined ? [link] : named
    const what = links.map(({ from, to }) => `${from}->${to}`).join(', ')
    if (action === 'mend') {
      this.#cuts.mend(links)
      this.#tell('mend', what)
      return NOTHING
    }
    const { cut } = fault
    const way = isDetailed<object>(cut) && 'way' in cut ? (cut.way ?? 'both') : 'both'
    const made = this.#cuts.cut(links, way)
    this.#tell('cut', way === 'both' ? what : `${what} ${way}`)
    return () => {
      if (this.#cuts.undo(made)) this.#tell('mend', what)
    }
  }

  #bus({ bus: name, drop }: FaultDraft): End {
    const buses = [...this.#lab.organisations]
      .filter(([, { gossip }]) => gossip === name)
      .map(([organisation]) => this.#sim.bus(organisation))
    const what = drop === undefined ? String(name) : `${name} loses ${drop * 100}%`
    for (const bus of buses) {
      if (drop === undefined) bus.set(false)
      else bus.drop = drop
    }
    this.#tell('bus-down', what)
    return () => {
      for (const bus of buses) {
        if (drop === undefined) bus.set(true)
        else bus.drop = 0
      }
      this.#tell('bus-up', String(name))
    }
  }

  #skew(shifts: Readonly<Record<string, number>>): End {
    const set = (factor: number): void => {
      for (const [id, by] of Object.entries(shifts)) {
        const node = this.#sim.nodes.get(id)
        if (node !== undefined) node.skew = by * factor
      }
      this.#tell('skew', Object.keys(shifts).join(', '))
    }
    set(1)
    return () => set(0)
  }

  #node(
    action: 'crash' | 'start' | 'apart' | 'publish' | 'withdraw' | 'drain',
    fault: FaultDraft,
    nodes: readonly SimNode[],
  ): End {
    const what = nodes.map(({ id }) => id).join(', ')
    const loseDisk = isDetailed(fault.crash) && fault.crash.loseDisk === true
    const own = (node: SimNode): void =>
      node.setNamespaces(this.#lab.nodes.get(node.id)?.namespaces ?? [])
    const each = (trigger: Trigger, run: (node: SimNode) => void): void => {
      this.#tell(trigger, what)
      for (const node of nodes) run(node)
    }
    switch (action) {
      case 'crash':
        each('crash', (node) => node.crash(loseDisk))
        return () => each('restart', (node) => node.start())
      case 'start':
        each('restart', (node) => node.start())
        return NOTHING
      case 'apart':
        each('apart', (node) => this.#busOf(node).setApart(node.id, true))
        return () => each('back', (node) => this.#busOf(node).setApart(node.id, false))
      case 'publish':
        each('publish', (node) => this.#renew(node))
        return NOTHING
      case 'withdraw':
        each('withdraw', (node) => node.setNamespaces([]))
        return () => each('publish', own)
      case 'drain':
        each('drain', (node) => node.hear((speaker) => speaker.drain()))
        break
    }
    return NOTHING
  }

  #busOf({ plan }: SimNode): ReturnType<MeshSim['bus']> {
    return this.#sim.bus(plan.organisation)
  }

  #renew(node: SimNode): void {
    const namespaces = this.#lab.nodes.get(node.id)?.namespaces ?? []
    const revision = `r${Math.round(this.#sim.now)}`
    node.setNamespaces(namespaces.map((one) => ({ ...one, revision })))
  }

  /** Somebody who may publish on the bus says things in the name of a node. */
  #lie(lies: Readonly<Record<string, readonly Lie[]>>): End {
    for (const [id, kinds] of Object.entries(lies)) {
      this.#tell('byzantine', `${id}: ${kinds.join(', ')}`)
      const victim = this.#sim.nodes.get(id)
      const record = victim?.speaker?.db.get(id)
      if (victim === undefined || record === undefined) continue
      const { notary } = this.#sim
      const lie = { ...record, seq: record.seq + 5, links: [], status: 'left' as const }
      const texts = listOf(kinds).map((kind) => {
        if (kind === 'forge-record') return notary.forge(lie)
        return kind === 'equivocate' ? notary.twin(record).text : `${id} ${record.inc} 1`
      })
      for (const node of this.#sim.nodes.values()) {
        const hears = node !== victim && node.plan.organisation === victim.plan.organisation
        for (const text of hears ? texts : []) {
          node.hear((speaker) => speaker.onBusRecord(id, text))
        }
      }
    }
    return NOTHING
  }
}
