import { FaultPlay } from '../../../topology/lab/fault-play.ts'
import type { LabSink } from '../../../topology/lab/diary.ts'
import type { Lab, LabLink } from '../../../topology/lab/lab.ts'
import { Ledger } from '../../../topology/lab/ledger.ts'
import { READING_MS } from '../../../topology/lab/meters.ts'
import type { SeenLink, SeenMesh } from '../../../topology/lab/seen.ts'
import type { LabSummary } from '../../../topology/lab/summary.ts'
import type { CheckResult } from '../../../topology/lab/verdict.ts'
import type { RefusedWhy } from '../../../topology/speaker-types.ts'
import { LabClients } from './lab-clients.ts'
import { ObservedNode } from './observed-node.ts'
import { Observer } from './observer.ts'
import { RealHands } from './real-hands.ts'
import { RealMesh, type RunPlace } from './real-mesh.ts'
import { RunClock } from './run-clock.ts'
import { LOG_WORDS } from './log-words.ts'

/** Between two looks at all nodes: so long at least, and so long for each of them, ms. */
const LOOK_MS = 200
const LOOK_EACH_MS = 20
/**
 * Real nodes gather changes of routes for 20 ms; between what one of them knows and what it has chosen by it there may lie
 * more on a busy machine. Until then it may hold what it knows is dead, ms.
 */
const GATHER_MS = 500

/** How far a run is. */
export interface RunProgress {
  /** Nodes that listen, before it begins. */
  readonly started: (count: number) => void
}

/** One run of a lab with real processes in real time. */
export class RealRun {
  readonly #lab: Lab
  readonly #clock = new RunClock()
  readonly #nodes: ReadonlyMap<string, ObservedNode>
  readonly #links: ReadonlyMap<string, TrueLink>
  readonly #observer: Observer
  readonly #mesh: RealMesh
  readonly #hands: RealHands
  readonly #ledger: Ledger
  readonly #clients: LabClients
  readonly #failed = Promise.withResolvers<never>()
  #ended = 0

  constructor(lab: Lab, place: RunPlace, sink: LabSink) {
    this.#lab = lab
    const nodes = [...lab.nodes.values()].map((node) => [node.id, new ObservedNode(node)] as const)
    this.#nodes = new Map(nodes)
    this.#links = new Map(lab.links.map((link) => [`${link.from} ${link.to}`, new TrueLink(link)]))
    this.#mesh = new RealMesh(lab, place, (node, line) => this.#onLine(node, line))
    this.#observer = new Observer(
      (id) => this.#mesh.names.get(id) ?? id,
      (node, keys) => this.#ledger.hear(node, { type: 'routes', detail: keys.join(',') }),
    )
    this.#ledger = new Ledger(lab, this.#seen(), sink, GATHER_MS)
    this.#hands = new RealHands({
      mesh: this.#mesh,
      nodes: this.#nodes,
      observer: this.#observer,
      clock: this.#clock,
      hear: this.#ledger.hear,
      onBlock: (from, to, ways) => {
        const link = this.#links.get(`${from} ${to}`)
        if (link !== undefined) link.isCut = ways.forth || ways.back
      },
      failed: (error) => this.#failed.reject(error),
    })
    this.#clients = new LabClients({
      clock: this.#clock,
      seed: lab.seed,
      endpointOf: (node) => this.#mesh.endpointOf(node),
      told: this.#ledger.onCall,
    })
    // Whoever waits hears of it; until then it is nobody's.
    this.#failed.promise.catch(() => undefined)
  }

  /** Milliseconds since all nodes listened. */
  get now(): number {
    return this.#clock.now
  }

  /**
   * Starts everything, plays the schedule, and resolves when the time of the lab is over.
   *
   * @throws Error when something cannot be started, or ends by itself
   */
  async play({ started }: RunProgress, signal: AbortSignal): Promise<void> {
    process.on('exit', this.#mesh.abandon)
    let count = 0
    await this.#mesh.build()
    const failure = this.#mesh.failure.then((error) => {
      throw error
    })
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const all = this.#mesh.startAll((node, { admin }) => {
      this.#hands.began(node, admin)
      started((count += 1))
    })
    const rest = all.then(() => (signal.aborted ? undefined : this.#begin()))
    await Promise.race([rest, stopped, failure, this.#failed.promise])
  }

  /** Ends all processes. Resolves when none is left. */
  async close(): Promise<void> {
    this.#ended = this.now
    this.#clock.close()
    await this.#clients.close()
    const closing = this.#hands.close()
    await this.#mesh.close()
    await closing
    process.off('exit', this.#mesh.abandon)
  }

  /** What became of what was expected. */
  results(): readonly CheckResult[] {
    return this.#ledger.results()
  }

  summary(): LabSummary {
    return this.#ledger.summary(this.#clients)
  }

  async #begin(): Promise<void> {
    this.#clock.begin()
    this.#ledger.begin()
    new FaultPlay(this.#lab, this.#hands, this.#ledger.onFault).schedule()
    for (const [name, client] of this.#lab.clients) this.#clients.start(name, client)
    this.#look()
    this.#read()
    await new Promise<void>((resolve) => this.#clock.at(this.#lab.duration, resolve))
    await this.#observer.look()
    this.#ledger.read()
  }

  /** Looks at all nodes, again and again. */
  #look(): void {
    const pause = LOOK_MS + LOOK_EACH_MS * this.#nodes.size
    this.#observer.look().then(
      () => this.#clock.at(this.now + pause, () => this.#look()),
      (error: unknown) => this.#failed.reject(error),
    )
  }

  #read(): void {
    this.#ledger.read()
    this.#clock.at(this.now + READING_MS, () => this.#read())
  }

  /** The mesh as it is judged: what its nodes said when they were last asked, and what is done to it. */
  #seen(): SeenMesh {
    const [clock, mesh, observer] = [this.#clock, this.#mesh, this.#observer]
    const ended = (): number => this.#ended
    return {
      nodes: this.#nodes,
      links: this.#links,
      get now() {
        return ended() === 0 ? clock.now : ended()
      },
      get counts() {
        return { ...observer.counts, bytes: mesh.bytes }
      },
      agenda: {
        add: (at, run) => {
          clock.at(at, () => {
            observer.look().then(run, (error: unknown) => this.#failed.reject(error))
          })
        },
      },
    }
  }

  /** What a node writes into its log, as far as it is about the mesh. */
  #onLine(node: string, line: Readonly<Record<string, unknown>>): void {
    const { msg, peer, epoch, upstream, next, why, id } = line
    const name = (of: unknown): string => this.#mesh.names.get(String(of)) ?? String(of)
    switch (msg) {
      case LOG_WORDS.linkUp:
      case LOG_WORDS.linkDown: {
        const up = msg === LOG_WORDS.linkUp
        this.#ledger.hear(node, { type: 'link', peer: name(peer), up, epoch: Number(epoch) })
        break
      }
      case LOG_WORDS.twin:
        this.#ledger.hear(node, { type: 'twin', id: name(id) })
        break
      case LOG_WORDS.refused:
        this.#ledger.hear(node, { type: 'refused', why: why as RefusedWhy, id: name(id) })
        break
      case LOG_WORDS.failover:
        this.#clients.counts.failovers += 1
        this.#ledger.onCall({ type: 'failover', node, from: upstream, to: next })
        break
      default:
    }
  }
}

/** A link as the schedule leaves it. */
class TrueLink implements SeenLink {
  readonly plan: LabLink
  isCut = false

  constructor(plan: LabLink) {
    this.plan = plan
  }
}
