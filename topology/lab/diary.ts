import type { SimEvent } from '../sim/mesh-sim.ts'
import type { TopologyEvent } from '../speaker-types.ts'
import type { Sometimes, Trigger } from './lab-draft.ts'
import type { SeenMesh } from './seen.ts'

/** Where what happens in a run goes. Lines have no line break. */
export interface LabSink {
  /** One event as JSON. */
  readonly event: (line: string) => void
  /** One row of `t,node,metric,value`. */
  readonly metric: (row: string) => void
}

/** Who wants to know what the diary makes out. */
interface Reader {
  readonly onRoute: (node: string, key: string) => void
  readonly onSight: (what: Sometimes) => void
}

/** Virtual time as it is written: ms, to the microsecond. */
export function stamp(time: number): number {
  return Math.round(time * 1_000) / 1_000
}

/** Writes down what happens in a mesh, and makes out of it what changed of the ways. */
export class Diary {
  readonly #mesh: SeenMesh
  readonly #sink: LabSink
  readonly #reader: Reader
  /** The best way of each node to each key, as text. */
  readonly #ways = new Map<string, Map<string, string>>()
  /** Records that were news to a node: too many to be written down. */
  news = 0
  events = 0
  /** Changes of a best way. */
  changes = 0
  lastChange = 0

  constructor(mesh: SeenMesh, sink: LabSink, reader: Reader) {
    this.#mesh = mesh
    this.#sink = sink
    this.#reader = reader
  }

  onFault(fault: Trigger, what: string): void {
    this.#write({ type: 'fault', fault, what })
  }

  /** For the log of a mesh. */
  readonly hear = (node: string, event: TopologyEvent | SimEvent): void => {
    switch (event.type) {
      case 'routes':
        for (const key of event.detail?.split(',') ?? []) this.#onRoute(node, key)
        return
      case 'record':
        this.news += 1
        return
      case 'crash':
        this.#ways.delete(node)
        break
      case 'link':
        if (!event.up) this.#reader.onSight('link-down')
        break
      case 'twin':
        this.#reader.onSight('twin-found')
        break
      case 'refused':
        this.#reader.onSight('record-refused')
        break
      case 'start':
      case 'outdone':
      case 'expired':
        break
    }
    this.#write({ node, ...event })
  }

  note(event: object): void {
    this.#write(event)
  }

  #onRoute(node: string, key: string): void {
    this.#reader.onRoute(node, key)
    const ways = this.#ways.get(node) ?? new Map<string, string>()
    this.#ways.set(node, ways)
    const best = this.#mesh.nodes.get(node)?.speaker?.fib.get(key)?.candidates[0]
    const path = best?.route.path.map(({ id }) => id)
    const [before, now] = [ways.get(key), path?.join(' ')]
    if (before === now) return
    this.changes += 1
    this.lastChange = this.#mesh.now
    if (now === undefined) ways.delete(key)
    else ways.set(key, now)
    if (before !== undefined) this.#reader.onSight(now === undefined ? 'route-lost' : 'rerouted')
    this.#write({ node, type: 'route', key, path: path ?? null })
  }

  #write(event: object): void {
    this.events += 1
    this.#sink.event(JSON.stringify({ t: stamp(this.#mesh.now), ...event }))
  }
}
