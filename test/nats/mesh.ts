// Speakers as nodes run them, each with its own key and connection to a real NATS server; links between them in memory.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { thumbprint } from '../../node/identity/thumbprint.ts'
import { NATS_TIMING, openNatsBus, type NatsCredentials } from '../../topology/bus-nats.ts'
import type { BorderListener, Bus } from '../../topology/bus.ts'
import type { LinkMessage } from '../../topology/link-message.ts'
import type { Side } from '../../topology/links.ts'
import { MeshSim } from '../../topology/sim/mesh-sim.ts'
import { SeededRandom } from '../../topology/sim/random.ts'
import {
  openRecord,
  recordSealer,
  type OpenRecord,
  type SignedRecord,
} from '../../topology/signed-record.ts'
import { SUMMARY_LIMITS } from '../../topology/summary-book.ts'
import { openSummary, summarySealer } from '../../topology/summary.ts'
import { Speaker } from '../../topology/speaker.ts'
import type { OwnNamespace, TopologyEvent } from '../../topology/speaker-types.ts'

/** Milliseconds; a tenth of what nodes take or less, so that nothing is waited for long. */
const QUICK = {
  nats: { ...NATS_TIMING, ping: 300, retry: 50, patience: 1_000 },
  record: { debounce: 20, minInterval: 50, refresh: 600_000, validFor: 3_600 },
  summaries: {
    timing: { debounce: 50, refresh: 1_000, validFor: 3_600 },
    limits: SUMMARY_LIMITS,
  },
  sync: { interval: 1_000, spread: 50, retry: 200 },
} as const

/** What went over the bus, as its nodes see it. */
export interface Traffic {
  published: number
  heard: number
  /** Questions asked to compare notes. */
  asked: number
  /** Of records heard, and of questions and answers. */
  bytes: number
}

export interface MeshOptions {
  readonly organisation?: string
  readonly seed?: number
  /** How signatures are read; a memory shared by many nodes of one process stands for each having a core of its own. */
  readonly open?: OpenRecord
  readonly credentials?: (id: string) => NatsCredentials
  /** Whether its nodes are borders, and whom they take for borders of others. */
  readonly isBorder?: (organisation: string, border: string) => boolean
  /** Nodes of the organisation, about, as they spread by when they come back. */
  readonly nodes?: number
}

/** The nodes of one organisation at a bus. */
export class NatsMesh {
  readonly nodes: BusNode[] = []
  readonly traffic: Traffic = { published: 0, heard: 0, asked: 0, bytes: 0 }
  readonly random: SeededRandom
  readonly organisation: string
  readonly options: MeshOptions
  /** Share of what comes from the bus that is lost on the way to a speaker. */
  drop = 0

  constructor(options: MeshOptions = {}) {
    this.options = options
    this.organisation = options.organisation ?? 'acme'
    this.random = new SeededRandom(options.seed ?? 1)
  }

  add(servers: readonly string[], name = 'ns'): BusNode {
    const node = new BusNode(this, servers)
    this.nodes.push(node)
    node.does((speaker) => speaker.setNamespaces([namespaceOf(name, 'r0')]))
    return node
  }

  /** `a` uses `b`. */
  link(a: BusNode, b: BusNode): void {
    a.does((speaker) => speaker.addUplink({ id: b.id, organisation: this.organisation }, 1))
  }

  node(id: string): BusNode | undefined {
    return this.nodes.find((one) => one.id === id)
  }

  isLost(): boolean {
    return this.drop > 0 && this.random.next() < this.drop
  }

  /** Whether all know the latest of all, and are in step. */
  get agrees(): boolean {
    const { nodes } = this
    const [root, ...others] = nodes.map(({ speaker }) => speaker.db.tree.root())
    return (
      others.every((one) => one === root) &&
      nodes.every(({ speaker }) => speaker.db.tree.size >= nodes.length && speaker.bus === 'live')
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map((node) => node.close()))
  }
}

export function namespaceOf(name: string, revision: string): OwnNamespace {
  return { name, revision, count: 1, tags: [] }
}

/** One node: what `banyan up` would run of it. */
export class BusNode {
  readonly key: KeyObject
  readonly id: string
  readonly problems: string[] = []
  readonly heard: TopologyEvent[] = []
  readonly speaker: Speaker
  readonly bus: Bus
  readonly #mesh: NatsMesh
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(mesh: NatsMesh, servers: readonly string[]) {
    const { privateKey } = generateKeyPairSync('ed25519')
    this.key = privateKey
    this.id = thumbprint(privateKey.export({ format: 'jwk' }))
    this.#mesh = mesh
    const { organisation, random } = mesh
    const own = random.fork()
    const settings = {
      ...new MeshSim(1, QUICK).settings({ id: this.id, organisation }),
      ...QUICK,
      exports: [{ namespaces: ['public*'], allow: true }],
    }
    this.speaker = new Speaker(settings, Date.now(), {
      world: {
        now: () => performance.now(),
        wall: () => Date.now(),
        random: () => own.next(),
        seal: recordSealer(privateKey),
        open: mesh.options.open ?? openRecord,
        isMember: () => true,
        ...(mesh.options.isBorder !== undefined && {
          border: {
            isBorder: mesh.options.isBorder,
            open: openSummary,
            seal: summarySealer(privateKey),
          },
        }),
      },
      outlet: {
        publish: (signed) => this.#publish(signed),
        sync: (request) => {
          mesh.traffic.asked += 1
          mesh.traffic.bytes += JSON.stringify(request).length
          void this.bus.sync(request).then((outcome) => {
            mesh.traffic.bytes += JSON.stringify(outcome).length
            this.does((speaker) => speaker.onSyncOutcome(mesh.isLost() ? 'lost' : outcome))
            return undefined
          })
        },
        send: (peer, side, message) => this.#carry(peer, side, message),
        probe: (peer) => this.#probe(peer),
        routesChanged: () => undefined,
        heard: (event) => this.heard.push(event),
        publishSummary: (signed) => this.bus.publishSummary(signed),
      },
    })
    this.bus = openNatsBus(
      {
        servers,
        organisation,
        id: this.id,
        nodes: mesh.options.nodes ?? 3,
        timing: QUICK.nats,
        random: () => own.next(),
        credentials: mesh.options.credentials?.(this.id),
      },
      {
        connected: (is) => this.does((speaker) => speaker.onBus(is)),
        record: (subject, text) => {
          mesh.traffic.heard += 1
          mesh.traffic.bytes += text.length
          if (!mesh.isLost()) this.does((speaker) => speaker.onBusRecord(subject, text))
        },
        sync: (request) => {
          const reply = this.speaker.onSyncRequest(request)
          this.#arm()
          return reply
        },
        problem: (text) => this.problems.push(text),
        ...(this.speaker.borders !== undefined && { border: this.#border() }),
      },
    )
  }

  /** Tells the speaker something. */
  does(what: (speaker: Speaker) => void): void {
    if (this.#closed) return
    what(this.speaker)
    this.#arm()
  }

  /** Changes what all others must learn. */
  change(revision: string): void {
    this.does((speaker) => speaker.setNamespaces([namespaceOf('ns', revision)]))
  }

  /** What it holds to be the latest of a node. */
  revisionOf(id: string): string | undefined {
    return this.speaker.db.get(id)?.namespaces[0]?.digest
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.bus.close()
  }

  #border(): BorderListener {
    return {
      summary: (...of) => this.does(({ borders }) => borders?.onBus(...of)),
      pull: () => this.speaker.borders?.pull() ?? [],
    }
  }

  #publish(signed: SignedRecord): void {
    this.#mesh.traffic.published += 1
    this.bus.publish(signed)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.speaker.wakeAt === Infinity) return
    const wait = Math.max(0, this.speaker.wakeAt - performance.now())
    this.#timer = setTimeout(() => this.does((speaker) => speaker.wake()), wait)
  }

  #carry(peer: string, side: Side, message: LinkMessage): void {
    const from = this.id
    setImmediate(() => {
      const back = side === 'up' ? 'down' : 'up'
      this.#mesh.node(peer)?.does((speaker) => speaker.onLinkMessage(from, back, message))
    })
  }

  #probe(peer: string): void {
    setImmediate(() => {
      const other = this.#mesh.node(peer)
      const { id } = this
      const { organisation } = this.#mesh
      if (other !== undefined && !other.speaker.links.down.has(id)) {
        other.does((speaker) => speaker.openDownlink({ id, organisation }))
      }
      this.does((speaker) => speaker.onProbe(peer, other === undefined ? 'refused' : 'ok'))
    })
  }
}
