import { linkMeta, type LinkMeta } from '../../protocol/hop-request.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import type { Self } from './connection.ts'
import { selfCapabilities } from './self.ts'

/** Texts kept besides the one of requests that offer nothing: kinds of client are few, but their claims are free. */
const KEPT = 64

/** What of `_meta` is the same for all requests to 2026 upstreams that offer the same. */
export class ModernMeta {
  readonly #self: Self
  readonly #plain: LinkMeta
  readonly #others = new Map<string, LinkMeta>()

  constructor(self: Self) {
    this.#self = self
    this.#plain = this.#write('')
  }

  /** `offered` as in `ClientCapabilities`. */
  of(offered: string): LinkMeta {
    if (offered === '') return this.#plain
    const known = this.#others.get(offered)
    if (known !== undefined) return known
    const written = this.#write(offered)
    const [oldest] = this.#others.keys()
    if (oldest !== undefined && this.#others.size >= KEPT) this.#others.delete(oldest)
    this.#others.set(offered, written)
    return written
  }

  #write(offered: string): LinkMeta {
    const capabilities = selfCapabilities(this.#self, '2026', offered)
    return linkMeta('2026', this.#self.clientInfo, capabilities, MODERN_REVISION)
  }
}
