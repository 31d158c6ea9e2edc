import { present } from '../../protocol/token/fields.ts'
import type {
  AssertionAuth,
  ClientCredentials,
  EgressSettings,
  UpstreamAuth,
} from '../core/config-identity-types.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Clock } from './clock.ts'
import { EnterpriseBackend, WorkloadBackend } from './delegation/assertion-backends.ts'
import type { Backend } from './delegation/backend.ts'
import { ClientCredentialsBackend } from './delegation/backends.ts'
import {
  TokenRequests,
  type TokenEndpoint,
  type TokenRequestParts,
} from './delegation/token-requests.ts'
import { IdentityProvider } from './identity-provider.ts'
import { NamedServerBackend, type NamedServer } from './named-server.ts'
import type { ProofMaker } from './proof-maker.ts'
import { RefusedAssertion } from './refused-assertion.ts'
import type { AuthenticateClient } from './verifier/client-authentication.ts'
import type { NetworkOf } from './verifier/networks.ts'

/** Ways in which the node goes in its own name, whoever calls. */
export type OwnNameAuth = Extract<UpstreamAuth, { mode: 'client_credentials' | 'workload' | 'xaa' }>

/** What ways to tokens are made with. */
export interface BackendParts {
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
  readonly network: NetworkOf
  readonly authenticateClient: AuthenticateClient
  readonly proofs: ProofMaker
  readonly clock: Clock
}

/** One upstream that knows the node alone. */
export interface OwnNameUpstream {
  readonly label: string
  readonly url: string
  readonly egress: EgressSettings
  readonly auth: OwnNameAuth
}

/** An authorization server, and who the node is there. */
export interface ServerAccount {
  readonly issuer: string
  /** Looked at for each request; undefined: from the metadata of the issuer. */
  readonly tokenEndpoint?: string | undefined
  /** Undefined where what is sent says by itself who sends it. */
  readonly client: () => ClientCredentials | undefined
}

/** Requests to one server, over the network of its upstream. */
export function tokenRequests(
  parts: BackendParts,
  egress: EgressSettings,
  account: ServerAccount,
): TokenRequests {
  return new TokenRequests(...endpointOf(parts, egress, account))
}

function endpointOf(
  { network, authenticateClient, proofs }: BackendParts,
  egress: EgressSettings,
  account: ServerAccount,
): [TokenEndpoint, TokenRequestParts] {
  const { issuer, client } = account
  const server = {
    issuer,
    client,
    get url() {
      return account.tokenEndpoint
    },
  }
  return [server, { network: network(egress), authenticateClient, proofs }]
}

/** Makes the ways to tokens of the node itself, one for each upstream as it is configured. */
export class OwnNameBackends {
  readonly #parts: BackendParts
  /** Assertions that were refused, by label. */
  readonly #refused = new Map<string, RefusedAssertion>()

  constructor(parts: BackendParts) {
    this.#parts = parts
  }

  /** Takes the place of the one there was for that label. `audited` writes down each attempt. */
  of(upstream: OwnNameUpstream, audited: (backend: Backend) => Backend): Backend {
    const { label, auth } = upstream
    const backend = audited(this.#reach(upstream))
    // Around the audit: what is not shown again is no attempt.
    return auth.mode === 'workload' ? this.#once(label, auth, backend) : backend
  }

  forget(label: string): void {
    this.#refused.delete(label)
  }

  /** Another policy holds: what was refused is tried once more. */
  clear(): void {
    for (const refused of this.#refused.values()) refused.forget()
  }

  #reach(upstream: OwnNameUpstream): Backend {
    const { label, url, egress, auth } = upstream
    const make = (server: NamedServer): Backend => this.#at(server, upstream)
    if (auth.issuer !== undefined) return make({ issuer: auth.issuer, resource: url })
    const { network, clock } = this.#parts
    return new NamedServerBackend({
      label,
      url,
      discovery: network(egress).discovery,
      clock,
      make,
    })
  }

  #at({ issuer, resource }: NamedServer, { egress, auth }: OwnNameUpstream): Backend {
    const { clock } = this.#parts
    const { tokenEndpoint, scopes } = auth
    const plan = { resource, scopes, clock }
    const client = (): ClientCredentials | undefined =>
      auth.mode === 'workload' ? undefined : auth.client
    const account = { issuer, ...present({ tokenEndpoint }), client }
    const requests = tokenRequests(this.#parts, egress, account)
    if (auth.mode === 'client_credentials') return new ClientCredentialsBackend(requests, plan)
    if (auth.mode === 'workload') {
      return new WorkloadBackend(requests, { ...plan, file: auth.assertion })
    }
    const { provider } = auth
    const { idToken } = provider
    const there = { ...provider, client: () => provider.client }
    const grants = new IdentityProvider(...endpointOf(this.#parts, egress, there))
    return new EnterpriseBackend(grants, requests, { ...plan, idToken })
  }

  #once(label: string, { assertion: file }: AssertionAuth, backend: Backend): Backend {
    const { config, clock } = this.#parts
    const seconds = (): number => config().limits.refusedAssertion / 1_000
    const made = new RefusedAssertion(backend, { file, seconds, clock })
    this.#refused.set(label, made)
    return made
  }
}
