import { z } from 'zod'
import { isNodeId } from '../protocol/federation.ts'
import { BUCKETS } from './hash-tree.ts'
import { MAX_RECORD_CHARS } from './record.ts'
import type { SyncReply, SyncRequest } from './sync.ts'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const bucket = z
  .number()
  .int()
  .min(0)
  .max(BUCKETS - 1)
const digest = z.string().max(64)
const nodeId = z.string().refine(isNodeId)
const records = z.array(z.string().max(MAX_RECORD_CHARS)).max(20_000)
const holding = z.tuple([nodeId, count, count, z.string().max(128)])

export const syncRequest: z.ZodType<SyncRequest> = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('root'), root: digest, count }),
  z.object({
    ask: z.literal('records'),
    buckets: z.array(bucket).max(BUCKETS),
    have: z.array(holding).max(100_000),
  }),
  z.object({ ask: z.literal('take'), records }),
])

export const syncReply: z.ZodType<SyncReply> = z.union([
  z.object({ same: z.literal(true) }),
  z.object({ buckets: z.array(digest).length(BUCKETS) }),
  z.object({ records, need: z.array(nodeId).max(100_000), next: bucket.optional() }),
  z.object({ taken: count }),
])

/** A question as somebody sent it; undefined when it is none. */
export function readSyncRequest(value: unknown): SyncRequest | undefined {
  return syncRequest.safeParse(value).data
}

/** An answer as somebody sent it; undefined when it is none. */
export function readSyncReply(value: unknown): SyncReply | undefined {
  return syncReply.safeParse(value).data
}
