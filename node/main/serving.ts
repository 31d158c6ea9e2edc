import type { FederationSettings } from '../../protocol/federation.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { CallAudit } from '../core/audit.ts'
import type { EndpointConfig, NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { Sealer } from '../core/seal.ts'
import type { EndpointDescription, Serving } from '../core/stages.ts'
import type { Registry } from '../control/registry.ts'
import type { Catalogue } from '../hop/catalogue.ts'
import type { CallLanding } from '../hop/landing.ts'
import { ParkedCalls } from '../hop/parked-calls.ts'
import { relay, type RelayParts } from '../hop/relay.ts'
import { RequestStates } from '../hop/request-state.ts'
import { TaskIds } from '../hop/task-ids.ts'
import { watchTasks } from '../hop/task-watch.ts'

/** What answers the inbound side is made with. */
export interface ServingParts {
  readonly registry: Registry
  readonly federation: FederationSettings
  readonly serverInfo: object
  /** What request states and task ids are sealed with. */
  readonly sessionKey: Buffer
  readonly log: Logger
  /** Undefined where calls are not written down. */
  readonly audit: CallAudit | undefined
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
}

/** What the inbound side may ask, bound to the parts that answer it. */
export function makeServing(made: ServingParts): Serving {
  const { registry, config } = made
  const { catalogue } = registry
  const parked = new ParkedCalls<CallLanding>(config().limits.parkedCalls)
  const parts = relayParts(made, parked)
  const descriptions = new Descriptions(catalogue)
  return {
    describe: (name) => descriptions.of(config(), name),
    list: (request, kind, cursor) => catalogue.list(request, kind, cursor),
    call: (request) => relay(parts, request),
    watch: (endpoint, listener) => catalogue.watch(endpoint, listener),
    subscribe: (request, wanted) => registry.subscriptions.subscribe(request, wanted),
    watchTasks: (request, wanted) => watchTasks(parts, request, wanted),
    endSession: (session) => registry.endSession(session),
    close: () => parked.close(),
  }
}

function relayParts(made: ServingParts, parked: RelayParts['parked']): RelayParts {
  const { registry, federation, serverInfo, sessionKey, log, audit, config } = made
  const { limits } = config()
  const { inputTimeout, inputRounds, requestStateBytes } = limits
  const { catalogue } = registry
  return {
    self: federation.node,
    serverInfo: JSON.stringify(serverInfo),
    catalogue,
    upstreams: () => registry.upstreams,
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
    log,
    audit,
  }
}

/** What endpoints say of themselves. Every request asks for it, so it is made once for a configuration. */
class Descriptions {
  readonly #catalogue: Catalogue
  #config: NodeConfig | undefined
  readonly #made = new Map<string, Description>()

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  of(config: NodeConfig, name: string): EndpointDescription | undefined {
    if (config !== this.#config) this.#made.clear()
    this.#config = config
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const endpoint = config.endpoints[name]
    if (endpoint === undefined) return undefined
    const made = new Description(name, endpoint, this.#catalogue)
    this.#made.set(name, made)
    return made
  }
}

/** What depends on upstreams is looked up when it is asked for. */
class Description implements EndpointDescription {
  readonly name: string
  readonly title: string | undefined
  readonly instructions: string | undefined
  readonly names: 'prefixed' | 'plain'
  readonly #catalogue: Catalogue

  constructor(name: string, endpoint: EndpointConfig, catalogue: Catalogue) {
    this.name = name
    this.title = endpoint.title
    this.instructions = endpoint.instructions
    this.names = endpoint.names
    this.#catalogue = catalogue
  }

  get extensions(): JsonObject {
    return this.#catalogue.extensions(this.name)
  }

  get tasks(): JsonObject | undefined {
    return this.#catalogue.tasks(this.name)
  }
}
