import { randomBytes } from 'node:crypto'
import {
  NO_CAPABILITIES,
  readSessionCapabilities,
  type ClientCapabilities,
} from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { isLegacyRevision, type LegacyRevision } from '../../protocol/revisions.ts'
import type { Principal } from '../core/principal.ts'
import type { Sealer } from '../core/seal.ts'

/** A session of the 2025 era. All of it is in the sealed id the client holds; nothing of it is kept here. */
export interface Session {
  /** Names the session inside the node. */
  readonly key: string
  readonly revision: LegacyRevision
  readonly capabilities: ClientCapabilities
}

export interface SessionOptions {
  readonly sealer: Sealer
  /** How long an id is good, milliseconds. */
  readonly lifetimeMs: number
  /** The longest id issued and accepted, bytes. */
  readonly maxBytes: number
}

/** Ended sessions remembered; beyond it the oldest is forgotten, and its id would be taken again until it expires. */
const MAX_ENDED = 10_000

/** Opened ids remembered: the sessions that are busy at one time, at about a kilobyte each. */
const MAX_OPENED = 1_000

/**
 * Issues and opens session ids: AEAD under the node's key, bound to endpoint and principal, good until they expire or
 * are ended. They survive a restart; only the memory of sessions ended early does not.
 */
export class Sessions {
  readonly #sealer: Sealer
  readonly #lifetimeMs: number
  readonly #maxBytes: number
  readonly #ended = new Set<string>()
  /** Ids opened lately. Opening one again gives the same; this only saves the work. */
  readonly #opened = new Map<string, { readonly session: Session; readonly until: number }>()

  constructor({ sealer, lifetimeMs, maxBytes }: SessionOptions) {
    this.#sealer = sealer
    this.#lifetimeMs = lifetimeMs
    this.#maxBytes = maxBytes
  }

  /** A new session and its id. Capabilities too large for an id are left out: what is not declared is not used. */
  open(
    bound: Binding,
    revision: LegacyRevision,
    capabilities: JsonObject,
  ): { id: string; session: Session } {
    const key = randomBytes(12).toString('base64url')
    const id = this.#seal({ key, revision, capabilities }, bound)
    if (id.length <= this.#maxBytes) {
      return { id, session: { key, revision, capabilities: readSessionCapabilities(capabilities) } }
    }
    const bare = { key, revision, capabilities: {} }
    return { id: this.#seal(bare, bound), session: { ...bare, capabilities: NO_CAPABILITIES } }
  }

  /**
   * The session an id stands for.
   *
   * @throws Fault `session_unknown` when it was not issued here for this endpoint and caller, expired, or was ended
   */
  find(id: string, bound: Binding): Session {
    const session = this.#recall(id, bound)
    if (session === undefined || this.#ended.has(session.key)) {
      throw new Fault('session_unknown', 'there is no such session; initialize again')
    }
    return session
  }

  #recall(id: string, bound: Binding): Session | undefined {
    const at = `${aad(bound)}\n${id}`
    const known = this.#opened.get(at)
    if (known !== undefined && Date.now() < known.until) return known.session
    const text = id.length > this.#maxBytes ? undefined : this.#sealer.open(id, aad(bound))
    const found = text === undefined ? undefined : this.#read(text)
    if (found === undefined) return undefined
    this.#opened.set(at, found)
    const [oldest] = this.#opened.keys()
    if (this.#opened.size > MAX_OPENED && oldest !== undefined) this.#opened.delete(oldest)
    return found.session
  }

  end({ key }: Pick<Session, 'key'>): void {
    this.#ended.add(key)
    const [oldest] = this.#ended
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest)
  }

  #seal({ key, revision, capabilities }: Sealed, bound: Binding): string {
    const text = JSON.stringify([key, revision, Date.now(), capabilities])
    return this.#sealer.seal(text, aad(bound))
  }

  #read(text: string): { readonly session: Session; readonly until: number } | undefined {
    const [key, revision, openedAt, capabilities] = JSON.parse(text) as unknown[]
    const sound =
      typeof key === 'string' &&
      typeof revision === 'string' &&
      isLegacyRevision(revision) &&
      typeof openedAt === 'number' &&
      isObject(capabilities)
    const until = sound ? openedAt + this.#lifetimeMs : 0
    if (!sound || Date.now() >= until) return undefined
    return {
      session: { key, revision, capabilities: readSessionCapabilities(capabilities) },
      until,
    }
  }
}

/** What an id holds, besides when it was issued. */
interface Sealed {
  readonly key: string
  readonly revision: LegacyRevision
  /** As the client declared them. */
  readonly capabilities: JsonObject
}

/** What a session belongs to. */
export interface Binding {
  readonly endpoint: string
  readonly principal: Principal
}

function aad({ endpoint, principal }: Binding): string {
  return `${endpoint}\n${principal.key}`
}
