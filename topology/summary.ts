import { hash, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { isNodeId, type NodeId } from '../protocol/federation.ts'
import type { JsonObject } from '../protocol/jsonrpc.ts'
import { isOrganisation } from './record.ts'
import { openStatement, textSigner } from './signed-text.ts'
import type { Version } from './version.ts'

/** A namespace as an organisation offers it to others. */
export interface SummaryGroup {
  /** The name it has for them. */
  readonly namespace: string
  /** SHA-256 of its catalogue, base64url. */
  readonly revision: string
}

/** What an organisation offers, as one of its border nodes says it: nothing of what is inside. */
export interface Summary extends Version {
  readonly organisation: string
  readonly border: NodeId
  /** The organisation it is for; undefined when it is for all. */
  readonly to: string | undefined
  /** Seconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** Ordered by name. */
  readonly groups: readonly SummaryGroup[]
}

/** A summary and the text it is proved by. */
export interface SignedSummary {
  readonly summary: Summary
  readonly text: string
  /** SHA-256 of the text, base64url. */
  readonly digest: string
}

export type SealSummary = (summary: Summary) => SignedSummary
/** Reads a summary and verifies it; undefined when it is none, or not signed by its border. */
export type OpenSummary = (text: string) => SignedSummary | undefined

export const SUMMARY_TYP = 'banyan-sum+jwt'

/** Groups of one organisation: its list is pulled like a search where that is not enough. */
export const MAX_GROUPS = 64

/** Characters of a signed summary at most. */
export const MAX_SUMMARY_CHARS = 32_768

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const organisation = z.string().refine(isOrganisation)

const wire = z.object({
  v: z.literal(1),
  org: organisation,
  bid: z.string().refine(isNodeId),
  to: organisation.optional(),
  inc: count,
  seq: count,
  iat: count,
  exp: count,
  groups: z
    .array(
      z.object({
        n: z.string().regex(/^[^\s]{1,128}$/),
        dig: z.string().regex(/^[A-Za-z0-9_-]{1,86}$/),
      }),
    )
    .max(MAX_GROUPS),
})

/** {@link SealSummary} with a border node's key. @param key Ed25519, private */
export function summarySealer(key: KeyObject): SealSummary {
  const sign = textSigner(key, SUMMARY_TYP)
  return (summary) => {
    const text = sign(claimsOf(summary))
    return { summary, text, digest: hash('sha256', text, 'base64url') }
  }
}

/** {@link OpenSummary} for summaries of real keys. */
export function openSummary(text: string): SignedSummary | undefined {
  const statement = openStatement(text, SUMMARY_TYP, MAX_SUMMARY_CHARS)
  const { data } = wire.safeParse(statement?.claims)
  if (data === undefined || data.bid !== statement?.signer) return undefined
  const summary = {
    organisation: data.org,
    border: data.bid,
    to: data.to,
    inc: data.inc,
    seq: data.seq,
    issuedAt: data.iat,
    expiresAt: data.exp,
    groups: data.groups.map(({ n, dig }) => ({ namespace: n, revision: dig })),
  }
  return { summary, text, digest: hash('sha256', text, 'base64url') }
}

function claimsOf({
  border,
  expiresAt,
  groups,
  inc,
  issuedAt,
  organisation: org,
  seq,
  to,
}: Summary): JsonObject {
  return {
    v: 1,
    org,
    bid: border,
    ...(to !== undefined && { to }),
    inc,
    seq,
    iat: issuedAt,
    exp: expiresAt,
    groups: groups.map(({ namespace, revision }) => ({ n: namespace, dig: revision })),
  }
}
