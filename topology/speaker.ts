import type { NodeId } from '../protocol/federation.ts'
import type { BorderDesk } from './border-desk.ts'
import { BusSync, type BusState, type SyncOutcome } from './bus-state.ts'
import type { ProbeOutcome } from './link-health.ts'
import type { LinkMessage } from './link-message.ts'
import { Downlink, Links, Uplink, type Shows, type Side } from './links.ts'
import { OwnRecord } from './own-record.ts'
import { RecordDb } from './record-db.ts'
import { linkFact, lostLinks, namespaceFacts } from './record-facts.ts'
import { RecordFlood } from './record-flood.ts'
import { RecordIntake } from './record-intake.ts'
import type { NodeRecord, NodeStatus } from './record.ts'
import type { FibEntry } from './rib.ts'
import { RouteDesk } from './route-desk.ts'
import type { Peer } from './route-policy.ts'
import type { SignedRecord } from './signed-record.ts'
import type { Outlet, OwnNamespace, SpeakerSettings, World } from './speaker-types.ts'
import { makeBorders } from './speaker-borders.ts'
import { answerSync, type SyncReply, type SyncRequest } from './sync.ts'

/** Where a record came from: over the bus, under the subject of a node, or over a link. */
interface Arrival {
  readonly subject?: NodeId
  readonly from?: { readonly id: NodeId; readonly side: Side } | undefined
}

/**
 * What one node knows of the mesh, and says: records on the bus and, where somebody does not hear it, on the links;
 * routes on the links. A state machine: whatever happens is told to it, and whatever it wants done goes to its outlet.
 * It has no timer; `wake` must be called at `wakeAt`.
 */
export class Speaker {
  readonly #settings: SpeakerSettings
  readonly #world: World
  readonly #outlet: Outlet
  readonly #own: OwnRecord
  readonly #intake: RecordIntake
  readonly #bus: BusSync
  readonly #routes: RouteDesk
  readonly #flood: RecordFlood
  /** Undefined on nodes that are no border. */
  readonly borders: BorderDesk | undefined
  readonly links: Links = new Links()
  readonly db: RecordDb
  #status: NodeStatus = 'up'
  #namespaces: readonly OwnNamespace[] = []
  #unpublished = false
  /** When some upstream is to be probed: not later than this. */
  #probeAt = Infinity
  #record: SignedRecord | undefined

  /** @param inc from `nextIncarnation` */
  constructor(settings: SpeakerSettings, inc: number, sides: { world: World; outlet: Outlet }) {
    const { world, outlet } = sides
    const { profile } = settings
    this.#settings = settings
    this.#world = world
    this.#outlet = outlet
    this.db = new RecordDb(settings.db)
    const { seal, now } = world
    this.#own = new OwnRecord(profile, inc, { seal, timing: settings.record, clocks: world })
    const { id: self, organisation } = profile
    this.#intake = new RecordIntake(this.db, { self, organisation, world, heard: outlet.heard })
    const take = (records: readonly string[]): number => this.#takeAll(records, undefined)
    this.#bus = new BusSync(this.db, { take, timing: settings.sync, clocks: world })
    this.#flood = new RecordFlood({
      db: this.db,
      links: this.links,
      now,
      bus: () => ({ hears: this.#bus.state !== 'lost', behind: this.#bus.isBehind }),
      send: outlet.send,
      take: (records, from) => this.#takeAll(records, from),
      gather: settings.gather,
    })
    this.#routes = new RouteDesk({
      settings,
      db: this.db,
      links: this.links,
      now,
      self: () => ({ id: self, organisation, inc: this.#own.inc }),
      send: (peer, message) => outlet.send(peer, 'down', message),
      changed: (keys) => {
        this.borders?.changed()
        outlet.routesChanged(keys)
      },
    })
    this.borders = makeBorders(settings, sides, {
      self: { id: self, organisation, inc },
      groups: (to) => this.#routes.exported(to, world.border?.shows?.(to)),
      links: this.links,
    })
  }

  get id(): NodeId {
    return this.#settings.profile.id
  }

  /** Incarnation, to be remembered for the next start. */
  get inc(): number {
    return this.#own.inc
  }

  get bus(): BusState {
    return this.#bus.state
  }

  /** The ways to all namespaces this node knows of, by key. */
  get fib(): ReadonlyMap<string, FibEntry> {
    return this.#routes.rib.fib
  }

  /** When `wake` is to be called, ms of the world's clock. */
  get wakeAt(): number {
    const { due } = this.#routes
    const borders = this.borders?.due ?? Infinity
    return Math.min(due, borders, this.#own.due, this.#bus.due, this.#flood.due, this.#probeAt)
  }

  /** Does what is due. */
  wake(): void {
    const now = this.#world.now()
    if (this.#probeAt <= now) this.#probe(now)
    if (this.#bus.due <= now) this.#beginSync()
    if (this.#own.due <= now) this.#speak()
    if (this.#flood.due <= now) this.#flood.flush()
    if (this.borders !== undefined && this.borders.due <= now) this.borders.wake()
    this.#routes.wake()
  }

  setNamespaces(namespaces: readonly OwnNamespace[]): void {
    this.#namespaces = namespaces
    this.#routes.setOwn(namespaces)
    this.#own.changed(false)
  }

  /** Takes no new work, so that others go elsewhere where they can; or takes some again. */
  drain(away = true): void {
    this.#status = away ? 'drain' : 'up'
    this.#own.changed(true)
  }

  /** Goes for good: says so, and takes back all it offered. */
  leave(): void {
    this.#status = 'left'
    this.setNamespaces([])
    for (const id of Array.from(this.links.up.keys())) this.removeUplink(id)
    this.#own.changed(true)
  }

  /** There is an upstream node to use. It is probed at once. */
  addUplink(peer: Peer, cost: number): void {
    const { link: timing } = this.#settings
    const uplink = new Uplink(peer, { cost, timing, inside: this.#isInside(peer) })
    this.links.drop(peer.id, 'up')
    this.links.up.set(peer.id, uplink)
    this.#probeBy(uplink, this.#world.now())
    this.#own.changed(false)
  }

  removeUplink(id: NodeId): void {
    const { rib } = this.#routes
    const keys = Array.from(rib.offered(id))
    this.links.drop(id, 'up')
    rib.setUplink(id, undefined)
    this.#routes.touch(keys)
    this.#own.changed(true)
  }

  /** What is said to an upstream arrives again: what was said before may not have. */
  greetUplink(id: NodeId): void {
    const uplink = this.links.up.get(id)
    if (uplink === undefined || uplink.health.state === 'down') return
    this.#flood.greet(id, 'up')
    this.#outlet.send(id, 'up', { type: 'resend' })
  }

  /**
   * A downstream node connected, or did so anew.
   *
   * @param shows what it may be told of at the most; default all that export rules allow
   */
  openDownlink(peer: Peer, shows?: Shows): void {
    const { adverts: timing } = this.#settings
    const { random } = this.#world
    const link = new Downlink(peer, { timing, random, inside: this.#isInside(peer) })
    link.shows = shows
    this.links.drop(peer.id, 'down')
    this.links.down.set(peer.id, link)
    this.#routes.open(link)
    this.#flood.greet(peer.id, 'down')
    if (!this.#isInside(peer)) this.borders?.connect(peer)
  }

  /** What a downstream node may see is something else now: it is told what that changes. */
  reviewDownlink(id: NodeId, shows: Shows): void {
    const link = this.links.down.get(id)
    if (link === undefined) return
    link.shows = shows
    this.#routes.review(link)
  }

  closeDownlink(id: NodeId): void {
    this.links.drop(id, 'down')
    if (!this.links.up.has(id)) this.borders?.disconnect(id)
  }

  /**
   * The outcome of a probe, or of a call, which says as much.
   *
   * @param slack how far this node is behind its own work, at least 1: silences count that much less
   */
  onProbe(id: NodeId, outcome: ProbeOutcome, slack = 1): void {
    const uplink = this.links.up.get(id)
    if (uplink === undefined) return
    const now = this.#world.now()
    const turned = uplink.health.onOutcome(outcome, now, slack)
    uplink.probing = false
    this.#probeBy(uplink, now + uplink.health.nextProbe(now))
    if (turned) this.#onTurn(id, uplink)
  }

  /** Somebody lost a node, or a call came to nothing: whoever has a link to it looks at once, and not in its own time. */
  probeSoon(id: NodeId): void {
    const uplink = this.links.up.get(id)
    if (uplink === undefined || uplink.probing || uplink.health.state === 'down') return
    this.#probeBy(uplink, this.#world.now())
  }

  onLinkMessage(id: NodeId, side: Side, message: LinkMessage): void {
    const link = this.links.get(id, side)
    if (link === undefined) return
    switch (message.type) {
      case 'hello':
        this.#flood.onHello(id, side, message)
        break
      case 'ask':
        this.#flood.onAsk(id, side, message)
        break
      case 'reply':
        if (side === 'up') this.#flood.onReply(id, message)
        break
      case 'summaries':
        if (!this.#isInside(link.peer)) this.borders?.onLink(link.peer, message.summaries)
        break
      case 'records':
        if (link.records !== undefined) this.#takeAll(message.records, { id, side })
        break
      case 'routes':
        if (link instanceof Uplink) this.#onRoutes(link, message)
        break
      case 'resend':
        if (link instanceof Downlink) this.#resend(link)
    }
  }

  onBus(connected: boolean): void {
    const was = this.#bus.state !== 'lost'
    this.#bus.connected(connected)
    if (was !== connected) this.#flood.announce()
    if (connected && !was) this.borders?.announce()
  }

  /** A record came over the bus. @param subject the node its subject names */
  onBusRecord(subject: NodeId, text: string): void {
    this.#take(text, { subject })
  }

  /** Somebody on the bus wants to compare notes. */
  onSyncRequest(request: SyncRequest): SyncReply {
    return answerSync(this.db, request, (records) => this.#takeAll(records, undefined))
  }

  onSyncOutcome(outcome: SyncOutcome): void {
    const before = this.#bus.isBehind
    const next = this.#bus.onOutcome(outcome)
    if (next !== undefined) this.#outlet.sync(next)
    // Nobody answers on the bus: neighbours may know more.
    if (this.#bus.isBehind && !before) this.#flood.announce()
    // What was said while nobody heard it is said again, now that nothing older can come in its way.
    if (this.#unpublished) this.#publish()
  }

  #probe(now: number): void {
    this.#probeAt = Infinity
    for (const [id, uplink] of this.links.up) {
      if (uplink.probing) continue
      if (uplink.probeAt <= now) {
        uplink.probing = true
        this.#outlet.probe(id)
      } else this.#probeAt = Math.min(this.#probeAt, uplink.probeAt)
    }
  }

  /** @param at ms of the world's clock */
  #probeBy(uplink: Uplink, at: number): void {
    uplink.probeAt = at
    this.#probeAt = Math.min(this.#probeAt, at)
  }

  #isInside({ organisation }: Peer): boolean {
    return organisation === this.#settings.profile.organisation
  }

  #onTurn(id: NodeId, uplink: Uplink): void {
    const { peer, cost, health } = uplink
    const up = health.state === 'up'
    const { rib } = this.#routes
    this.#outlet.heard({ type: 'link', peer: id, up, epoch: health.epoch })
    rib.setUplink(id, { peer, up, cost, epoch: health.epoch })
    this.#routes.touch(rib.offered(id))
    this.#own.changed(!up)
    if (!up) return this.#flood.reroute(id)
    this.greetUplink(id)
    if (uplink.records === undefined) this.borders?.connect(uplink.peer)
  }

  /** What was said before may not have arrived. */
  #resend(link: Downlink): void {
    this.#routes.resend(link)
    if (link.records === undefined) this.borders?.connect(link.peer)
  }

  #onRoutes(uplink: Uplink, message: Extract<LinkMessage, { type: 'routes' }>): void {
    const { id } = uplink.peer
    if (!message.full && message.seq !== uplink.expected) {
      if (uplink.expected !== undefined) this.#outlet.send(id, 'up', { type: 'resend' })
      uplink.expected = undefined
      return
    }
    uplink.expected = message.seq + 1
    if (uplink.records !== undefined) this.#takeAll(message.records, { id, side: 'up' })
    // It knows nothing of what was said before.
    else if (message.full) this.borders?.connect(uplink.peer)
    this.#routes.onRoutes(id, message)
  }

  #beginSync(): void {
    const gone = this.db.expire(this.#bus.presence)
    if (gone.length > 0) this.#outlet.heard({ type: 'expired', ids: gone })
    for (const id of gone) this.#routes.touch(this.#routes.rib.through(id))
    this.#outlet.sync(this.#bus.begin())
  }

  #takeAll(records: readonly string[], from: Arrival['from']): number {
    return records.filter((text) => this.#take(text, { from })).length
  }

  /** Whether it was news. */
  #take(text: string, { subject, from }: Arrival): boolean {
    const taken = this.#intake.take(text, subject, this.#bus.presence)
    if (taken === undefined) return false
    const { signed, before, verdict } = taken
    if (from !== undefined) this.links.get(from.id, from.side)?.records?.has(signed)
    if (signed.record.id === this.id) {
      this.#onOwn(signed)
      return false
    }
    if (verdict !== 'newer' && verdict !== 'twin') return false
    this.#flood.pass(signed, from)
    this.#weigh(signed, before)
    return true
  }

  /** A record of this node that it did not just make: an older self, or another with its key. Either is outdone. */
  #onOwn(signed: SignedRecord): void {
    if (signed.digest === this.#record?.digest) return
    const { inc, seq } = signed.record
    const own = this.#own.version
    if (inc < own.inc || (inc === own.inc && seq < own.seq)) return
    this.#own.outdo({ inc, seq })
    this.#outlet.heard({ type: 'outdone', by: inc })
    if (this.#own.inc === own.inc) return
    // Paths carry the incarnation: all that goes through this node is another route now.
    this.#routes.setOwn(this.#namespaces)
    this.#routes.touch(this.fib.keys())
  }

  /** What a record changes for routes, and for the links of this node. */
  #weigh(signed: SignedRecord, before: NodeRecord | undefined): void {
    const { record } = signed
    const lost = lostLinks(before, record)
    const isOther = before?.status !== record.status || before.inc !== record.inc
    if (lost.length > 0 || isOther || this.db.isTwofold(record.id)) {
      this.#routes.touch(this.#routes.rib.through(record.id), signed)
    }
    for (const id of lost) this.probeSoon(id)
  }

  #speak(): void {
    const signed = this.#own.make({
      status: this.#status,
      links: Array.from(this.links.up.values(), linkFact),
      namespaces: this.#namespaces.flatMap(namespaceFacts),
    })
    this.#record = signed
    this.db.put(signed, this.#bus.presence)
    this.#routes.cause(signed)
    this.#flood.pass(signed)
    this.#unpublished = true
    this.#publish()
  }

  /** Says on the bus what it last said of itself: not before it is in step, unless nobody there helps it to be. */
  #publish(): void {
    const { isBehind, state } = this.#bus
    if (this.#record === undefined || state === 'lost' || (state === 'joining' && !isBehind)) return
    this.#unpublished = state !== 'live'
    this.#outlet.publish(this.#record)
  }
}
