import type { Hands } from './hands.ts'
import type { Arrow } from './lab-draft.ts'
import type { Lab } from './lab.ts'

type Way = 'both' | 'forth' | 'back'

interface Cut {
  readonly links: Set<string>
  readonly way: Way
}

/** Group of each node; nodes of no group are on everybody's side. */
type Partition = ReadonlyMap<string, number>

/** What is between the ends of links, for all the reasons there are at a time. */
export class Cuts {
  readonly #hands: Pick<Hands, 'block'>
  readonly #lab: Lab
  readonly #cuts = new Set<Cut>()
  readonly #partitions = new Set<Partition>()

  constructor(hands: Pick<Hands, 'block'>, lab: Lab) {
    this.#hands = hands
    this.#lab = lab
  }

  /** No link between two of the groups works, which are of nodes or whole organisations. */
  partition(groups: readonly (readonly string[])[]): Partition {
    const part = new Map<string, number>()
    for (const [at, group] of groups.entries()) {
      for (const { id, organisation } of this.#lab.nodes.values()) {
        if (group.includes(id) || group.includes(organisation)) part.set(id, at)
      }
    }
    this.#partitions.add(part)
    this.#apply()
    return part
  }

  /** Ends a partition; gives false when it was over. */
  heal(part: Partition): boolean {
    const was = this.#partitions.delete(part)
    this.#apply()
    return was
  }

  cut(links: readonly Arrow[], way: Way): Cut {
    const made = { links: new Set(links.map(({ from, to }) => `${from} ${to}`)), way }
    this.#cuts.add(made)
    this.#apply()
    return made
  }

  /** Ends a cut; gives false when it was over. */
  undo(cut: Cut): boolean {
    const was = this.#cuts.delete(cut)
    this.#apply()
    return was
  }

  /** Ends all cuts of some links. */
  mend(links: readonly Arrow[]): void {
    for (const cut of this.#cuts) {
      for (const { from, to } of links) cut.links.delete(`${from} ${to}`)
      if (cut.links.size === 0) this.#cuts.delete(cut)
    }
    this.#apply()
  }

  /** Nothing is between any more. */
  clear(): void {
    this.#cuts.clear()
    this.#partitions.clear()
    this.#apply()
  }

  #apply(): void {
    for (const { from, to } of this.#lab.links) {
      const cuts = [...this.#cuts].filter(({ links }) => links.has(`${from} ${to}`))
      const apart = this.#isApart(from, to)
      this.#hands.block(from, to, {
        forth: apart || cuts.some(({ way }) => way !== 'back'),
        back: apart || cuts.some(({ way }) => way !== 'forth'),
      })
    }
  }

  #isApart(from: string, to: string): boolean {
    return [...this.#partitions].some((part) => {
      const [one, other] = [part.get(from), part.get(to)]
      return one !== undefined && other !== undefined && one !== other
    })
  }
}
