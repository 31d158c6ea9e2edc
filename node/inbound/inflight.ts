import type { Fault } from '../../protocol/errors.ts'
import type { RpcId } from '../../protocol/jsonrpc.ts'
import type { CallScope } from '../core/call-scope.ts'
import { Ring } from '../core/ring.ts'

interface Entry {
  readonly session: string
  readonly id: RpcId
  readonly scope: CallScope
}

/**
 * The calls of 2025 sessions under way, so that a cancellation finds its own and no other's. An id used twice at once in
 * a session means both. Each call is kept and few are cancelled, so keeping is cheap and looking up goes through all.
 */
export class Inflight {
  readonly #entries = new Ring<Entry>()

  get empty(): boolean {
    return this.#entries.empty
  }

  /** Sessions with calls under way, and how many each. */
  get sessions(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { session } of this.#entries.values()) {
      counts.set(session, (counts.get(session) ?? 0) + 1)
    }
    return counts
  }

  has(session: string, id: RpcId): boolean {
    return this.of(session, id).length > 0
  }

  add(session: string, id: RpcId, scope: CallScope): void {
    const place = this.#entries.add({ session, id, scope })
    scope.onEnd(() => this.#entries.remove(place))
  }

  /** Stops all calls of a session. */
  end(session: string, reason: Fault): void {
    for (const entry of this.#entries.values()) {
      if (entry.session === session) entry.scope.stop(reason)
    }
  }

  /** The calls an id stands for in a session; 1 and "1" are two ids (JSON-RPC 2.0 §4). */
  of(session: string, id: RpcId): readonly CallScope[] {
    return this.#entries
      .values()
      .filter((entry) => entry.id === id && entry.session === session)
      .map(({ scope }) => scope)
  }
}
