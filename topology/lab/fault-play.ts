import { SeededRandom } from '../sim/random.ts'
import { actionOf, arrowsOf, nodesOf, PICKED, type Action } from './check-lab.ts'
import { Cuts } from './cuts.ts'
import { isDetailed, lengthOf, spanOf } from './duration.ts'
import type { Hands } from './hands.ts'
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
  readonly #hands: Hands
  readonly #random: SeededRandom
  readonly #cuts: Cuts
  readonly #tell: OnFault

  constructor(lab: Lab, hands: Hands, tell: OnFault) {
    this.#lab = lab
    this.#hands = hands
    this.#tell = tell
    this.#random = new SeededRandom(lab.seed ^ FAULT_SEED)
    this.#cuts = new Cuts(hands, lab)
  }

  /** Puts the whole schedule down. */
  schedule(): void {
    for (const fault of this.#lab.faults) {
      if (fault.every === undefined) this.#at(fault.at ?? 0, () => this.#begin(fault))
      else this.#again(fault, spanOf(fault).from, this.#random.fork())
    }
  }

  #at(time: number, run: () => void): void {
    this.#hands.at(time, run)
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
    if (length > 0) this.#at(this.#hands.now + length, end)
  }

  #draw({ pick }: FaultDraft): Pick {
    if (pick === undefined) return {}
    if (pick === 'random(node)') return { node: this.#random.pick([...this.#lab.nodes.keys()]) }
    return this.#lab.links.length === 0 ? {} : { link: this.#random.pick(this.#lab.links) }
  }

  /** The nodes meant, that were named or drawn. */
  #nodes(fault: FaultDraft, { node }: Pick): string[] {
    const named = nodesOf(fault)
    const ids = named.length === 0 && node !== undefined ? [node] : named
    return ids
      .map((id) => (id === PICKED ? (node ?? '') : id))
      .filter((id) => this.#lab.nodes.has(id))
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
    for (const { gossip } of this.#lab.organisations.values()) {
      if (gossip === undefined) continue
      this.#hands.drop(gossip, 0)
      this.#hands.bus(gossip, true)
    }
    for (const id of this.#lab.nodes.keys()) this.#hands.apart(id, false)
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

  #bus({ bus, drop }: FaultDraft): End {
    const name = bus ?? ''
    const hands = this.#hands
    if (drop === undefined) hands.bus(name, false)
    else hands.drop(name, drop)
    this.#tell('bus-down', drop === undefined ? name : `${name} loses ${drop * 100}%`)
    return () => {
      if (drop === undefined) hands.bus(name, true)
      else hands.drop(name, 0)
      this.#tell('bus-up', name)
    }
  }

  #skew(shifts: Readonly<Record<string, number>>): End {
    const set = (factor: number): void => {
      for (const [id, by] of Object.entries(shifts)) this.#hands.skew(id, by * factor)
      this.#tell('skew', Object.keys(shifts).join(', '))
    }
    set(1)
    return () => set(0)
  }

  #node(
    action: 'crash' | 'start' | 'apart' | 'publish' | 'withdraw' | 'drain',
    fault: FaultDraft,
    nodes: readonly string[],
  ): End {
    const hands = this.#hands
    const what = nodes.join(', ')
    const loseDisk = isDetailed(fault.crash) && fault.crash.loseDisk === true
    const each = (trigger: Trigger, run: (node: string) => void): void => {
      this.#tell(trigger, what)
      for (const node of nodes) run(node)
    }
    switch (action) {
      case 'crash':
        each('crash', (node) => hands.crash(node, loseDisk))
        return () => each('restart', (node) => hands.start(node))
      case 'start':
        each('restart', (node) => hands.start(node))
        return NOTHING
      case 'apart':
        each('apart', (node) => hands.apart(node, true))
        return () => each('back', (node) => hands.apart(node, false))
      case 'publish':
        each('publish', (node) => hands.publish(node))
        return NOTHING
      case 'withdraw':
        each('withdraw', (node) => hands.withdraw(node, true))
        return () => each('publish', (node) => hands.withdraw(node, false))
      case 'drain':
        each('drain', (node) => hands.drain(node))
        break
    }
    return NOTHING
  }

  /** Somebody who may publish on the bus says things in the name of a node. */
  #lie(lies: Readonly<Record<string, readonly Lie[]>>): End {
    for (const [id, kinds] of Object.entries(lies)) {
      this.#tell('byzantine', `${id}: ${kinds.join(', ')}`)
      this.#hands.lie(id, kinds)
    }
    return NOTHING
  }
}
