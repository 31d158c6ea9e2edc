import type { Party } from '../../../protocol/token/act.ts'
import { subjectPattern, type GrantTrust } from '../../../protocol/token/accept.ts'
import { present } from '../../../protocol/token/fields.ts'
import type {
  ClientKeySource,
  NodeClient,
  TrustRecord,
  WorkloadClient,
} from '../../core/config-identity-types.ts'
import type { KeyFinder } from '../jwt.ts'
import { isSameSource, type KeySources } from './key-sources.ts'
import { clientIdOf, type IssuerPolicy, type ServedEndpoint } from './settings.ts'

/** A client the service knows, with all it may be: one name has one key or secret, whatever it does. */
export interface Client {
  readonly id: string
  /** Of its client assertions. */
  readonly keys?: KeyFinder
  readonly secretHash?: string
  /** What it may exchange as a node of the organisation. */
  readonly node?: NodeClient
  /** What it may have for itself. */
  readonly workload?: WorkloadClient
}

/** A foreign issuer, with its keys. */
export interface Peer {
  readonly record: TrustRecord
  /** As `acceptGrant` takes it; times in seconds. */
  readonly trust: GrantTrust
  readonly keys: KeyFinder
}

/** A workload that comes with a token of its platform. */
export interface Federated {
  readonly workload: WorkloadClient & {
    readonly federated: NonNullable<WorkloadClient['federated']>
  }
  readonly keys: KeyFinder
}

/** Everybody the policy names, by the names they come under. */
export class Roster {
  readonly clients: ReadonlyMap<string, Client>
  /** By issuer. */
  readonly peers: ReadonlyMap<string, Peer>
  readonly #policy: IssuerPolicy
  readonly #sources: KeySources
  readonly #federated = new Map<string, Federated>()
  /** Nodes by the resources they own. */
  readonly #owners = new Map<string, Party>()

  /**
   * @throws TypeError when a client has two sets of keys, or an endpoint two nodes: who is meant would be a matter of
   *   chance
   */
  constructor(
    policy: IssuerPolicy,
    own: { readonly base: string; readonly endpoints: readonly ServedEndpoint[] },
    sources: KeySources,
  ) {
    this.#policy = policy
    this.#sources = sources
    this.clients = new Map([...this.#namedClients()].map((client) => [client.id, client]))
    this.peers = new Map(policy.trust.map((record) => [record.issuer, this.#peer(record)]))
    for (const workload of policy.workloads) this.#federate(workload)
    const self = clientIdOf(own.base)
    for (const { resource } of own.endpoints) this.#own(resource, self)
    for (const { client, spends } of policy.nodes) {
      for (const resource of spends) this.#own(resource, client)
    }
  }

  /** The workload a platform's token stands for. */
  federated(issuer: string, subject: string): Federated | undefined {
    return this.#federated.get(federatedKey(issuer, subject))
  }

  /** The node that may exchange tokens for a resource in turn. */
  ownerOf(resource: string): Party | undefined {
    return this.#owners.get(resource)
  }

  *#namedClients(): Iterable<Client> {
    const { nodes, workloads, trust } = this.#policy
    const peers = trust.flatMap(({ clients }) => clients)
    const ids = new Set([
      ...nodes.map(({ client }) => client),
      ...workloads.map(({ client }) => client),
      ...peers.map(({ id }) => id),
    ])
    for (const id of ids) {
      const node = nodes.find(({ client }) => client === id)
      const workload = workloads.find(({ client }) => client === id)
      const sources = [
        node?.keys,
        workload?.keys,
        ...peers.filter((peer) => peer.id === id).map((peer) => peer.keys),
      ]
      const keys = this.#clientKeys(id, sources)
      yield { id, ...present({ keys, node, workload, secretHash: workload?.secretHash }) }
    }
  }

  #clientKeys(
    id: string,
    sources: readonly (ClientKeySource | undefined)[],
  ): KeyFinder | undefined {
    const [source, ...others] = sources.filter((one) => one !== undefined)
    if (source === undefined) return undefined
    if (others.some((other) => !isSameSource(source, other))) {
      throw new TypeError(`the client ${id} has two sets of keys`)
    }
    const rules = { algs: this.#policy.algs, pins: [], thumbprintKids: false }
    return this.#sources.find({ of: id, source, rules })
  }

  #peer(record: TrustRecord): Peer {
    const { issuer, keys: source, algs, pins, profiles } = record
    // Third parties name their keys as they like.
    const thumbprintKids = !('static' in source) && !profiles.includes('id-jag')
    const keys = this.#sources.find({ of: issuer, source, rules: { algs, pins, thumbprintKids } })
    return { record, keys, trust: trustOf(record, this.#policy) }
  }

  #federate(workload: WorkloadClient): void {
    const { federated } = workload
    if (federated === undefined) return
    const { issuer, subject, algs, keys: source } = federated
    const key = federatedKey(issuer, subject)
    if (this.#federated.has(key)) {
      throw new TypeError(`two workloads come with the same token of ${issuer}`)
    }
    const rules = { algs, pins: [], thumbprintKids: false }
    const keys = this.#sources.find({ of: issuer, source, rules })
    this.#federated.set(key, { workload: { ...workload, federated }, keys })
  }

  #own(resource: string, client: string): void {
    const known = this.#owners.get(resource)
    if (known !== undefined && known.sub !== client) {
      throw new TypeError(`the endpoint ${resource} belongs to two nodes`)
    }
    this.#owners.set(resource, { iss: this.#policy.identifier, sub: client })
  }
}

function federatedKey(issuer: string, subject: string): string {
  return `${issuer.length} ${issuer}${subject}`
}

/** The record as the law takes it: in seconds, and nothing beyond what the service allows anybody. */
function trustOf(record: TrustRecord, policy: IssuerPolicy): GrantTrust {
  const { issuer, profiles, cnf, resources, subjects, transit, scopes, notAfter } = record
  return {
    issuer,
    profiles,
    cnf,
    resources,
    transit,
    scopes,
    clients: record.clients.map(({ id }) => id),
    subjects: { ...subjects, pattern: subjectPattern(subjects.pattern) },
    maxDepth: Math.min(record.maxDepth, policy.maxDepth),
    maxBudget: policy.maxBudget,
    maxTtl: Math.min(record.maxTtl / 1_000, policy.tokenTtl),
    ...present({ notAfter: notAfter === undefined ? undefined : notAfter / 1_000 }),
  }
}
