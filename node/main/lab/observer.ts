import type { Counts } from '../../../topology/sim/mesh-sim.ts'
import type { TopologyReport, WaysReport } from '../../control/admin-mesh-models.ts'
import { AdminClient } from '../admin-client.ts'
import { UnansweredError } from '../cli-command.ts'
import type { NameOf, ObservedNode } from './observed-node.ts'

/** Kinds of events a node counts that are summed up, and what of. */
const SUMMED: readonly (readonly [string, keyof Counts])[] = [
  ['sent:routes', 'routes'],
  ['sent:deltas', 'deltas'],
  ['sent:records', 'records'],
  ['sent:probes', 'probes'],
  ['sent:syncs', 'syncs'],
  ['heard:bus', 'bus'],
]

/** Whom to ask of a node, while it runs. */
interface Witness {
  readonly client: AdminClient
  /** What it had counted when it was last asked. */
  counted: Readonly<Record<string, number>>
}

/** Asks all running nodes how they see the mesh. */
export class Observer {
  readonly #witnesses = new Map<ObservedNode, Witness>()
  readonly #nameOf: NameOf
  readonly #onRoutes: (node: string, keys: readonly string[]) => void
  readonly counts: Counts = {
    routes: 0,
    records: 0,
    deltas: 0,
    bus: 0,
    syncs: 0,
    probes: 0,
    bytes: 0,
  }
  #looking: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** @param onRoutes hears whose ways to what have changed */
  constructor(nameOf: NameOf, onRoutes: (node: string, keys: readonly string[]) => void) {
    this.#nameOf = nameOf
    this.#onRoutes = onRoutes
  }

  /** A node runs, and is asked there from now on. */
  watch(node: ObservedNode, admin: string): void {
    this.#witnesses.set(node, { client: new AdminClient(admin, undefined), counted: {} })
  }

  /** A node does not run any more. */
  forget(node: ObservedNode): void {
    this.#witnesses.delete(node)
  }

  /** Looks at all, as they are from now on. Resolves when that is done; who does not answer is as it was. */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#lookOnce().finally(() => (this.#looking = undefined))
      return this.#looking
    }
    // The look under way began before now: one more, for all who want it meanwhile.
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined
      return this.look()
    })
    return this.#next
  }

  async #lookOnce(): Promise<void> {
    await Promise.all([...this.#witnesses].map(([node, witness]) => this.#ask(node, witness)))
  }

  async #ask(node: ObservedNode, witness: Witness): Promise<void> {
    const { client } = witness
    try {
      // In this order: what is known of the mesh is then never newer than the ways chosen by it.
      const topology = await client.get<TopologyReport>('/topology')
      const ways = await client.get<WaysReport>('/topology/routes')
      // It may have ended meanwhile, and started again.
      if (this.#witnesses.get(node) !== witness) return
      this.#count(witness, topology.events)
      const changed = node.take({ topology, ways }, this.#nameOf)
      if (changed.length > 0) this.#onRoutes(node.id, changed)
    } catch (error) {
      if (!(error instanceof UnansweredError)) throw error
    }
  }

  #count(witness: Witness, events: Readonly<Record<string, number>>): void {
    for (const [kind, name] of SUMMED) {
      this.counts[name] += (events[kind] ?? 0) - (witness.counted[kind] ?? 0)
    }
    witness.counted = events
  }
}
