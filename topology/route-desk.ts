import type { NodeId } from '../protocol/federation.ts'
import type { LinkMessage } from './link-message.ts'
import type { Downlink, Links, Shows } from './links.ts'
import type { RecordDb } from './record-db.ts'
import { ownRoute, Rib, type FibEntry } from './rib.ts'
import { keyText } from './route.ts'
import { compileExport, compileImport, type ExportPolicy, type Peer } from './route-policy.ts'
import type { SignedRecord } from './signed-record.ts'
import type { OwnNamespace, SpeakerSettings } from './speaker-types.ts'
import type { SummaryGroup } from './summary.ts'

interface Desk {
  readonly settings: SpeakerSettings
  readonly db: RecordDb
  readonly links: Links
  readonly now: () => number
  /** This node, as paths name it; its incarnation may change. */
  readonly self: () => Peer & { readonly inc: number }
  readonly send: (peer: NodeId, message: LinkMessage) => void
  readonly changed: (keys: readonly string[]) => void
}

/** What is done about routes: changes are gathered, ways chosen, and downstream nodes told. */
export class RouteDesk {
  readonly #desk: Desk
  readonly #exports: ExportPolicy
  readonly rib: Rib
  readonly #dirty = new Set<string>()
  /** Records that are the cause of what is dirty: they go along with what is said of it. */
  readonly #causes = new Map<NodeId, SignedRecord>()
  #flushAt = Infinity
  #staleAt = Infinity
  /** When some downstream node is to be told something: not later than this. */
  #tellAt = Infinity

  constructor(desk: Desk) {
    const { db, settings } = desk
    const { organisation } = settings.profile
    this.#desk = desk
    this.rib = new Rib(db, compileImport(settings.imports, organisation), settings.rib)
    this.#exports = compileExport(settings.exports, organisation)
  }

  /** When something is to be done, ms of the node's clock. */
  get due(): number {
    return Math.min(this.#flushAt, this.#staleAt, this.#tellAt)
  }

  /** Does what is due. */
  wake(): void {
    const now = this.#desk.now()
    if (this.#staleAt <= now) this.#dropStale(now)
    if (this.#flushAt <= now) this.#flush(now)
    if (this.#tellAt <= now) this.#advertise(now)
  }

  /** These namespaces are this node's own, and no others. */
  setOwn(namespaces: readonly OwnNamespace[]): void {
    const self = this.#desk.self()
    const wanted = new Map(namespaces.map((one) => [keyText(keyOf(one, self.id)), one]))
    const gone = Array.from(this.rib.own()).filter((key) => !wanted.has(key))
    for (const key of gone) this.rib.setOwn(key, undefined)
    for (const [key, one] of wanted) {
      const { revision, tags } = one
      this.rib.setOwn(key, ownRoute(self, keyOf(one, self.id), { revision, tags }))
    }
    this.touch([...gone, ...wanted.keys()])
  }

  /** Something about these keys may be another way now. @param cause the record that says so */
  touch(keys: Iterable<string>, cause?: SignedRecord): void {
    for (const key of keys) this.#dirty.add(key)
    if (this.#dirty.size === 0) return
    if (cause !== undefined) this.#causes.set(cause.record.id, cause)
    this.#flushAt = Math.min(this.#flushAt, this.#desk.now() + this.#desk.settings.gather)
  }

  /** What this node says of itself goes along with whatever is dirty. */
  cause(signed: SignedRecord): void {
    if (this.#dirty.size > 0) this.#causes.set(signed.record.id, signed)
  }

  /** Takes in what an upstream says. */
  onRoutes(peer: NodeId, message: Extract<LinkMessage, { type: 'routes' }>): void {
    const changed: string[] = []
    const said = new Set<string>()
    for (const { key, route } of message.routes) {
      const text = keyText(key)
      said.add(text)
      if (this.rib.offer(peer, text, route)) changed.push(text)
    }
    if (message.full) {
      const gone = Array.from(this.rib.offered(peer)).filter((key) => !said.has(key))
      for (const key of gone) if (this.rib.offer(peer, key, undefined)) changed.push(key)
    }
    this.touch(changed)
  }

  /** Prepares everything a downstream node that has just connected is to know. */
  open(link: Downlink): void {
    this.#tellAt = this.#desk.now()
    this.review(link)
  }

  /** What a downstream node may see is something else now. */
  review(link: Downlink): void {
    for (const [key, entry] of this.rib.fib) this.#tell(link, key, entry)
  }

  /** A downstream node wants all of it again. */
  resend({ adverts }: Downlink): void {
    adverts.restart()
    this.#tellAt = this.#desk.now()
  }

  /**
   * What a rule gives to an organisation, or to any, under the names it has there, in their order.
   *
   * @param shows what that may be at the most; default all
   */
  exported(to: string | undefined, shows?: Shows): readonly SummaryGroup[] {
    const { organisation } = this.#desk.self()
    const groups = new Map<string, SummaryGroup>()
    for (const { candidates } of this.rib.fib.values()) {
      const best = candidates[0]?.route
      if (best === undefined || shows?.(best.key) === false) continue
      const route = this.#exports(best, { id: '', organisation: to ?? '' })
      if (route?.key.origin !== `org:${organisation}`) continue
      const { namespace } = route.key
      groups.set(namespace, { namespace, revision: route.revision })
    }
    return [...groups.values()].toSorted((a, b) => (a.namespace < b.namespace ? -1 : 1))
  }

  #dropStale(now: number): void {
    this.#staleAt = Infinity
    for (const [key, { staleUntil }] of this.rib.fib) {
      if (staleUntil === undefined) continue
      if (staleUntil > now) this.#staleAt = Math.min(this.#staleAt, staleUntil)
      else this.#dirty.add(key)
    }
    if (this.#dirty.size > 0) this.#flushAt = now
  }

  #flush(now: number): void {
    this.#flushAt = Infinity
    const self = this.#desk.self()
    const changed: string[] = []
    for (const key of this.#dirty) {
      const { before, after } = this.rib.choose(key, self, now)
      if (before === undefined && after === undefined) continue
      changed.push(key)
      if (after?.staleUntil !== undefined) this.#staleAt = Math.min(this.#staleAt, after.staleUntil)
      for (const link of this.#desk.links.down.values()) this.#tell(link, key, after)
    }
    this.#dirty.clear()
    if (changed.length > 0) this.#desk.changed(changed)
  }

  /** Says what a downstream node is to know of a key. What passes it already is nothing to it. */
  #tell({ adverts, shows }: Downlink, key: string, entry: FibEntry | undefined): void {
    const now = this.#desk.now()
    const route = entry?.candidates[0]?.route
    const { peer } = adverts
    const isNothing =
      route === undefined ||
      shows?.(route.key) === false ||
      route.path.some(({ id }) => id === peer.id)
    adverts.update(key, isNothing ? undefined : this.#exports(route, peer), now)
    this.#tellAt = Math.min(this.#tellAt, adverts.due)
  }

  #advertise(now: number): void {
    this.#tellAt = Infinity
    for (const [id, { adverts, records }] of this.#desk.links.down) {
      if (adverts.due <= now) {
        const causes = records?.takeCauses(this.#causes.values()) ?? []
        const message = adverts.flush(now, causes)
        if (message !== undefined) this.#desk.send(id, message)
      }
      this.#tellAt = Math.min(this.#tellAt, adverts.due)
    }
    if (this.#dirty.size === 0) this.#causes.clear()
  }
}

/** What leads to a namespace of a node: replicas of one service have one key. */
function keyOf(
  { name, service }: OwnNamespace,
  self: NodeId,
): { origin: string; namespace: string } {
  return { origin: service === undefined ? self : `svc:${service}`, namespace: name }
}
