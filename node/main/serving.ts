import type { FederationSettings } from '../../protocol/federation.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { CallAudit } from '../core/audit.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import type { CurrentMeter } from '../core/meter.ts'
import type { CallCounts } from '../core/metrics/call-counts.ts'
import type { Principal } from '../core/principal.ts'
import { Sealer } from '../core/seal.ts'
import type { EndpointDescription, Serving } from '../core/stages.ts'
import type { WayRank } from '../core/way-rank.ts'
import { explainForNode } from '../control/explain-for-node.ts'
import { probeForNode } from '../control/probe-way.ts'
import type { Registry } from '../control/registry.ts'
import type { CallLanding } from '../hop/landing.ts'
import type { ParkedCalls } from '../hop/parked-calls.ts'
import type { RelayParts } from '../hop/relay.ts'
import { RequestStates } from '../hop/request-state.ts'
import { serveCall, type FinderParts } from '../hop/search/finder.ts'
import { Selections } from '../hop/search/selections.ts'
import { ToolIndexes } from '../hop/search/tool-indexes.ts'
import { TaskIds } from '../hop/task-ids.ts'
import { watchTasks } from '../hop/task-watch.ts'

/** What answers the inbound side is made with. */
export interface ServingParts {
  readonly registry: Registry
  readonly federation: FederationSettings
  readonly serverInfo: JsonObject
  /** What request states and task ids are sealed with. */
  readonly sessionKey: Buffer
  readonly log: Logger
  readonly meter: CurrentMeter
  /** What the mesh knows of the ways. */
  readonly ways: WayRank
  /** Undefined where calls are not written down. */
  readonly audit: CallAudit | undefined
  /** Undefined where nobody counts. */
  readonly watch: CallCounts | undefined
  readonly parked: ParkedCalls<CallLanding>
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
}

/** What the inbound side may ask, bound to the parts that answer it. */
export function makeServing(made: ServingParts): Serving {
  const { registry, config, ways, parked, watch } = made
  const { catalogue } = registry
  const parts: FinderParts = {
    ...relayParts(made),
    selections: new Selections(),
    indexes: new ToolIndexes(() => config().limits.searchBytes),
  }
  return {
    has: (name) => catalogue.has(name),
    admits: (name, principal) => catalogue.sightOf({ endpoint: name, principal })?.isOpen !== false,
    describe: (name, principal) => describe(made, name, principal),
    list: (request, kind, query) => catalogue.list(request, kind, query),
    call: (request) => serveCall(parts, request),
    explain: (request) =>
      explainForNode({ config: config(), registry, self: made.federation.node }, request),
    probe: (request) =>
      probeForNode({ config: config(), registry, self: made.federation.node, ways }, request),
    watch: (watcher, listener) =>
      catalogue.watch(watcher, (changed) => {
        watch?.changed(watcher.endpoint, changed)
        listener(changed)
      }),
    subscribe: (request, wanted) => registry.subscriptions.subscribe(request, wanted),
    watchTasks: (request, wanted) => watchTasks(parts, request, wanted),
    endSession: (session) => registry.endSession(session),
    close: () => parked.close(),
  }
}

function relayParts(made: ServingParts): RelayParts {
  const { registry, federation, serverInfo, sessionKey, log, audit, meter, ways, config } = made
  const { parked } = made
  const { limits } = config()
  const { inputTimeout, inputRounds, requestStateBytes } = limits
  const { catalogue } = registry
  return {
    self: federation.node,
    serverInfo: JSON.stringify(serverInfo),
    catalogue,
    upstreams: () => registry.upstreams,
    ways,
    // A call may outlive its endpoint when the configuration changes.
    names: (endpoint) => catalogue.rule(endpoint)?.names.style ?? 'prefixed',
    limits,
    inputTimeoutMs: inputTimeout,
    inputRounds,
    states: new RequestStates({
      sealer: new Sealer(sessionKey, 'request state'),
      lifetimeMs: inputTimeout,
      maxBytes: requestStateBytes,
    }),
    tasks: new TaskIds(new Sealer(sessionKey, 'task'), limits.uriBytes),
    parked,
    meter,
    log,
    audit,
  }
}

/** What an endpoint says of itself. */
function describe(
  { registry, config }: Pick<ServingParts, 'registry' | 'config'>,
  name: string,
  principal: Principal,
): EndpointDescription | undefined {
  const { catalogue } = registry
  const endpoint = config().endpoints[name]
  if (endpoint === undefined) return undefined
  if (catalogue.sightOf({ endpoint: name, principal })?.isOpen === false) return undefined
  const { title, instructions, card, names } = endpoint
  return {
    name,
    title,
    instructions,
    card,
    names,
    isPublic: config().visibility === 'open',
    extensions: catalogue.extensions(name, principal),
    tasks: catalogue.tasks(name, principal),
  }
}
