import type { RpcId } from '../../protocol/jsonrpc.ts'
import type { CallScope } from '../core/call-scope.ts'

/**
 * The calls of 2025 sessions under way, so that a cancellation finds its own and no other's. An id used twice at once in
 * a session means both.
 */
export class Inflight {
  readonly #scopes = new Map<string, Set<CallScope>>()

  get size(): number {
    return this.#scopes.size
  }

  has(session: string, id: RpcId): boolean {
    return this.#scopes.has(key(session, id))
  }

  add(session: string, id: RpcId, scope: CallScope): void {
    const at = key(session, id)
    const set = this.#scopes.get(at) ?? new Set()
    this.#scopes.set(at, set)
    set.add(scope)
    scope.onEnd(() => {
      set.delete(scope)
      if (set.size === 0) this.#scopes.delete(at)
    })
  }

  /** The calls an id stands for in a session. */
  of(session: string, id: RpcId): readonly CallScope[] {
    return [...(this.#scopes.get(key(session, id)) ?? [])]
  }
}

/** 1 and "1" are two ids (JSON-RPC 2.0 §4). */
function key(session: string, id: RpcId): string {
  return `${session} ${typeof id === 'number' ? 'n' : 's'}${id}`
}
