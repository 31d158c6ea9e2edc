import { performance } from 'node:perf_hooks'
import type { PublicCard } from '../../protocol/discovery/server-card.ts'
import { Fault } from '../../protocol/errors.ts'
import {
  FEDERATION_VERSION,
  type FederationSettings,
  type NodeId,
} from '../../protocol/federation.ts'
import { MEMORY_STATE } from '../core/config.ts'
import { inheritedEnvironment } from '../core/environment.ts'
import { isLoopback } from '../core/config-fields.ts'
import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import { NO_AUTHENTICATION, type Authenticator } from '../core/authentication.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import type { Meter } from '../core/meter.ts'
import { TokenCounts } from '../core/metrics/token-counts.ts'
import { LOCAL_CALLER } from '../core/principal.ts'
import { Quotas, type QuotaRules } from '../core/quotas.ts'
import { Sealer } from '../core/seal.ts'
import { Mesh, type MeshParts } from '../control/mesh/mesh.ts'
import type { MeshTalk } from '../core/mesh-ends.ts'
import type { MeshTiming } from '../control/mesh/settings.ts'
import { Registry, type RegistryParts } from '../control/registry.ts'
import type { CallLanding } from '../hop/landing.ts'
import { ParkedCalls } from '../hop/parked-calls.ts'
import { hasIdentity, Identity, type IdentityOptions } from '../identity/identity.ts'
import { loadState, volatileState, type NodeState } from '../identity/node-state.ts'
import { Admission } from '../inbound/admission.ts'
import { Asks } from '../inbound/asks.ts'
import { KeepAlive } from '../inbound/event-stream.ts'
import { HttpServer } from '../inbound/http.ts'
import { Inflight } from '../inbound/inflight.ts'
import { serveLinkCall } from '../inbound/link-call.ts'
import { LinkServer, type LinkServerParts } from '../inbound/link-upgrade.ts'
import { MemoryEventStore } from '../inbound/memory-event-store.ts'
import type { MethodParts } from '../inbound/methods.ts'
import { PublicCards } from '../inbound/public-cards.ts'
import { Sessions } from '../inbound/session.ts'
import { LocalSessionMemory } from '../inbound/session-memory.ts'
import { serveStreamable, type StreamableParts } from '../inbound/streamable-http.ts'
import { Streams } from '../inbound/streams.ts'
import { openAudit } from './audit.ts'
import { packageVersion } from './cli-version.ts'
import { Drain } from './drain.ts'
import { observe, type Observing } from './observing.ts'
import { makeServing, type ServingParts } from './serving.ts'
import type { Self } from '../outbound/connection.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { readTls } from './tls-files.ts'

/** Every part of a node, each built once. */
export interface Parts {
  readonly federation: FederationSettings
  readonly registry: Registry
  /** What is known of the mesh; idle without `gossip`. */
  readonly mesh: Mesh
  readonly methods: MethodParts
  readonly streamable: StreamableParts
  /** Undefined where the configuration says nothing of it. */
  readonly identity: Identity | undefined
  /** Undefined where nothing is written down; closed last. */
  readonly audit: AuditTrail | undefined
  readonly http: HttpServer
  /** What anybody may read. */
  readonly cards: PublicCards
  /** What other nodes have open to this one. */
  readonly links: LinkServer
  readonly drain: Drain
  /** Who counts, and where traces go. */
  readonly observing: Observing
  /** Decisions about tokens, as far as there is identity. */
  readonly tokens: TokenCounts
  /** How many calls wait for their callers. */
  readonly parkedCalls: () => number
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
  /**
   * Replaces what endpoints are called and say of themselves, and who may call them.
   *
   * @throws TypeError when it names somebody twice, and all stays as it was
   */
  configure(config: NodeConfig): void
}

async function stateOf({ node }: NodeConfig): Promise<NodeState> {
  const state = node.state === MEMORY_STATE ? volatileState() : await loadState(node.state)
  if (node.sessionKey === undefined) return state
  return { ...state, sessionKey: Buffer.from(node.sessionKey.reveal(), 'base64url') }
}

/**
 * Builds a node from its configuration; nothing is started yet.
 *
 * @throws StateError when the keys in the state folder cannot be used, ConfigError when the files of TLS cannot
 */
export async function compose(
  initial: NodeConfig,
  log: Logger,
  { other, now = () => performance.now(), timing }: Replaced = {},
): Promise<Parts> {
  let config = initial
  let parts: Omit<Parts, 'config' | 'configure'> | undefined
  const { node, limits } = initial
  const { id, key, sessionKey } = await stateOf(initial)
  const { federation, serverInfo, self } = namesOf(node, id)
  const current = (): NodeConfig => config
  const { audit, identity, tokens } = await openIdentity(initial, {
    log,
    config: current,
    scopesOf: (endpoint) => scopesAt(registry, endpoint),
  })
  const observing = observe(initial, federation, current)
  const { counts: watch, traffic } = observing
  const sealer = new Sealer(sessionKey, 'cursor')
  const ground = { self, key, log, traffic, sealer, ...towards(identity) }
  const registry: Registry = registryOf(initial, ground, () => parts?.mesh)
  const mesh: Mesh = meshOf(initial, registry, { node: { ...federation, key }, log, timing })
  const drain = new Drain()
  const quotas = quotasOf(initial, federation, now)
  const meter = (): Meter | undefined => quotas.meter
  const { ranks: ways } = mesh
  const parked = new ParkedCalls<CallLanding>(limits.parkedCalls)
  const about = { federation, serverInfo, sessionKey, log, audit, watch, parked, config: current }
  const made = { ...about, meter, registry, ways }
  const inbound = inboundOf(initial)
  const methods = methodsOf(made, inbound, drain)
  const sessions = sessionsOf(sessionKey, limits)
  const authenticator = other ?? identity?.authenticator ?? NO_AUTHENTICATION
  const streamable: StreamableParts = { ...methods, ...inbound, sessions, authenticator }
  const ends = { identity: { federation, key }, authenticator, mesh, traffic }
  const links = new LinkServer({ ...linkParts(methods, initial), ...ends })
  const edge = { log, audit, watch, authenticator }
  const cards = cardsOf(current)
  const http = new HttpServer({
    ...limits,
    ...edge,
    admission: admissionOf(initial),
    oauth: () => identity?.oauth,
    tls: node.tls === undefined ? undefined : await readTls(node.tls),
    linkServer: links,
    handle: (exchange) => serveStreamable(streamable, exchange),
    cards,
    readiness: () => readiness(registry, drain, { mesh, config }),
  })
  const configure = (next: NodeConfig): void => {
    identity?.configure(next)
    config = next
    quotas.configure(rulesOf(next))
    observing.configure(next)
  }
  const around = { observing, tokens, parkedCalls: () => parked.size }
  const served = { methods, streamable, http, cards, links, drain }
  parts = { federation, registry, mesh, identity, audit, ...served, ...around }
  return { ...parts, config: current, configure }
}

/** @param mesh made after it, and started before any link is */
function registryOf(
  config: NodeConfig,
  ground: Pick<
    RegistryParts,
    'self' | 'key' | 'log' | 'sealer' | 'delegator' | 'provenance' | 'traffic'
  >,
  mesh: () => Mesh | undefined,
): Registry {
  return new Registry(config, {
    ...ground,
    mesh: { up: (label, wire) => mesh()?.up(label, wire) ?? DEAF },
    inherited: inheritedEnvironment(),
    place: (upstream) => mesh()?.place(upstream),
    watch: {
      turned: (label, up) => mesh()?.turned(label, up),
      listed: () => mesh()?.listed(),
    },
  })
}

const DEAF: MeshTalk = { message: () => undefined, closed: () => undefined }

/** What takes the place of what a node has by itself. */
export interface Replaced {
  /** Tells callers, with keys and a clock of its own. */
  readonly other?: Authenticator | undefined
  /** What limits are counted by: milliseconds that only go up. */
  readonly now?: (() => number) | undefined
  /** The times of the mesh. */
  readonly timing?: MeshTiming | undefined
}

/** What links of other nodes take of the parts that answer them. */
function linkParts(
  methods: MethodParts,
  { limits, node }: NodeConfig,
): Omit<LinkServerParts, 'identity' | 'authenticator' | 'mesh' | 'traffic'> {
  const { serving, open } = methods
  const { bodyBytes: message, linkCalls: calls, linkCredentials: credentials } = limits
  return {
    limits,
    url: node.url,
    open,
    // What goes the other way is no calls, and so no notifications.
    takes: { message, calls, credentials, window: 0 },
    pingMs: limits.keepAlive,
    proofMs: limits.headersReadTimeout,
    has: (endpoint) => serving.has(endpoint),
    admits: (endpoint, principal) => serving.admits(endpoint, principal),
    serve: (call) => serveLinkCall(methods, call),
  }
}

function rulesOf({ quotas, clients, tags }: NodeConfig): QuotaRules {
  return { quotas, classes: clients, tags }
}

function quotasOf(config: NodeConfig, federation: FederationSettings, now: () => number): Quotas {
  const { node, organisation, name } = federation
  const callers = config.limits.quotaCallers
  return new Quotas(rulesOf(config), { now, callers, node, name: `${organisation}/${name}` })
}

function methodsOf(made: ServingParts, inbound: Remembered, drain: Drain): MethodParts {
  const { federation, serverInfo, log, audit, watch, meter, config } = made
  const { limits } = config()
  const { streams, listens } = inbound
  return {
    ...inbound,
    serving: makeServing(made),
    identity: { serverInfo, federation },
    serverInfo: JSON.stringify(serverInfo),
    hopBudget: limits.hopBudget,
    limits,
    log,
    audit,
    watch,
    meter,
    open: () => drain.open,
    hasRoom: () => streams.size + listens.size < limits.streams,
  }
}

function cardsOf(config: () => NodeConfig): PublicCards {
  const cards = (): ReadonlyMap<string, PublicCard> =>
    new Map(
      Object.entries(config().endpoints).flatMap(([endpoint, { card, title }]) =>
        card === undefined ? [] : [[endpoint, { ...card, ...(title !== undefined && { title }) }]],
      ),
    )
  return new PublicCards({ version: packageVersion(), cards })
}

interface Names {
  readonly federation: FederationSettings
  readonly serverInfo: JsonObject
  readonly self: Self & Pick<Names, 'federation'>
}

/** What the node says of itself to nodes, callers and upstreams. */
function namesOf({ name, organisation }: NodeConfig['node'], id: NodeId): Names {
  const version = packageVersion()
  const federation = { version: FEDERATION_VERSION, node: id, organisation, name }
  return {
    federation,
    serverInfo: { name, title: `${organisation}/${name}`, version },
    self: { clientInfo: { name: 'banyan', version }, federation },
  }
}

function meshOf(
  config: NodeConfig,
  registry: Registry,
  parts: Pick<MeshParts, 'node' | 'log' | 'timing'>,
): Mesh {
  const { state } = config.node
  return new Mesh(config, {
    ...parts,
    folder: state === MEMORY_STATE ? undefined : state,
    upstreams: () => registry.upstreams,
    mirrors: (label) => registry.mirrors(label),
    catalogue: registry.catalogue,
    relocate: () => void registry.relocate(),
  })
}

/** What identity does for upstreams. */
function towards(identity: Identity | undefined): Pick<RegistryParts, 'delegator' | 'provenance'> {
  return {
    delegator: (label, upstream) => identity?.delegator(label, upstream),
    provenance: (label, upstream) => identity?.provenance(label, upstream),
  }
}

function sessionsOf(sessionKey: Buffer, limits: NodeConfig['limits']): Sessions {
  return new Sessions({
    sealer: new Sealer(sessionKey, 'session'),
    lifetimeMs: limits.sessionLifetime,
    maxBytes: limits.sessionIdBytes,
  })
}

interface IdentityParts extends Pick<IdentityOptions, 'scopesOf' | 'log'> {
  readonly config: () => NodeConfig
}

/**
 * Who calls, and what is written down of it. The audit names callers as identity does. Where nothing is said of identity,
 * nothing of it is made.
 */
async function openIdentity(
  initial: NodeConfig,
  { log, config, scopesOf }: IdentityParts,
): Promise<Pick<Parts, 'audit' | 'identity' | 'tokens'>> {
  let identity: Identity | undefined
  const audit = await openAudit(initial, {
    log,
    config,
    subjectOf: (caller) => (caller === LOCAL_CALLER ? undefined : identity?.auditSubject(caller)),
  })
  const tokens = new TokenCounts(audit)
  if (hasIdentity(initial)) {
    const { state } = initial.node
    const folder = state === MEMORY_STATE ? undefined : state
    identity = await Identity.open(initial, { folder, scopesOf, audit: tokens, log })
  }
  return { audit, identity, tokens }
}

/** What callers of an endpoint may ask for: the namespaces it shows now, to whoever comes. */
function scopesAt({ catalogue }: Registry, endpoint: string): readonly string[] {
  const views = CAPABILITY_KINDS.map((kind) => catalogue.view(endpoint, kind))
  const sight = catalogue.sightOf({ endpoint, principal: LOCAL_CALLER })
  const entries = views.flatMap((view) => view?.items ?? []).map(({ entry }) => entry)
  const shown = entries.filter((entry) => sight?.shows(entry) !== false)
  const namespaces = new Set(shown.map(({ namespace }) => namespace))
  return [...namespaces].toSorted().map((namespace) => `ns:${namespace}`)
}

/** What the inbound side remembers from one request to the next. */
type Remembered = Pick<
  StreamableParts,
  'keepAlive' | 'streams' | 'memory' | 'tell' | 'asks' | 'inflight' | 'listens'
>

function inboundOf({ limits }: NodeConfig): Remembered {
  const keepAlive = new KeepAlive(limits.keepAlive)
  const { eventBytes: streamBytes, eventLifetime: lifetimeMs } = limits
  const store = new MemoryEventStore({ streamBytes, lifetimeMs })
  const streams = new Streams({ keepAlive, store })
  const memory = new LocalSessionMemory({
    subscriptions: limits.subscriptions,
    idleMs: limits.sessionIdle,
    isHeard: (session) => streams.has(session),
  })
  keepAlive.add(memory)
  return {
    keepAlive,
    streams,
    memory,
    tell: (session, message) => streams.notify(session, message),
    asks: new Asks(),
    inflight: new Inflight(),
    listens: new Map(),
  }
}

function admissionOf({ node }: NodeConfig): Admission {
  const own = node.url === undefined ? [] : [new URL(node.url).host.toLowerCase()]
  return new Admission({
    loopback: isLoopback(node.listen.host),
    hosts: [...own, ...node.allowedHosts],
    origins: node.allowedOrigins.map((origin) => origin.toLowerCase()),
  })
}

function readiness(
  registry: Registry,
  drain: Drain,
  { mesh, config }: { readonly mesh: Mesh; readonly config: NodeConfig },
): { ready: boolean; facts: object & Record<string, unknown> } {
  // Whoever can reach the node can ask; where rules hide something, how much there is is nobody's business.
  if (config.visibility !== 'open') return { ready: drain.ready, facts: {} }
  const all = registry.upstreamStatus()
  const up = all.filter(({ phase }) => phase === 'up').length
  const upstreams = { up, down: all.length - up }
  const bus = mesh.busState
  return { ready: drain.ready, facts: bus === undefined ? { upstreams } : { upstreams, bus } }
}

/** Ends what would otherwise go on for ever: streams are closed, listens answered. Calls may finish. */
export function stopStreams({ streamable, methods, links }: Parts): void {
  streamable.streams.close()
  for (const scope of methods.listens.keys()) {
    scope.stop(new Fault('shutting_down', 'this node is shutting down'))
  }
  links.leave(() => true)
}
