// A node whose parts a test can look into: what it still holds when all is over.
import { parseConfig } from '../../node/core/config.ts'
import type { Logger } from '../../node/core/logger.ts'
import { compose, type Parts } from '../../node/main/compose.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { RunningNode } from '../../node/main/running-node.ts'
import { configOf, type NodePlan } from '../mesh/mesh.ts'

/** What a node holds for its callers; all zero when nobody wants anything of it. */
export interface Holdings {
  readonly callsInFlight: number
  /** Of a caller of era 2025. */
  readonly questions: number
  /** Calls of sessions that could be cancelled. */
  readonly cancellable: number
  /** A node in front has one for itself, as long as it runs. */
  readonly listens: number
  readonly subscriptions: number
}

export const NOTHING_HELD: Holdings = {
  callsInFlight: 0,
  questions: 0,
  cancellable: 0,
  listens: 0,
  subscriptions: 0,
}

/** A running node, and a view into it. */
export interface InspectedNode {
  readonly node: BanyanNode
  /** What it logged as an error: faults of its own. */
  readonly errors: readonly string[]
  readonly held: Holdings
  close(): Promise<void>
}

/** Starts a node and waits until each upstream has been tried and listed. */
export async function inspectedNode(name: string, plan: NodePlan): Promise<InspectedNode> {
  const errors: string[] = []
  const config = parseConfig(configOf(name, plan), {})
  const parts = await compose(config, recorder(errors))
  const { host, port } = config.node.listen
  const address = await parts.http.listen(host, port)
  const url = `http://${address.address}:${address.port}`
  const node = new RunningNode(parts, { config, url, baseDir: undefined }).start()
  await node.ready()
  return {
    node,
    errors,
    get held() {
      return holdings(parts)
    },
    close: () => node.close(),
  }
}

function holdings({ registry, streamable }: Parts): Holdings {
  const { subscriptions } = registry
  return {
    callsInFlight: registry.upstreamStatus().reduce((sum, one) => sum + one.callsInFlight, 0),
    questions: streamable.asks.size,
    cancellable: streamable.inflight.empty ? 0 : 1,
    listens: streamable.listens.size,
    subscriptions: subscriptions.size + subscriptions.upstreamSize,
  }
}

function nothing(): void {}

function recorder(errors: string[]): Logger {
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (facts, message) => errors.push(`${message}: ${String(facts['cause'])}`),
  }
}
