import type { HopTrail } from '../../protocol/federation.ts'
import { nextTrail } from '../../protocol/federation.ts'
import { keyText } from '../route.ts'
import { compileExport } from '../route-policy.ts'
import type { MeshSim } from '../sim/mesh-sim.ts'
import type { SimNode } from '../sim/sim-node.ts'
import { SeededRandom } from '../sim/random.ts'
import { waysFor } from '../ways.ts'
import type { ClientDraft } from './lab-draft.ts'
import { chooseBy } from './mix.ts'

/** Nodes a call may enter. */
const HOPS = 8
/** How long it takes to see that nothing can be sent over a link, where nobody refuses, ms. */
const CONNECT_MS = 1_000
const CALL_SEED = 0x2545f491

/** What became of the calls of all clients. */
export interface CallCounts {
  asked: number
  answered: number
  failed: number
  /** Times another way was taken because the first could not be sent on. */
  failovers: number
  /** Calls for what the node does not list: nothing was there to ask for. */
  idle: number
}

interface Call {
  readonly key: string
  readonly client: string
  readonly askedAt: number
}

/**
 * Calls of clients that follow the tables of the nodes, hop by hop, at the time they get there. A way that nothing could
 * be sent on is left for the next one; what was sent and is lost on the way is lost: nobody sends it twice.
 */
export class Calls {
  readonly #sim: MeshSim
  readonly #random: SeededRandom
  readonly counts: CallCounts = { asked: 0, answered: 0, failed: 0, failovers: 0, idle: 0 }
  /** Milliseconds from asking to the end of the way, of calls that got there. */
  readonly times: number[] = []
  readonly #told: (event: object) => void

  constructor(sim: MeshSim, seed: number, told: (event: object) => void) {
    this.#sim = sim
    this.#random = new SeededRandom(seed ^ CALL_SEED)
    this.#told = told
  }

  /** A client begins to call, for the rest of the run. */
  start(name: string, client: ClientDraft): void {
    const random = this.#random.fork()
    const again = (): void => {
      const pause = random.exponential(1_000 / client.calls.rate)
      this.#sim.agenda.add(this.#sim.now + pause, () => {
        this.#ask(name, client, random)
        again()
      })
    }
    again()
  }

  #ask(
    client: string,
    { at, calls: { mix = 'uniform' } }: ClientDraft,
    random: SeededRandom,
  ): void {
    // What is gone for a moment is still listed, and so asked for.
    const keys = [...(this.#sim.nodes.get(at)?.speaker?.fib.keys() ?? [])].toSorted(byText)
    const key = chooseBy(mix, keys, random)
    if (key === undefined) {
      this.counts.idle += 1
      return
    }
    this.counts.asked += 1
    this.#enter({ key, client, askedAt: this.#sim.now }, at, { budget: HOPS, path: [] })
  }

  /** A call reaches a node. */
  #enter(call: Call, node: string, trail: HopTrail): void {
    const entry = this.#sim.nodes.get(node)?.speaker?.fib.get(call.key)
    const ways = entry === undefined ? [] : waysFor(entry, trail, node)
    this.#try(call, node, { trail, nexts: ways.map(({ next }) => next) })
  }

  /** Takes the first way that something can be sent on. */
  #try(
    call: Call,
    node: string,
    { trail, nexts }: { readonly trail: HopTrail; readonly nexts: readonly (string | undefined)[] },
  ): void {
    const [next, ...others] = nexts
    if (nexts.length === 0) return this.#fail(call, node)
    if (next === undefined) return this.#answer(call)
    const link = this.#sim.link(node, next)
    const isReachable = link?.isCut === false && this.#sim.nodes.get(next)?.speaker !== undefined
    const { latency = 0 } = link?.plan ?? {}
    if (isReachable) {
      this.#later(latency, () => this.#arrive({ call, from: node }, next, nextTrail(trail, node)))
      return
    }
    if (others.length > 0) {
      this.counts.failovers += 1
      this.#told({ type: 'failover', client: call.client, node, key: call.key, from: next })
    }
    this.#later(link?.isCut === true ? CONNECT_MS : latency * 2, () =>
      this.#try(call, node, { trail, nexts: others }),
    )
  }

  #arrive(
    { call, from }: { readonly call: Call; readonly from: string },
    node: string,
    trail: HopTrail,
  ): void {
    const [there, asks] = [this.#sim.nodes.get(node), this.#sim.nodes.get(from)]
    if (there?.speaker === undefined || asks === undefined) this.#fail(call, node)
    else this.#enter({ ...call, key: keyAt(there, asks, call.key) }, node, trail)
  }

  #later(delay: number, run: () => void): void {
    this.#sim.agenda.add(this.#sim.now + delay, run)
  }

  #answer({ askedAt }: Call): void {
    this.counts.answered += 1
    this.times.push(this.#sim.now - askedAt)
  }

  #fail({ client, key }: Call, node: string): void {
    this.counts.failed += 1
    this.#told({ type: 'call-failed', client, node, key })
  }
}

/** What a node calls the namespace that it offers to another organisation under that key, where it is another one. */
function keyAt({ plan, speaker }: SimNode, { plan: peer }: SimNode, key: string): string {
  if (speaker === undefined || speaker.fib.has(key)) return key
  const exported = compileExport(plan.exports ?? [], plan.organisation)
  for (const [own, { candidates }] of speaker.fib) {
    const route = candidates[0]?.route
    const there = route && exported(route, { id: peer.id, organisation: peer.organisation })
    if (there !== undefined && keyText(there.key) === key) return own
  }
  return key
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
