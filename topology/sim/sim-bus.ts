import type { SignedRecord } from '../signed-record.ts'
import type { SyncRequest } from '../sync.ts'
import type { MeshSim } from './mesh-sim.ts'
import type { SimNode } from './sim-node.ts'

/** Longest wait for an answer on the bus, ms. */
const ANSWER_MS = 2_000

/** The bus of one organisation. */
export class SimBus {
  readonly #sim: MeshSim
  readonly organisation: string
  /** Share of deliveries that are lost. */
  drop = 0
  /** Milliseconds of one delivery: from the first, up to the second. */
  delay: readonly [number, number] = [1, 30]
  #up = true
  readonly #members = new Map<string, SimNode>()
  /** Nodes that cannot reach it. */
  readonly #apart = new Set<string>()

  constructor(sim: MeshSim, organisation: string) {
    this.#sim = sim
    this.organisation = organisation
  }

  get isUp(): boolean {
    return this.#up
  }

  join(node: SimNode): void {
    this.#members.set(node.id, node)
    if (this.reaches(node.id)) node.hear((speaker) => speaker.onBus(true))
  }

  leave(node: SimNode): void {
    this.#members.delete(node.id)
  }

  /** Whether a node is connected. */
  reaches(id: string): boolean {
    return this.#up && !this.#apart.has(id)
  }

  /** The server goes, or comes back: everybody notices. */
  set(up: boolean): void {
    if (this.#up === up) return
    this.#up = up
    for (const node of this.#members.values()) {
      if (!this.#apart.has(node.id)) node.hear((speaker) => speaker.onBus(up))
    }
  }

  /** One node loses the bus, or gets it back. */
  setApart(id: string, apart: boolean): void {
    const was = this.reaches(id)
    if (apart) this.#apart.add(id)
    else this.#apart.delete(id)
    const is = this.reaches(id)
    if (was !== is) this.#members.get(id)?.hear((speaker) => speaker.onBus(is))
  }

  publish(from: SimNode, { record, text }: Pick<SignedRecord, 'record' | 'text'>): void {
    if (!this.reaches(from.id)) return
    const bytes = this.#sim.recordBytes(text)
    for (const [after, nodes] of this.#spread(from)) {
      this.#sim.agenda.add(this.#sim.now + after, () => {
        for (const node of nodes) {
          if (!this.reaches(node.id)) continue
          this.#sim.counts.bus += 1
          this.#sim.counts.bytes += bytes
          node.hear((speaker) => speaker.onBusRecord(record.id, text))
        }
      })
    }
  }

  /** Who hears something after how many whole milliseconds: all that hear it together are one thing to come. */
  #spread(from: SimNode): Map<number, SimNode[]> {
    const [least, most] = this.delay
    const { random } = this.#sim
    const groups = new Map<number, SimNode[]>()
    for (const node of this.#members.values()) {
      if (node === from) continue
      const after = Math.round(least + random.next() * (most - least))
      if (this.drop > 0 && random.next() < this.drop) continue
      const group = groups.get(after)
      if (group === undefined) groups.set(after, [node])
      else group.push(node)
    }
    return groups
  }

  /** One of the others answers; with nobody else there, that is the answer. */
  ask(from: SimNode, request: SyncRequest): void {
    const { life } = from
    const answer = (outcome: Parameters<SimNode['onSync']>[0]): void => {
      if (from.life === life) from.onSync(outcome)
    }
    const lost = (): void => this.#sim.agenda.add(this.#sim.now + ANSWER_MS, () => answer('lost'))
    if (!this.reaches(from.id)) return lost()
    const others = [...this.#members.values()].filter(
      (node) => node !== from && node.speaker !== undefined && this.reaches(node.id),
    )
    if (others.length === 0) {
      this.#sim.agenda.add(this.#sim.now + 1, () => answer('alone'))
      return
    }
    const other = this.#sim.random.pick(others)
    const arrives = this.#later(other, () => {
      const { speaker } = other
      if (speaker === undefined) return lost()
      const reply = speaker.onSyncRequest(request)
      other.arm()
      if (!this.#later(from, () => answer(reply))) lost()
    })
    if (!arrives) lost()
  }

  /** Runs something after a delivery; gives whether there will be one. */
  #later(to: SimNode, run: () => void): boolean {
    const [from, up] = this.delay
    const at = this.#sim.now + from + this.#sim.random.next() * (up - from)
    if (this.drop > 0 && this.#sim.random.next() < this.drop) return false
    this.#sim.agenda.add(at, () => {
      if (this.reaches(to.id)) run()
    })
    return true
  }
}
