import { asFault, Fault } from '../../protocol/errors.ts'
import type { Authorization } from '../core/delegation.ts'
import type { LinkIdentity } from '../core/link-handshake.ts'
import type { LinkTraffic } from '../core/link-traffic.ts'
import { SILENT } from '../core/logger.ts'
import type { LinkedNode, MeshEnds } from '../core/mesh-ends.ts'
import { ask, expectResult, ownFrame } from './ask.ts'
import { refusalOf } from './authorized-exchange.ts'
import type { Connection, ConnectionEvents, Connector, ServerFacts } from './connection.ts'
import { HttpConnector, type ChannelFacts, type HttpConnectorOptions } from './http-connector.ts'
import { discoveredFacts, ModernConnection, type ModernChannel } from './modern-connection.ts'
import { ModernMeta } from './modern-meta.ts'
import { RisingChannel } from './rising-channel.ts'
import { dial, type Dialled } from './ws-dial.ts'
import { WsLink } from './ws-link.ts'

/** By which transport another node is reached; `auto`: by WebSocket wherever that gets through. */
export type LinkChoice = 'auto' | 'http' | 'websocket'

export interface NodeConnectorOptions extends HttpConnectorOptions {
  /** Label of the upstream. */
  readonly label: string
  readonly link: LinkChoice
  readonly identity: LinkIdentity
  /** Interval of pings, milliseconds. */
  readonly pingMs: number
  /** Counts what goes over its links. */
  readonly traffic?: LinkTraffic | undefined
  /** What nodes tell each other besides calls; absent: nothing. */
  readonly mesh?: Pick<MeshEnds, 'up'> | undefined
  /** Milliseconds that only go up; default those of the process. */
  readonly now?: () => number
}

/** How long nothing but HTTP is tried after a WebSocket did not get through, milliseconds, doubling from min to max. */
const PAUSE = { min: 1_000, max: 300_000 }

/**
 * How long a WebSocket is waited for before HTTP is gone over to, ms: what swallows it must not keep a node away from its
 * upstream. A slow one is taken when it is tried again.
 */
const FIRST_LOOK_MS = 2_000

/** There is no link to be had here; HTTP may do. */
class NoLink extends Error {}

/**
 * Connects to another node: by a link where that can be had, else over Streamable HTTP. What keeps a WebSocket from getting
 * through mostly stays, so it is not tried at each reconnect; it is tried ever more seldom, and gone over to when it is there.
 */
export class NodeConnector implements Connector {
  readonly target: string
  readonly backoff: Connector['backoff']
  readonly #options: NodeConnectorOptions
  readonly #http: HttpConnector
  readonly #meta: ModernMeta
  readonly #links = new Set<WsLink>()
  readonly #now: () => number
  #pause = PAUSE.min
  #notBefore = Number.NEGATIVE_INFINITY
  readonly #closing = new AbortController()

  constructor(options: NodeConnectorOptions) {
    this.#options = options
    this.#http = new HttpConnector({
      ...options,
      ...(options.link === 'auto' && { channel: (http, facts) => this.#rising(http, facts) }),
    })
    this.#meta = new ModernMeta(options.self)
    this.#now = options.now ?? (() => performance.now())
    this.target = this.#http.target
    this.backoff = this.#http.backoff
  }

  async connect(
    events: ConnectionEvents,
    offered: string,
    authorization: Authorization | undefined = this.#options.authorization,
  ): Promise<Connection> {
    const { link, label, log = SILENT } = this.#options
    if (!this.#wantsLink()) return this.#http.connect(events, offered, authorization)
    try {
      const connection = await this.#connect(events, authorization)
      this.#pause = PAUSE.min
      return connection
    } catch (error) {
      if (!(error instanceof NoLink)) throw error
      const why = error.message
      if (link === 'websocket' || this.#closing.signal.aborted) {
        throw new Fault('upstream_unavailable', `the upstream opens no link: ${why}`)
      }
      this.#putOff()
      log.info({ upstream: label, target: this.target, why }, 'no link to be had; over HTTP')
      return this.#http.connect(events, offered, authorization)
    }
  }

  /** Links have pings of their own. */
  breakOff(since: number): void {
    this.#http.breakOff(since)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#links].map((link) => link.close()))
    await this.#http.close()
  }

  #putOff(): void {
    this.#notBefore = this.#now() + this.#pause
    this.#pause = Math.min(this.#pause * 2, PAUSE.max)
  }

  /** What goes over HTTP now, and over a link when there is one. */
  #rising(http: ModernChannel, { server, authorization, lost }: ChannelFacts): ModernChannel {
    const channel = new RisingChannel({
      http,
      waitMs: () => Math.max(0, this.#notBefore - this.#now()),
      open: (gone) => this.#tryLink(server, authorization, gone),
      lost: (fault) => {
        channel.end()
        lost(fault)
      },
    })
    return channel
  }

  async #tryLink(
    server: ServerFacts,
    authorization: Authorization | undefined,
    lost: (fault: Fault) => void,
  ): Promise<WsLink | undefined> {
    let link: WsLink | undefined
    try {
      link = await this.#open(authorization)
      const peer = await this.#within(link.proved, 'did not say in time who it is')
      if (peer.node !== server.federation?.node) {
        lost(new Fault('upstream_unavailable', 'the upstream is another node now'))
        throw new NoLink('it is another node')
      }
      link.attach(lost)
      this.#introduce(link, peer)
      this.#pause = PAUSE.min
      return link
    } catch (error) {
      this.#putOff()
      await link?.close()
      const { label, log = SILENT } = this.#options
      log.debug({ upstream: label, why: asFault(error).message }, 'still no link to be had')
      return undefined
    }
  }

  #introduce(link: WsLink, peer: LinkedNode): void {
    const { mesh, label } = this.#options
    if (mesh !== undefined) link.talk(peer, (wire) => mesh.up(label, wire))
  }

  #wantsLink(): boolean {
    const { link, era } = this.#options
    // Sessions are for HTTP.
    if (link === 'http' || era === '2025') return false
    return link === 'websocket' || this.#now() >= this.#notBefore
  }

  /** @throws NoLink; Fault for what HTTP would not cure */
  async #connect(
    events: ConnectionEvents,
    authorization: Authorization | undefined,
  ): Promise<Connection> {
    const { connectTimeoutMs, link: choice } = this.#options
    const patience = choice === 'auto' ? Math.min(FIRST_LOOK_MS, connectTimeoutMs) : undefined
    const link = await this.#open(authorization, patience)
    try {
      const peer = await this.#within(link.proved, 'did not say in time who it is')
      const server = await this.#discover(link, authorization)
      if (server.federation?.node !== peer.node) {
        const text = 'the upstream is another node than the one that proved itself on the link'
        throw new Fault('upstream_protocol', text)
      }
      const connection = new ModernConnection({
        server,
        authorization,
        meta: this.#meta,
        events,
        channel: (lost) => {
          link.attach(lost)
          return link
        },
      })
      this.#introduce(link, peer)
      await connection.watch()
      return connection
    } catch (error) {
      await link.close()
      throw asNoLink(error)
    }
  }

  /** @param patience for an answer; default: as for any connection, ms */
  async #open(authorization: Authorization | undefined, patience?: number): Promise<WsLink> {
    const first = await this.#dial(authorization, patience)
    const dialled =
      first.kind === 'refused' && isWorthAnother(first, authorization)
        ? await this.#dial(authorization, patience)
        : first
    if (dialled.kind === 'open') return dialled.made
    if (dialled.kind === 'refused') {
      throw new NoLink(`it answers with HTTP ${dialled.status} instead of a WebSocket`)
    }
    if (!dialled.unreachable) throw new NoLink(dialled.reason)
    const cause = new Error(`${this.target}: ${dialled.reason}`)
    throw new Fault('upstream_unavailable', 'the upstream cannot be reached', { cause })
  }

  async #dial(
    authorization: Authorization | undefined,
    patience = this.#options.connectTimeoutMs,
  ): Promise<Dialled<WsLink>> {
    const { url, headers, identity, bodyBytes, pingMs, traffic } = this.#options
    const lines = (await authorization?.lines('GET')) ?? []
    const stamp = authorization?.stamp?.()
    return dial({
      url,
      lines: [...headers, ...lines],
      timeoutMs: patience,
      maxBytes: bodyBytes,
      signal: this.#closing.signal,
      opened: (ends) => {
        const link = new WsLink(ends, {
          identity,
          resource: this.target,
          maxBytes: bodyBytes,
          pingMs,
          traffic,
          stamp,
          over: () => this.#links.delete(link),
        })
        this.#links.add(link)
        return link
      },
    })
  }

  async #discover(link: WsLink, authorization: Authorization | undefined): Promise<ServerFacts> {
    const frame = ownFrame('server/discover', undefined, this.#meta.of(''))
    const send: WsLink['send'] = (sent, sink) => link.send({ ...sent, authorization }, sink)
    const answer = await ask(send, frame, this.#options.answerTimeoutMs)
    return discoveredFacts(expectResult(frame.method, answer))
  }

  async #within<T>(work: Promise<T>, late: string): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new NoLink(late)), this.#options.answerTimeoutMs)
    try {
      return await Promise.race([work, promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What the other end did not take it may take over HTTP; that it is somebody else, HTTP would only hide. */
function asNoLink(error: unknown): unknown {
  if (error instanceof NoLink) return error
  const fault = asFault(error)
  if (fault.code === 'unauthenticated') {
    // Not the credential of any caller of this node.
    const text = 'the upstream did not prove which node it is'
    return new Fault('upstream_protocol', text, { cause: fault })
  }
  const isOver = fault.code === 'upstream_unavailable' || fault.code === 'invalid_request'
  return isOver ? new NoLink(fault.message) : fault
}

function isWorthAnother(
  { status, headers }: Extract<Dialled<unknown>, { kind: 'refused' }>,
  authorization: Authorization | undefined,
): boolean {
  if (authorization === undefined) return false
  if (status === 403) authorization.refused(refusalOf(403, headers))
  return status === 401 && authorization.refused(refusalOf(401, headers))
}
