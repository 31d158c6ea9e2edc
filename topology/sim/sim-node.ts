import type { NodeId } from '../../protocol/federation.ts'
import type { SyncOutcome } from '../bus-state.ts'
import type { Peer } from '../route-policy.ts'
import { Speaker } from '../speaker.ts'
import type { OwnNamespace } from '../speaker-types.ts'
import { nextIncarnation } from '../version.ts'
import type { MeshSim, NodePlan } from './mesh-sim.ts'

/** One node: its speaker while it runs, and what outlives it. */
export class SimNode {
  readonly #sim: MeshSim
  readonly plan: NodePlan
  readonly #uses = new Map<NodeId, { readonly peer: Peer; readonly cost: number }>()
  #namespaces: readonly OwnNamespace[]
  #disk: number | undefined
  #armed = Infinity
  /** Counts its starts and ends: what was begun in another life is nothing to this one. */
  life = 0
  speaker: Speaker | undefined
  /** How wrong its wall clock is, ms. */
  skew = 0

  constructor(sim: MeshSim, plan: NodePlan) {
    this.#sim = sim
    this.plan = plan
    this.#namespaces = plan.namespaces ?? []
  }

  get id(): NodeId {
    return this.plan.id
  }

  get organisation(): string {
    return this.plan.organisation
  }

  get namespaces(): readonly OwnNamespace[] {
    return this.#namespaces
  }

  start(): void {
    if (this.speaker !== undefined) return
    this.life += 1
    this.#armed = Infinity
    const sim = this.#sim
    const random = sim.random.fork()
    const wall = (): number => sim.wall + this.skew
    const inc = nextIncarnation(this.#disk, wall())
    this.#disk = inc
    this.speaker = new Speaker(sim.settings(this.plan), inc, {
      world: {
        now: () => sim.now,
        wall,
        random: () => random.next(),
        seal: sim.notary.seal,
        open: sim.notary.open,
        isMember: () => true,
      },
      outlet: {
        publish: (signed) => sim.publish(this, signed),
        sync: (request) => sim.sync(this, request),
        send: (peer, side, message) => sim.carry(this, peer, side, message),
        probe: (peer) => sim.probe(this, peer),
        routesChanged: (keys) => sim.log(this.id, { type: 'routes', detail: keys.join(',') }),
        heard: (event) => sim.log(this.id, event),
      },
    })
    sim.log(this.id, { type: 'start', detail: String(inc) })
    this.hear((speaker) => {
      speaker.setNamespaces(this.#namespaces)
      for (const { peer, cost } of this.#uses.values()) speaker.addUplink(peer, cost)
    })
    sim.bus(this.plan.organisation).join(this)
  }

  /** Ends without a word. @param loseDisk it remembers nothing when it starts again */
  crash(loseDisk = false): void {
    if (this.speaker === undefined) return
    this.life += 1
    this.#disk = loseDisk ? undefined : this.speaker.inc
    this.speaker = undefined
    this.#sim.log(this.id, { type: 'crash' })
    this.#sim.bus(this.plan.organisation).leave(this)
    for (const link of this.#sim.links.values()) {
      const { from, to, latency } = link.plan
      if (from !== this.id && to !== this.id) continue
      const wasOpen = link.open
      link.open = false
      // The kernel closes its connections: who used it knows at once, if anything gets through.
      if (to !== this.id || !wasOpen || link.isCut) continue
      this.#sim.agenda.add(this.#sim.now + latency, () => {
        this.#sim.nodes.get(from)?.hear((speaker) => speaker.onProbe(this.id, 'refused'))
      })
    }
  }

  use(peer: Peer, cost: number): void {
    this.#uses.set(peer.id, { peer: { id: peer.id, organisation: peer.organisation }, cost })
    this.hear((speaker) => speaker.addUplink(peer, cost))
  }

  unuse(id: NodeId): void {
    this.#uses.delete(id)
    this.hear((speaker) => speaker.removeUplink(id))
  }

  setNamespaces(namespaces: readonly OwnNamespace[]): void {
    this.#namespaces = namespaces
    this.hear((speaker) => speaker.setNamespaces(namespaces))
  }

  /** Tells its speaker something, if it runs. */
  hear(what: (speaker: Speaker) => void): void {
    if (this.speaker === undefined) return
    what(this.speaker)
    this.arm()
  }

  onSync(outcome: SyncOutcome): void {
    this.hear((speaker) => speaker.onSyncOutcome(outcome))
  }

  /** Sees to it that its speaker is woken in time. */
  arm(): void {
    if (this.speaker === undefined) return
    const at = Math.max(this.speaker.wakeAt, this.#sim.now)
    if (at >= this.#armed) return
    this.#armed = at
    const { life } = this
    this.#sim.agenda.add(at, () => {
      if (this.life !== life || this.#armed !== at) return
      this.#armed = Infinity
      this.speaker?.wake()
      this.arm()
    })
  }
}
