import { Fault } from '../../protocol/errors.ts'
import type { Clock } from './clock.ts'
import type { Backend, Delegation } from './delegation/backend.ts'
import type { DelegatedToken } from './delegation/delegated-token.ts'
import type { Discovery } from './discovery.ts'
import { DocumentCache } from './document-cache.ts'
import { FetchFault } from './fetch-fault.ts'

/** The authorization server of an upstream, and what tokens of it are for. */
export interface NamedServer {
  readonly issuer: string
  readonly resource: string
}

export interface NamedServerOptions {
  readonly label: string
  /** URL of the upstream, as it is configured. */
  readonly url: string
  readonly discovery: Pick<Discovery, 'resourceNow'>
  readonly clock: Clock
  /** The way to tokens of a server. */
  readonly make: (server: NamedServer) => Backend
}

/** How long what the upstream said counts, s. */
const KEEP_SECONDS = 600
/** How long that it said nothing of use counts, s. */
const FAIL_SECONDS = 30

/**
 * A way to tokens of the authorization server that the upstream itself names (RFC 9728), where the configuration names
 * none. There must be exactly one, and it stays the one for as long as the node runs: an upstream that names another later
 * may have become somebody else's, who would be sent the credentials of the node.
 */
export class NamedServerBackend implements Backend {
  readonly #options: NamedServerOptions
  readonly #found: DocumentCache<NamedServer>
  #first: { readonly server: NamedServer; readonly backend: Backend } | undefined

  constructor(options: NamedServerOptions) {
    const { clock } = options
    const [keepSeconds, failSeconds] = [KEEP_SECONDS, FAIL_SECONDS]
    this.#options = options
    this.#found = new DocumentCache({ clock, capacity: 1, keepSeconds, failSeconds })
  }

  /** @throws Fault `delegation_refused` that names the field to fill in, and what the way to tokens throws */
  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const server = await this.#found.get(this.#options.url, () => this.#find())
    this.#first ??= { server, backend: this.#options.make(server) }
    const { server: first, backend } = this.#first
    if (first.issuer !== server.issuer || first.resource !== server.resource) {
      throw this.#unsaid(
        'names another authorization server than before',
        'must say which is meant',
      )
    }
    return backend.obtain(delegation)
  }

  async #find(): Promise<NamedServer> {
    const { url, discovery } = this.#options
    const { issuers, resource } = await discovery.resourceNow(url).catch((error: unknown) => {
      // It answered, and nothing of use; one that cannot be asked may say it the next time.
      if (!(error instanceof FetchFault) || error.problem !== 'document') throw error
      throw this.#unsaid('names no authorization server', 'must say which is its', error)
    })
    const [issuer, ...others] = new Set(issuers)
    if (issuer !== undefined && others.length === 0) return { issuer, resource }
    const count = others.length + 1
    throw this.#unsaid(`names ${count} authorization servers`, 'must say which is meant')
  }

  #unsaid(what: string, remedy: string, cause?: FetchFault): Fault {
    const { label } = this.#options
    const field = `upstreams.${label}.auth.issuer`
    const text = `upstream "${label}" ${what}: ${field} ${remedy}`
    return new Fault('delegation_refused', text, { data: { upstream: label, field }, cause })
  }
}
