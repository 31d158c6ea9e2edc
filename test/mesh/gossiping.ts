// Real nodes that gossip: over a real bus, and over wires in this process in place of links.
import { vi } from 'vitest'
import { parseConfig } from '../../node/core/config.ts'
import type { MeshTalk, MeshWire, LinkedNode } from '../../node/core/mesh-ends.ts'
import { LOCAL_CALLER, type Principal } from '../../node/core/principal.ts'
import { SILENT, type Logger } from '../../node/core/logger.ts'
import { MESH_TIMING, type MeshTiming } from '../../node/control/mesh/settings.ts'
import { listenNode, type RunningNode } from '../../node/main/running-node.ts'
import { SUMMARY_TIMING } from '../../topology/border-desk.ts'
import { SUMMARY_LIMITS } from '../../topology/summary-book.ts'
import type { NodeRecord } from '../../topology/record.ts'
import { canary } from '../canary/canary.ts'

/** A mesh in a hurry. */
export const QUICK: MeshTiming = {
  link: { ...MESH_TIMING.link, interval: 400, holdUp: 50 },
  record: { ...MESH_TIMING.record, debounce: 10, minInterval: 20 },
  adverts: { interval: 20, jitter: 0 },
  sync: { interval: 1_000, spread: 10, retry: 50 },
  gather: 2,
  summaries: { timing: { ...SUMMARY_TIMING, debounce: 20 }, limits: SUMMARY_LIMITS },
}

export const UNTIL = { timeout: 20_000, interval: 20 }

/** What a wire carried, in either direction. */
export interface Wired {
  readonly texts: string[]
  cut(): void
}

/** Nodes of one test. */
export class Gossipers {
  readonly #nodes: RunningNode[] = []

  async start(
    config: object,
    log: Logger = SILENT,
    timing: MeshTiming = QUICK,
  ): Promise<RunningNode> {
    const parsed = parseConfig(config, { env: {} })
    const node = await listenNode(parsed, { log: canary.log(log), timing })
    this.#nodes.push(node)
    await node.start().ready()
    return node
  }

  /** Ends one for itself. */
  async stop(node: RunningNode): Promise<void> {
    this.#nodes.splice(this.#nodes.indexOf(node), 1)
    await node.close()
  }

  async close(): Promise<void> {
    for (const node of this.#nodes.splice(0).toReversed()) await node.close()
  }
}

function linked(node: RunningNode): LinkedNode {
  const { id, organisation, name } = node.status()
  return { node: id, organisation, name }
}

/** Lays a wire from an upstream of one node to an endpoint of another, as a link would. */
export function wire(
  down: { readonly node: RunningNode; readonly label: string },
  up: { readonly node: RunningNode; readonly endpoint: string },
  { principal = LOCAL_CALLER }: { readonly principal?: Principal } = {},
): Wired {
  const texts: string[] = []
  let isOpen = true
  const ends: { above?: MeshTalk; below?: MeshTalk } = {}
  const to = (peer: RunningNode, end: 'above' | 'below'): MeshWire => ({
    peer: linked(peer),
    send: (text) => {
      texts.push(text)
      setImmediate(() => {
        if (isOpen) ends[end]?.message(text)
      })
    },
  })
  // Each is told to the other end of: what the node below says arrives above.
  ends.above = up.node.mesh.down(up.endpoint, principal, to(down.node, 'below'))
  ends.below = down.node.mesh.up(down.label, to(up.node, 'above'))
  return {
    texts,
    cut: () => {
      isOpen = false
      ends.above?.closed()
      ends.below?.closed()
    },
  }
}

/** The records a node has, by name. */
export function recordsOf(node: RunningNode): ReadonlyMap<string, NodeRecord> {
  const db = node.mesh.current?.speaker.db
  if (db === undefined) return new Map()
  const records = [...db.nodes()].flatMap((id) => db.get(id) ?? [])
  return new Map(records.map((record) => [record.name ?? record.id, record]))
}

/** Waits until all know of all. */
export async function converged(...nodes: readonly RunningNode[]): Promise<void> {
  await vi.waitFor(() => {
    const roots = nodes.map((node) => node.mesh.current?.speaker.db.tree.root())
    const sizes = nodes.map((node) => recordsOf(node).size)
    const isOne = new Set(roots).size === 1 && sizes.every((size) => size >= nodes.length)
    if (!isOne) throw new Error(`they know ${sizes.join(', ')} nodes`)
  }, UNTIL)
}

/** Namespaces a node has a way to, as far as it knows: `<namespace> at <name of the origin>`. */
export function waysOf(node: RunningNode, ...all: readonly RunningNode[]): readonly string[] {
  const names = new Map([node, ...all].map((one) => [one.id, one.name]))
  const fib = node.mesh.current?.speaker.fib.values() ?? []
  return [...fib]
    .filter(({ candidates }) => candidates.length > 0)
    .map(({ key }) => `${key.namespace} at ${names.get(key.origin) ?? key.origin}`)
    .toSorted()
}
