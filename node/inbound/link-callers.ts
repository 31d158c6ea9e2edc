import {
  NO_CAPABILITIES,
  readClientCapabilities,
  type ClientCapabilities,
} from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { FEDERATION_VERSION, type FederationSettings } from '../../protocol/federation.ts'
import type { Told } from '../../protocol/link/frames.ts'
import type { LinkedNode } from '../core/mesh-ends.ts'
import type { Caller } from '../core/stages.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'

/** Kinds of callers remembered; beyond it the oldest goes. */
const KEPT = 64

/** The callers behind one link, by what its node says of them in front of their requests. */
export class LinkCallers {
  readonly #federation: FederationSettings
  readonly #plain: ClientCapabilities
  readonly #known = new Map<string, ClientCapabilities>()

  /** @param peer the node at the other end, which has proved to be it */
  constructor({ node, organisation, name }: LinkedNode) {
    this.#federation = { version: FEDERATION_VERSION, node, organisation, name }
    this.#plain = { ...NO_CAPABILITIES, federation: this.#federation }
  }

  /** @throws Fault `invalid_params` when what it can be asked cannot be read */
  of({ offered, logLevel }: Told): Caller {
    const capabilities = offered === '' ? this.#plain : this.#capabilities(offered)
    return { era: '2026', revision: MODERN_REVISION, session: undefined, capabilities, logLevel }
  }

  #capabilities(offered: string): ClientCapabilities {
    const known = this.#known.get(offered)
    if (known !== undefined) return known
    const made = { ...readClientCapabilities(parse(offered)), federation: this.#federation }
    this.#known.set(offered, made)
    const [oldest] = this.#known.keys()
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest)
    return made
  }
}

function parse(offered: string): unknown {
  try {
    return JSON.parse(`{${offered}}`)
  } catch (cause) {
    throw new Fault('invalid_params', 'the envelope says what cannot be read of capabilities', {
      cause,
    })
  }
}
