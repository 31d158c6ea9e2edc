import type { LabNode } from '../../../topology/lab/lab.ts'
import type { SeenNode, SeenRecords, SeenSpeaker } from '../../../topology/lab/seen.ts'
import { keyText, type Route } from '../../../topology/route.ts'
import type { OwnNamespace } from '../../../topology/speaker-types.ts'
import type {
  MemberReport,
  TopologyReport,
  WayReport,
  WaysReport,
} from '../../control/admin-mesh-models.ts'

/** Turns the id of a node into its name in the file; what is none stays as it is. */
export type NameOf = (id: string) => string

/** What a node says of itself to operators. */
export interface NodeReports {
  readonly topology: TopologyReport
  readonly ways: WaysReport
}

/** A real node as its operators see it, in the words of the simulator. */
export class ObservedNode implements SeenNode {
  readonly #node: LabNode
  life = 0
  /** Whether its namespaces were taken from it. */
  isBare = false
  speaker: SeenSpeaker | undefined
  #texts: ReadonlyMap<string, string> = new Map()

  constructor(node: LabNode) {
    this.#node = node
  }

  get id(): string {
    return this.#node.id
  }

  get organisation(): string {
    return this.#node.organisation
  }

  /** By the file; what they hold, only the node itself knows. */
  get namespaces(): readonly OwnNamespace[] {
    if (this.isBare) return []
    return this.#node.namespaces.map((one) => {
      const own = this.speaker?.fib.get(`${this.id} ${one.name}`)?.candidates
      const revision = own?.find(({ next }) => next === undefined)?.route.revision
      return { ...one, revision: revision ?? one.revision }
    })
  }

  /** It started, or ended: nothing is known of it. */
  turn(): void {
    this.life += 1
    this.speaker = undefined
    this.#texts = new Map()
  }

  /** Takes in what it says. @returns the keys to which its ways are others than before */
  take({ topology, ways }: NodeReports, nameOf: NameOf): readonly string[] {
    const fib = fibOf(ways, nameOf)
    this.speaker = { fib, db: new ReportedRecords(topology, nameOf) }
    const texts = new Map([...fib].map(([key, entry]) => [key, JSON.stringify(entry.candidates)]))
    const before = this.#texts
    this.#texts = texts
    const keys = new Set([...before.keys(), ...texts.keys()])
    return [...keys].filter((key) => before.get(key) !== texts.get(key))
  }
}

function fibOf({ routes }: WaysReport, nameOf: NameOf): SeenSpeaker['fib'] {
  return new Map(
    routes.map(({ origin, namespace, candidates }) => {
      const key = { origin: nameOf(origin), namespace }
      const all = candidates.map((way) => ({
        next: way.next === undefined ? undefined : nameOf(way.next),
        route: routeOf(key, way, nameOf),
      }))
      return [keyText(key), { key, candidates: all }]
    }),
  )
}

function routeOf(key: Route['key'], way: WayReport, nameOf: NameOf): Route {
  const { cost, organisations, path, revision, steps, tags } = way
  return {
    key,
    cost,
    organisations,
    revision,
    tags,
    path: path.map((id, at) => ({ id: nameOf(id), inc: 0, epoch: 0, ...steps[at] })),
  }
}

/** The records a node says it has. */
class ReportedRecords implements SeenRecords {
  readonly tree: { root(): string }
  readonly #members: ReadonlyMap<string, MemberReport>
  readonly #nameOf: NameOf

  constructor({ members, root = '' }: TopologyReport, nameOf: NameOf) {
    this.tree = { root: () => root }
    this.#members = new Map(members.map((one) => [nameOf(one.id), one]))
    this.#nameOf = nameOf
  }

  nodes(): Iterable<string> {
    return this.#members.keys()
  }

  version(id: string): { inc: number; seq: number } | undefined {
    return this.#members.get(id)
  }

  get(id: string): ReturnType<SeenRecords['get']> {
    const member = this.#members.get(id)
    if (member === undefined) return undefined
    const { inc, links, status } = member
    if (status === 'twofold' || status === 'expired') return undefined
    return { inc, status, links: links.map((one) => ({ ...one, to: this.#nameOf(one.to) })) }
  }

  isTwofold(id: string): boolean {
    return this.#members.get(id)?.status === 'twofold'
  }
}
