import type { KeyObject } from 'node:crypto'
import type { NodeId } from '../../../protocol/federation.ts'
import type { BorderListener, Bus } from '../../../topology/bus.ts'
import {
  linkMessageJson,
  readLinkMessage,
  type LinkMessage,
} from '../../../topology/link-message.ts'
import type { ProbeOutcome } from '../../../topology/link-health.ts'
import type { Shows, Side } from '../../../topology/links.ts'
import type { Profile } from '../../../topology/own-record.ts'
import type { Peer } from '../../../topology/route-policy.ts'
import { openRecord, recordSealer } from '../../../topology/signed-record.ts'
import { Speaker } from '../../../topology/speaker.ts'
import type { OwnNamespace, TopologyEvent } from '../../../topology/speaker-types.ts'
import { openSummary, summarySealer, type SignedSummary } from '../../../topology/summary.ts'
import type { GossipSettings } from '../../core/config-gossip-types.ts'
import type { LinkedNode, MeshWire } from '../../core/mesh-ends.ts'
import type { DownEnd, Ends, UpEnd } from './ends.ts'
import type { Members } from './members.ts'
import { speakerSettings, type MeshTiming } from './settings.ts'
import { Slack } from './slack.ts'
import type { WayRanks } from './way-ranks.ts'

/** What one run of the mesh is made with. */
export interface RunParts {
  readonly gossip: GossipSettings
  readonly profile: Profile
  readonly key: KeyObject
  readonly inc: number
  readonly hopBudget: number
  readonly timing: MeshTiming
  readonly members: Members
  readonly ends: Ends
  readonly ranks: WayRanks
  /** What a downstream node sees of this one at the most. */
  readonly shows: (end: DownEnd) => Shows
  /** What another organisation, or all, may be told of at the most. */
  readonly abroad: (to: string | undefined) => Shows
  /** Asks an upstream node by a label. Never rejects. */
  readonly probe: (label: string) => Promise<ProbeOutcome>
  /** Ends what is under way at an upstream, and of which nothing has come since then, by `performance.now()`. */
  readonly breakOff: (label: string, since: number) => void
  readonly heard: (event: TopologyEvent) => void
  /** Go on from run to run. */
  readonly counts: { routed(changes: number): void; syncs: number }
  /** Counts what is said, and what the bus brings. */
  readonly count: (kind: MeshTraffic, by?: number) => void
}

/** What is counted of what a node says and hears. */
export type MeshTraffic =
  'sent:routes' | 'sent:deltas' | 'sent:records' | 'sent:probes' | 'sent:syncs' | 'heard:bus'

/** No organisation: of a node that says it is of this one, and has not shown it. */
const UNPROVED = ''
/** Records looked at of a node that has not shown whose it is: its own has to be among them. */
const MAX_UNPROVED = 4
const MAX_TIMER_MS = 2 ** 31 - 1
/** Time for what is said last to get out, ms. */
const LAST_WORDS_MS = 30

/** One speaker with real clocks, the node's key, and the wires there are. Another configuration is another run. */
export class MeshRun {
  readonly speaker: Speaker
  readonly #parts: RunParts
  readonly #slack = new Slack()
  /** Nodes that showed just now that they are of the organisation. */
  readonly #proved = new Set<NodeId>()
  #bus: Bus | undefined
  #timer: NodeJS.Timeout | undefined
  #armedAt = Infinity
  #closed = false
  lastSync: number | undefined

  constructor(parts: RunParts) {
    const { gossip, profile, key, inc, hopBudget, timing, members, ranks } = parts
    this.#parts = parts
    this.speaker = new Speaker(speakerSettings(gossip, profile, { hopBudget, timing }), inc, {
      world: {
        now: () => performance.now(),
        wall: () => Date.now(),
        random: Math.random,
        seal: recordSealer(key),
        open: openRecord,
        isMember: (record) => members.isMember(record),
        border: {
          seal: summarySealer(key),
          open: openSummary,
          isBorder: (of, border) => gossip.borders?.get(of)?.includes(border) === true,
          shows: parts.abroad,
        },
      },
      outlet: {
        publish: (signed) => this.#bus?.publish(signed),
        sync: (request) => void this.#sync(request),
        send: (peer, side, message) => this.#send(peer, side, message),
        probe: (peer) => void this.#probe(peer),
        ...(gossip.borders !== undefined && {
          publishSummary: (signed: SignedSummary) => this.#bus?.publishSummary(signed),
        }),
        routesChanged: (keys) => {
          parts.counts.routed(keys.length)
          ranks.changed(keys)
        },
        heard: (event) => this.#onHeard(event),
      },
    })
  }

  /** Begins with what there is. @param records texts that an earlier run held */
  start(namespaces: readonly OwnNamespace[], records: Iterable<readonly [NodeId, string]>): void {
    const { ends, ranks, profile } = this.#parts
    const { speaker } = this
    ranks.follow({
      organisation: profile.organisation,
      fib: speaker.fib,
      peerOf: (label) => ends.peerOf(label),
      isDown: (peer) => speaker.links.up.get(peer)?.health.state === 'down',
      doubt: (peer) => this.tell((known) => known.probeSoon(peer)),
      speaks: (peer) => speaker.links.up.get(peer)?.expected !== undefined,
    })
    this.tell(() => {
      speaker.setNamespaces(namespaces)
      // So that there is a record of this node to show.
      speaker.wake()
      for (const [id, text] of records) speaker.onBusRecord(id, text)
    })
    for (const end of ends.ups.values()) this.openUp(end)
    for (const id of ends.downs) this.openDown(id)
  }

  /** The bus is that from now on. */
  useBus(bus: Bus | undefined): void {
    if (this.#closed) void bus?.close()
    else this.#bus = bus
  }

  /** What this node hears and says of organisations on the bus; undefined where they do not share one. */
  get atBorder(): BorderListener | undefined {
    if (this.#parts.gossip.borders === undefined) return undefined
    return {
      summary: (of, border, text) => {
        this.tell((speaker) => speaker.borders?.onBus(of, border, text))
      },
      pull: () => this.speaker.borders?.pull() ?? [],
    }
  }

  /** The bus came or went. */
  onBus(is: boolean): void {
    this.tell((speaker) => speaker.onBus(is))
    if (!is) return
    // What others said meanwhile they do not say again soon.
    for (const of of this.#parts.gossip.borders?.keys() ?? []) void this.#bus?.pullSummaries(of)
  }

  /** Tells the speaker something, and sees to it that it is woken in time. Nothing is told after the end. */
  tell(work: (speaker: Speaker) => void): void {
    if (this.#closed) return
    work(this.speaker)
    for (const id of this.#proved) {
      this.#proved.delete(id)
      this.#reopen(id)
    }
    this.#arm()
  }

  /** An upstream node is there, or a wire to it is. */
  openUp({ label, peer, wire }: UpEnd): void {
    const { gossip } = this.#parts
    this.tell((speaker) => {
      if (!speaker.links.up.has(peer.node)) {
        speaker.addUplink(this.#peer(peer), gossip.links[label] ?? gossip.cost)
      } else if (wire !== undefined) speaker.greetUplink(peer.node)
      if (wire !== undefined) this.#introduce(peer, wire)
    })
  }

  /** An upstream does not lead to that node any more. */
  closeUp(id: NodeId): void {
    if (this.#parts.ends.upsTo(id).length === 0) this.tell((speaker) => speaker.removeUplink(id))
  }

  /** Somebody noticed that an upstream node does not answer. */
  doubt(id: NodeId): void {
    this.tell((speaker) => speaker.onProbe(id, 'refused'))
  }

  /** A downstream node is told things on its newest wire; undefined ones are gone. */
  openDown(id: NodeId): void {
    const end = this.#parts.ends.down(id)
    this.tell((speaker) => {
      if (end === undefined) {
        speaker.closeDownlink(id)
        return
      }
      speaker.openDownlink(this.#peer(end.wire.peer), this.#parts.shows(end))
      this.#introduce(end.wire.peer, end.wire)
    })
  }

  /** What there is, or what nodes may see of it, is something else now. */
  review(namespaces: readonly OwnNamespace[] | undefined): void {
    const { ends, shows } = this.#parts
    this.tell((speaker) => {
      if (namespaces !== undefined) speaker.setNamespaces(namespaces)
      for (const id of ends.downs) {
        const end = ends.down(id)
        if (end !== undefined) speaker.reviewDownlink(id, shows(end))
      }
      speaker.borders?.changed()
    })
  }

  /** Takes what the other end of a wire says. False when it cannot be read. */
  message(peer: LinkedNode, side: Side, text: string): boolean {
    const message = readLinkMessage(parse(text))
    if (message === undefined) return false
    this.tell((speaker) => {
      const link = speaker.links.get(peer.node, side)
      if (message.type === 'records' && link?.records === undefined) {
        this.#onUnproved(peer, message.records)
      } else speaker.onLinkMessage(peer.node, side, message)
    })
    return true
  }

  /** What others have been told of nodes, for the run after this one. */
  *records(): Iterable<readonly [NodeId, string]> {
    const { db, id: self } = this.speaker
    for (const id of db.nodes()) {
      if (id === self) continue
      for (const { text } of db.texts(id)) yield [id, text]
    }
  }

  /** Says what is to be said last, and ends. @param leave whether the node is gone for good */
  async close(leave: boolean): Promise<void> {
    if (this.#closed) return
    this.tell((speaker) => {
      if (leave) speaker.leave()
      speaker.wake()
    })
    if (leave) {
      await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))
      this.tell((speaker) => speaker.wake())
    }
    this.#closed = true
    clearTimeout(this.#timer)
    this.#parts.ranks.follow(undefined)
    await this.#bus?.close()
  }

  /** A node is of this organisation if configuration, or a record of it that was believed, says so. */
  #peer({ node, organisation }: LinkedNode): Peer {
    const own = this.#parts.profile.organisation
    const isProved = organisation !== own || this.#isInside(node)
    return { id: node, organisation: isProved ? organisation : UNPROVED }
  }

  #isInside(id: NodeId): boolean {
    return this.#parts.members.isKnown(id) ?? this.speaker.db.version(id) !== undefined
  }

  /** Shows a node that cannot know it yet that this one is of its organisation. */
  #introduce({ node, organisation }: LinkedNode, wire: MeshWire): void {
    const { members, profile } = this.#parts
    const isAsked = organisation === profile.organisation && members.isKnown(node) === undefined
    const own = this.speaker.db.texts(profile.id)[0]
    if (!isAsked || own === undefined) return
    wire.send(JSON.stringify(linkMessageJson({ type: 'records', records: [own.text] })))
  }

  /** Of a node that has not shown whose it is only its own record is looked at. */
  #onUnproved({ node, organisation }: LinkedNode, records: readonly string[]): void {
    if (organisation !== this.#parts.profile.organisation) return
    for (const text of records.slice(0, MAX_UNPROVED)) this.speaker.onBusRecord(node, text)
  }

  #onHeard(event: TopologyEvent): void {
    if (event.type === 'record') {
      const { links } = this.speaker
      const ends = [links.up.get(event.id), links.down.get(event.id)]
      if (ends.some((end) => end?.peer.organisation === UNPROVED)) this.#proved.add(event.id)
    }
    this.#parts.heard(event)
  }

  #reopen(id: NodeId): void {
    const { ends, gossip } = this.#parts
    const [up] = ends.upsTo(id)
    if (up !== undefined && this.speaker.links.up.get(id)?.peer.organisation === UNPROVED) {
      this.speaker.addUplink(this.#peer(up.peer), gossip.links[up.label] ?? gossip.cost)
    }
    if (this.speaker.links.down.get(id)?.peer.organisation === UNPROVED) this.openDown(id)
  }

  #send(peer: NodeId, side: Side, message: LinkMessage): void {
    const { ends } = this.#parts
    const wire = side === 'up' ? ends.wireUp(peer) : ends.down(peer)?.wire
    if (wire !== undefined) this.#onSaid(message)
    wire?.send(JSON.stringify(linkMessageJson(message)))
  }

  #onSaid(message: LinkMessage): void {
    const { count } = this.#parts
    if (message.type !== 'routes') {
      count('sent:records')
      return
    }
    count('sent:routes')
    count('sent:deltas', message.routes.length)
  }

  async #probe(id: NodeId): Promise<void> {
    this.#parts.count('sent:probes')
    const { ends, probe } = this.#parts
    const since = performance.now()
    const outcome = bestOf(await Promise.all(ends.upsTo(id).map(({ label }) => probe(label))))
    this.tell((speaker) => speaker.onProbe(id, outcome, this.#slack.factor))
    if (outcome === 'silent') this.#breakOff(id, since)
  }

  /**
   * Calls on a way that is down of silence have no answer to wait for. One that refuses may only take no new ones, and
   * be about to end those it has.
   */
  #breakOff(id: NodeId, since: number): void {
    if (this.speaker.links.up.get(id)?.health.state !== 'down') return
    const { ends, breakOff } = this.#parts
    for (const { label } of ends.upsTo(id)) breakOff(label, since)
  }

  async #sync(request: Parameters<Bus['sync']>[0]): Promise<void> {
    this.#parts.counts.syncs += 1
    this.#parts.count('sent:syncs')
    const outcome = (await this.#bus?.sync(request)) ?? 'lost'
    if (outcome !== 'lost') this.lastSync = Date.now()
    this.tell((speaker) => speaker.onSyncOutcome(outcome))
  }

  #arm(): void {
    const at = this.speaker.wakeAt
    if (at === this.#armedAt && this.#timer !== undefined) return
    clearTimeout(this.#timer)
    this.#armedAt = at
    this.#timer = undefined
    if (at === Infinity) return
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, at - performance.now()))
    this.#timer = setTimeout(() => this.#tick(), wait)
    this.#timer.unref()
  }

  #tick(): void {
    this.#timer = undefined
    this.#slack.ticked(performance.now() - this.#armedAt)
    this.tell((speaker) => speaker.wake())
  }
}

function bestOf(outcomes: readonly ProbeOutcome[]): ProbeOutcome {
  if (outcomes.includes('ok')) return 'ok'
  const isSilent = outcomes.length > 0 && outcomes.every((one) => one === 'silent')
  return isSilent ? 'silent' : 'refused'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
