import type { NodeId } from '../../../protocol/federation.ts'
import type { TopologyEvent } from '../../../topology/speaker-types.ts'
import type { Logger } from '../../core/logger.ts'

/** One line of a kind in so long, ms: whoever can send can make as many events as it likes. */
const QUIET_MS = 60_000
const MAX_KINDS = 1_000

interface Told {
  heard(): void
  outdone(inc: number): void
}

/** What is heard of the mesh: a few lines of log, and when each node was last heard of. */
export class MeshNews {
  readonly #log: Logger
  readonly #told: Told
  readonly #quiet = new Map<string, { readonly until: number; count: number }>()
  readonly #heardAt = new Map<NodeId, number>()
  /** Events by kind since the start. */
  readonly counts: Map<string, number> = new Map<string, number>()
  /** Changes of the table of routes since the start. */
  routeChanges = 0
  /** Comparisons asked for on the bus since the start. */
  syncs = 0
  #problem: string | undefined

  constructor(log: Logger, told: Told) {
    this.#log = log
    this.#told = told
  }

  /** What is wrong with the bus; undefined when nothing is known to be. */
  get busProblem(): string | undefined {
    return this.#problem
  }

  /** When a node was last heard of, ms since 1970. */
  heardAt(id: NodeId): number | undefined {
    return this.#heardAt.get(id)
  }

  on(event: TopologyEvent): void {
    switch (event.type) {
      case 'record':
        this.#heardAt.set(event.id, Date.now())
        this.#told.heard()
        break
      case 'expired':
        for (const id of event.ids) this.#heardAt.delete(id)
        this.#told.heard()
        break
      case 'link': {
        const { peer, up, epoch } = event
        this.#log.info(
          { peer, epoch },
          up ? 'a link of the mesh is up' : 'a link of the mesh is down',
        )
        break
      }
      case 'outdone':
        this.#told.outdone(event.by + 1)
        this.#warn(
          'outdone',
          {},
          'others remember a later start of this node, or somebody has its key',
        )
        break
      case 'twin':
        this.#warn(`twin ${event.id}`, { id: event.id }, 'a node says two things at once')
        break
      case 'refused':
        this.#warn(`refused ${event.why}`, { why: event.why, id: event.id }, 'a record was refused')
        break
      default:
        event satisfies never
    }
    this.count(event.type === 'refused' ? `refused:${event.why}` : event.type)
  }

  bus(connected: boolean): void {
    if (connected) this.#problem = undefined
    this.#log.info({}, connected ? 'the bus is there' : 'the bus is lost; links go on')
  }

  /** @param text without secrets */
  problem(text: string): void {
    this.#problem = text
    this.#warn(`bus ${text}`, { problem: text }, 'the bus')
  }

  unreadable(id: NodeId): void {
    this.count('unreadable')
    this.#warn(`unreadable ${id}`, { id }, 'a node says something on a link that cannot be read')
  }

  /** Counts more of a kind, one unless said; kinds are of this program, never of what others send. */
  count(kind: string, by = 1): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + by)
  }

  #warn(kind: string, facts: Readonly<Record<string, unknown>>, text: string): void {
    const now = performance.now()
    const quiet = this.#quiet.get(kind)
    if (quiet !== undefined && quiet.until > now) {
      quiet.count += 1
      return
    }
    if (this.#quiet.size >= MAX_KINDS) this.#quiet.clear()
    this.#quiet.set(kind, { until: now + QUIET_MS, count: 0 })
    const more = quiet === undefined || quiet.count === 0 ? {} : { more: quiet.count }
    this.#log.warn({ ...facts, ...more }, text)
  }
}
