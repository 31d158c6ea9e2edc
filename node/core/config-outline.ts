import type { z } from 'zod'
import { adminSchema } from './config-admin.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import type { EndpointDraft, IssuerDraft } from './config-drafts.ts'
import type { NodeClient, TrustRecord, WorkloadClient } from './config-identity-types.ts'
import type { GossipSettings } from './config-gossip-types.ts'
import { gossipSchema } from './config-gossip.ts'
import { issuerSchema, workloadSchema } from './config-issuer.ts'
import { nodeClientSchema } from './config-nodes.ts'
import { endpointSchema, namespaceSchema, nodeSchema } from './config-schema.ts'
import { clientsSchema, expectSchema, tagsSchema, visibilitySchema } from './config-policy.ts'
import { quotaSchema } from './config-quotas.ts'
import { trustSchema } from './config-trust.ts'
import type {
  AdminSettings,
  NamespaceConfig,
  NodeConfig,
  NodeSettings,
  UpstreamConfig,
} from './config-types.ts'
import { upstreamSchema } from './config-upstream.ts'

/**
 * The parts, as far as they can be read: an entry that is wrong in itself is there without a value, so that others may
 * refer to it, and no second mistake is invented from the first.
 */
export interface ConfigOutline {
  readonly node: NodeSettings | undefined
  /** `none` when there is no such part. */
  readonly issuer: IssuerDraft | undefined | 'none'
  readonly nodes: readonly (NodeClient | undefined)[]
  readonly workloads: readonly (WorkloadClient | undefined)[]
  readonly trust: readonly (TrustRecord | undefined)[]
  readonly upstreams: ReadonlyMap<string, UpstreamConfig | undefined>
  readonly namespaces: ReadonlyMap<string, NamespaceConfig | undefined>
  readonly endpoints: ReadonlyMap<string, EndpointDraft | undefined>
  /** Undefined when there is no such part, or when it cannot be read. */
  readonly admin: AdminSettings | undefined
  /** `none` when there is no such part. */
  readonly gossip: GossipSettings | undefined | 'none'
  /** The four parts of the policy; undefined when one of them cannot be read. */
  readonly policy: PolicyOutline | undefined
  /** By name. */
  readonly quotas: ReadonlyMap<string, Omit<Quota, 'name'> | undefined>
}

export type PolicyOutline = Pick<NodeConfig, 'clients' | 'tags' | 'visibility' | 'expect'>

type PartName = Exclude<keyof ConfigOutline, 'policy'> | keyof PolicyOutline

function partOf(input: unknown, part: PartName): unknown {
  if (typeof input !== 'object' || input === null) return undefined
  return new Map(Object.entries(input)).get(part)
}

function readTable<Entry>(
  entries: unknown,
  schema: z.ZodType<Entry>,
): ReadonlyMap<string, Entry | undefined> {
  if (typeof entries !== 'object' || entries === null) return new Map()
  return new Map(
    Object.entries(entries).map(([name, entry]) => [name, schema.safeParse(entry).data]),
  )
}

function readList<Entry>(items: unknown, schema: z.ZodType<Entry>): readonly (Entry | undefined)[] {
  return Array.isArray(items) ? items.map((item) => schema.safeParse(item).data) : []
}

/** Reads what can be read of a configuration that has mistakes. */
export function outlineOf(input: unknown): ConfigOutline {
  const part = (name: PartName): unknown => partOf(input, name)
  const issuer = part('issuer')
  const gossip = part('gossip')
  return {
    node: nodeSchema.safeParse(part('node')).data,
    issuer: issuer === undefined ? 'none' : issuerSchema.safeParse(issuer).data,
    nodes: readList(part('nodes'), nodeClientSchema),
    workloads: readList(part('workloads'), workloadSchema),
    trust: readList(part('trust'), trustSchema),
    upstreams: readTable(part('upstreams'), upstreamSchema),
    namespaces: readTable(part('namespaces'), namespaceSchema),
    endpoints: readTable(part('endpoints'), endpointSchema),
    admin: adminSchema.safeParse(part('admin')).data,
    gossip: gossip === undefined ? 'none' : gossipSchema.safeParse(gossip).data,
    policy: policyOf(part),
    quotas: readTable(part('quotas'), quotaSchema),
  }
}

function policyOf(part: (name: PartName) => unknown): PolicyOutline | undefined {
  const clients = clientsSchema.prefault({}).safeParse(part('clients')).data
  const tags = tagsSchema.prefault({}).safeParse(part('tags')).data
  const visibility = visibilitySchema.prefault('open').safeParse(part('visibility')).data
  const expect = expectSchema.prefault([]).safeParse(part('expect')).data
  const missing = [clients, tags, visibility, expect].includes(undefined)
  return missing ? undefined : ({ clients, tags, visibility, expect } as PolicyOutline)
}

/** The entries that could be read. */
export function known<Key, Entry>(
  entries: Iterable<readonly [Key, Entry | undefined]>,
): readonly (readonly [Key, Entry])[] {
  return [...entries].flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry]]))
}
