import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Fault } from '../../protocol/errors.ts'
import { LINK_PROTOCOL } from '../../protocol/link/frames.ts'
import type { Standing } from '../core/authentication.ts'
import type { Limits } from '../core/config-limits.ts'
import type { Principal } from '../core/principal.ts'
import { credentialFacts } from './credential-facts.ts'
import { InboundLink, placeOf, type InboundLinkParts } from './link.ts'

/** A request to open a link, which has passed admission. */
export interface UpgradeExchange {
  readonly endpoint: string
  readonly request: IncomingMessage
  readonly stream: Duplex
  /** What came behind the head already. */
  readonly head: Buffer
}

/** What links are opened with. */
export interface LinkServerParts extends InboundLinkParts {
  readonly has: (endpoint: string) => boolean
  /** Whether the node takes work. */
  readonly open: () => boolean
  readonly limits: Pick<Limits, 'links' | 'bodyBytes' | 'headerBytes'>
  /** Public URL of the node, without a slash at its end; undefined where it is the address it listens at. */
  readonly url: string | undefined
}

/** Room for an envelope, besides the message and the headers in it, bytes. */
const ENVELOPE_BYTES = 16_384

/**
 * Whether a request asks to open a link. Other upgrades are offers that a server may pass over (RFC 9110 §7.8), and served
 * as if they were not there.
 */
export function opensLink({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  const offered = headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((one) => one.trim() === LINK_PROTOCOL)
}

/** The links that other nodes have open to this one. */
export class LinkServer {
  readonly #parts: LinkServerParts
  readonly #sockets: WebSocketServer
  readonly #links = new Set<InboundLink>()
  /** Requests to open one that are being looked at. */
  #opening = 0

  constructor(parts: LinkServerParts) {
    this.#parts = parts
    const { bodyBytes, headerBytes } = parts.limits
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // A compressor's state for each link would cost more memory than all else, and telling secrets by size is its art.
      perMessageDeflate: false,
      maxPayload: bodyBytes + headerBytes + ENVELOPE_BYTES,
      handleProtocols: () => LINK_PROTOCOL,
    })
  }

  get size(): number {
    return this.#links.size
  }

  /** Those that are open. */
  links(): readonly InboundLink[] {
    return [...this.#links]
  }

  /**
   * Opens a link. The promise, where credentials have to be looked up, rejects like a throw.
   *
   * @throws Fault `unknown_endpoint`, `origin_forbidden`, `shutting_down`, `overloaded`, and as `Authenticator.stand`
   */
  upgrade(exchange: UpgradeExchange): Promise<void> | undefined {
    const { endpoint, request } = exchange
    const { has, open, authenticator, limits } = this.#parts
    if (!has(endpoint)) throw new Fault('unknown_endpoint', 'there is no such endpoint')
    // Browsers always say from which page they come; a page is no node, whatever else it may do here.
    if (request.headers.origin !== undefined) {
      throw new Fault('origin_forbidden', 'links are not for web pages')
    }
    if (!open()) throw new Fault('shutting_down', 'this node is shutting down')
    if (this.#links.size + this.#opening >= limits.links) {
      throw new Fault('overloaded', 'this node has no link to spare', { limit: 'links' })
    }
    const standing = authenticator.stand(credentialFacts(exchange))
    if (!(standing instanceof Promise)) return this.#admit(exchange, standing)
    this.#opening += 1
    return standing
      .finally(() => {
        this.#opening -= 1
      })
      .then((known) => this.#admit(exchange, known))
  }

  /** Takes no more calls on links for which it is so; calls under way are finished. */
  leave(which: (link: InboundLink) => boolean): void {
    for (const link of this.#links) if (which(link)) link.leave()
  }

  /** Ends all that is left. */
  close(): void {
    for (const link of this.#links) link.end()
    this.#sockets.close()
  }

  #admit(exchange: UpgradeExchange, standing: Standing): Promise<void> | undefined {
    const principal = standing.principal()
    if (principal instanceof Promise) {
      return principal.then((known) => this.#open(exchange, standing, known))
    }
    this.#open(exchange, standing, principal)
    return undefined
  }

  #open(exchange: UpgradeExchange, standing: Standing, principal: Principal): void {
    const { endpoint, request, stream, head } = exchange
    if (!this.#parts.admits(endpoint, principal)) {
      throw new Fault('unknown_endpoint', 'there is no such endpoint')
    }
    // The certificate is read while it is sure to be there.
    const facts = { ...credentialFacts(exchange) }
    const opened = { endpoint, stream, facts, standing, principal }
    const resources = this.#resources(exchange)
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      const link = new InboundLink(this.#parts, { ...opened, socket, resources }, (over) => {
        this.#links.delete(over)
      })
      this.#links.add(link)
    })
  }

  /** What the endpoint may be called: by the configuration, and by the Host that admission took for this node's own. */
  #resources({ endpoint, request }: UpgradeExchange): readonly string[] {
    const path = `/mcp/${endpoint}`
    const bases = [this.#parts.url ?? '', `http://${request.headers.host ?? ''}`]
    return bases.map((base) => placeOf(base + path)).filter((place) => place !== '')
  }
}
