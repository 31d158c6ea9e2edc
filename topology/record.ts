import { z } from 'zod'
import { isNodeId, type NodeId } from '../protocol/federation.ts'
import type { JsonObject } from '../protocol/jsonrpc.ts'
import type { Version } from './version.ts'

/** `drain`: takes no new work, still ends what it has. `left`: gone for good, or until a newer record. */
export type NodeStatus = 'up' | 'drain' | 'left'

/** How much others are told of a node's namespaces: their names, digests of them, or nothing. */
export type Disclosure = 'full' | 'digest' | 'none'

/** What a node knows of its link to one of its upstreams, which it alone may say. */
export interface LinkFact {
  readonly to: NodeId
  readonly up: boolean
  /** Grows whenever the link comes up again; of this incarnation of the node. */
  readonly epoch: number
  /** Price of the link as configured, at least 0. */
  readonly cost: number
}

/** A namespace of a node, by name or blinded; never what is in it. */
export interface NamespaceFact {
  readonly name?: string | undefined
  /** HMAC of the name, for those who know it anyway. */
  readonly blinded?: string | undefined
  readonly count: number
  /** SHA-256 of the catalogue, base64url. */
  readonly digest: string
  readonly tags: readonly string[]
}

/** What a node says of itself, to the nodes of its organisation. */
export interface NodeRecord extends Version {
  readonly organisation: string
  readonly id: NodeId
  /** Seconds since 1970, by the node's own clock: shown to people, never reckoned with. */
  readonly issuedAt: number
  /** Upper bound against replay into an empty memory, seconds since 1970; how long a record counts is `recordTtl`. */
  readonly expiresAt: number
  readonly status: NodeStatus
  /** Human name. */
  readonly name?: string | undefined
  /** Where its endpoints are reached. */
  readonly urls: readonly string[]
  /** How it can be linked to: `http`, `ws`. */
  readonly protocols: readonly string[]
  readonly disclosure: Disclosure
  readonly links: readonly LinkFact[]
  readonly namespaces: readonly NamespaceFact[]
  /** JWT of the organisation's issuer that says the node's key is a member's (`cnf.jkt`). */
  readonly membership?: string | undefined
}

/** Characters of a signed record at most: one of a hundred namespaces and twenty links has 13 KB. */
export const MAX_RECORD_CHARS = 65_536

const MAX_ITEMS = 1_024
const MAX_TEXT = 256
const MAX_URL = 512

/** What may stand in a subject of the bus: no `.`, `*` or `>`. */
const LABEL = /^[A-Za-z0-9_-]{1,64}$/

/** Whether a text can be the id of an organisation. */
export function isOrganisation(value: unknown): value is string {
  return typeof value === 'string' && LABEL.test(value)
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().min(1).max(MAX_TEXT)
const digest = z.string().regex(/^[A-Za-z0-9_-]{1,86}$/)
const nodeId = z.string().refine(isNodeId)

const link = z.object({
  to: nodeId,
  st: z.enum(['up', 'down']),
  ep: count,
  cost: z.number().min(0).max(1_000_000),
})

const namespace = z
  .object({
    n: text.optional(),
    blinded: digest.optional(),
    cnt: count,
    dig: digest,
    tags: z.array(text).max(64),
  })
  .refine(({ n, blinded }) => (n === undefined) !== (blinded === undefined))

const wire = z.object({
  v: z.literal(1),
  org: z.string().refine(isOrganisation),
  id: nodeId,
  inc: count,
  seq: count,
  iat: count,
  exp: count,
  st: z.enum(['up', 'drain', 'left']),
  name: text.optional(),
  urls: z.array(z.string().min(1).max(MAX_URL)).max(16),
  protos: z.array(text).max(16),
  disclose: z.enum(['full', 'digest', 'none']),
  links: z.array(link).max(MAX_ITEMS),
  ns: z.array(namespace).max(MAX_ITEMS),
  mem: z.string().max(8_192).optional(),
})

/** Reads the claims of a record; undefined when they are no record of this version. Members it does not know are left out. */
export function readRecord(claims: unknown): NodeRecord | undefined {
  const { success, data } = wire.safeParse(claims)
  if (!success || twice(data.links.map(({ to }) => to))) return undefined
  return {
    organisation: data.org,
    id: data.id,
    inc: data.inc,
    seq: data.seq,
    issuedAt: data.iat,
    expiresAt: data.exp,
    status: data.st,
    name: data.name,
    urls: data.urls,
    protocols: data.protos,
    disclosure: data.disclose,
    links: data.links.map(({ to, st, ep, cost }) => ({ to, up: st === 'up', epoch: ep, cost })),
    namespaces: data.ns.map(({ n, blinded, cnt, dig, tags }) => ({
      name: n,
      blinded,
      count: cnt,
      digest: dig,
      tags,
    })),
    membership: data.mem,
  }
}

/** The claims of a record, as they are signed. */
export function recordClaims(record: NodeRecord): JsonObject {
  const { links, namespaces } = record
  return {
    v: 1,
    org: record.organisation,
    id: record.id,
    inc: record.inc,
    seq: record.seq,
    iat: record.issuedAt,
    exp: record.expiresAt,
    st: record.status,
    name: record.name,
    urls: record.urls,
    protos: record.protocols,
    disclose: record.disclosure,
    links: links.map(({ to, up, epoch, cost }) => ({
      to,
      st: up ? 'up' : 'down',
      ep: epoch,
      cost,
    })),
    ns: namespaces.map((one) => ({
      n: one.name,
      blinded: one.blinded,
      cnt: one.count,
      dig: one.digest,
      tags: one.tags,
    })),
    mem: record.membership,
  }
}

function twice(texts: readonly string[]): boolean {
  return new Set(texts).size < texts.length
}
