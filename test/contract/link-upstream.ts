// Upstreams over a link for the connection contract: the inbound end of a node, and the fixture server behind it.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { NO_AUTHENTICATION } from '../../node/core/authentication.ts'
import type { LinkIdentity } from '../../node/core/link-handshake.ts'
import { SILENT } from '../../node/core/logger.ts'
import { Admission } from '../../node/inbound/admission.ts'
import { HttpServer } from '../../node/inbound/http.ts'
import type { LinkCall } from '../../node/inbound/link-call.ts'
import { LinkServer, type LinkServerParts } from '../../node/inbound/link-upgrade.ts'
import { HttpTarget } from '../../node/outbound/http-target.ts'
import { NodeConnector, type NodeConnectorOptions } from '../../node/outbound/node-connector.ts'
import { Fault, RPC } from '../../protocol/errors.ts'
import { FEDERATION, type FederationSettings } from '../../protocol/federation.ts'
import { writeError } from '../../protocol/hop-response.ts'
import { encodeHeaderValue } from '../../protocol/headers.ts'
import { jwkThumbprint } from '../../protocol/token/dpop.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { CONTRACT_BODY_BYTES, type Upstream } from './connection.contract.ts'
import { SELF } from './self.ts'

/** A node that proves itself on links. */
export function linkIdentity(name: string): LinkIdentity {
  const { privateKey: key } = generateKeyPairSync('ed25519')
  return { federation: { version: 1, node: idOf(key), organisation: 'acme', name }, key }
}

function idOf(key: KeyObject): string {
  const { x = '' } = key.export({ format: 'jwk' })
  return jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })
}

/** The end of links at a node that does nothing else. */
export class LinkHost {
  readonly identity: LinkIdentity
  readonly links: LinkServer
  readonly #http: HttpServer
  #url = ''

  constructor(
    identity: LinkIdentity,
    parts: Partial<LinkServerParts> & Pick<LinkServerParts, 'serve'>,
  ) {
    this.identity = identity
    const limits = { links: 100, bodyBytes: CONTRACT_BODY_BYTES, headerBytes: 16_384 }
    const { authenticator = NO_AUTHENTICATION } = parts
    const challenge: typeof authenticator.challenge = (...asked) =>
      authenticator.challenge(...asked)
    this.links = new LinkServer({
      identity,
      authenticator,
      takes: { message: CONTRACT_BODY_BYTES, calls: 100, credentials: 20, window: 0 },
      pingMs: 15_000,
      proofMs: 5_000,
      limits,
      url: undefined,
      has: (endpoint) => endpoint === 'main',
      admits: () => true,
      open: () => true,
      ...parts,
    })
    this.#http = new HttpServer({
      admission: new Admission({ loopback: true, hosts: [], origins: [] }),
      authenticator: { ...NO_AUTHENTICATION, challenge },
      oauth: () => undefined,
      linkServer: this.links,
      handle: () => {
        throw new Fault('http_method', 'only links are served here')
      },
      readiness: () => ({ ready: true, facts: {} }),
      log: SILENT,
      headerBytes: 16_384,
      headersReadTimeout: 10_000,
      requestReadTimeout: 10_000,
      connections: 100,
    })
  }

  /** URL of the endpoint. */
  get url(): string {
    return this.#url
  }

  async start(): Promise<this> {
    const { port } = await this.#http.listen('127.0.0.1', 0)
    this.#url = `http://127.0.0.1:${port}/mcp/main`
    return this
  }

  async close(): Promise<void> {
    this.links.close()
    await this.#http.close(0)
  }
}

/** A connector that takes links and nothing else. */
export function linkConnector(
  url: string,
  options: Partial<NodeConnectorOptions> = {},
): NodeConnector {
  const identity = linkIdentity('contract')
  return new NodeConnector({
    url,
    headers: [],
    era: 'auto',
    self: { ...SELF, federation: identity.federation },
    connectTimeoutMs: 2_000,
    answerTimeoutMs: 5_000,
    bodyBytes: CONTRACT_BODY_BYTES,
    label: 'up',
    link: 'websocket',
    identity,
    pingMs: 15_000,
    ...options,
  })
}

/** Sends what comes on a link to a server over HTTP, and its answers back. */
export function passOn(target: HttpTarget): (call: LinkCall) => void {
  return ({ frame, reply, scope }) => {
    const { method, name, lines, body } = frame
    const headers = [
      'mcp-protocol-version',
      '2026-07-28',
      'mcp-method',
      method,
      ...(name === undefined ? [] : ['mcp-name', encodeHeaderValue(name)]),
      ...lines,
    ]
    const exchange = target.post(body.text, headers, {
      authorization: undefined,
      sink: {
        message: ({ raw, method: kind }) => {
          if (kind === undefined) {
            scope.finish()
            reply.finish([raw])
            return true
          }
          const goesOn = reply.notify(raw)
          if (!goesOn) reply.onDrain(() => exchange.resume())
          return goesOn
        },
        end: () => {
          // A listen that broke off: it may be opened again.
          scope.finish()
          const busy = { code: RPC.overloaded, message: 'the server broke off' }
          reply.finish([writeError(null, busy)], busy.code)
        },
      },
    })
    scope.onEnd((reason) => {
      if (reason !== undefined) exchange.abort()
    })
  }
}

/** A decoration of the fixture that makes it say it is a node. */
export function asNode(federation: FederationSettings): NonNullable<FixtureOptions['decorate']> {
  return (method, result) => {
    if (method !== 'server/discover') return result
    const capabilities = result['capabilities'] as JsonObject
    const extensions = { [FEDERATION]: federation }
    return { ...result, capabilities: { ...capabilities, extensions } }
  }
}

/** What stands between a connector and a server that is spoken to over HTTP. */
export interface LinkInFront {
  readonly connector: NodeConnector
  readonly host: LinkHost
  close(): Promise<void>
}

/** Puts the end of a link in front of a server. */
export async function linkInFront(identity: LinkIdentity, url: string): Promise<LinkInFront> {
  const target = new HttpTarget({
    url,
    headers: [],
    connectTimeoutMs: 2_000,
    // The limit under contract is that of the connector.
    bodyBytes: 2 * CONTRACT_BODY_BYTES,
  })
  const host = await new LinkHost(identity, { serve: passOn(target) }).start()
  const connector = linkConnector(host.url)
  return {
    connector,
    host,
    close: async () => {
      await connector.close()
      await host.close()
      await target.close()
    },
  }
}

/** A fixture server behind the end of a link. */
export async function linkUpstream(options: FixtureOptions = {}): Promise<Upstream> {
  const identity = linkIdentity('fixture')
  const server = await FixtureServer.start({
    era: '2026',
    decorate: asNode(identity.federation),
    ...options,
  })
  const front = await linkInFront(identity, server.url)
  const { connector, host } = front
  return {
    connector,
    slowCalls: () => server.calls('slow').flatMap(({ id }) => id ?? []),
    cancelled: () => server.cancelled.closed,
    release: () => server.gate.open(),
    changeTools: () => server.tools.add(plainTool('late')),
    die: () => host.close(),
    holding: () => Promise.resolve(() => host.links.size > 0 || server.openStreams > 0),
    violations: () => Promise.resolve(server.violations),
    close: async () => {
      await front.close()
      await server.close()
    },
  }
}
