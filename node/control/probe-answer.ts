import { z } from 'zod'
import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'

/** Hops of one way at most: what one node believes of another's answer. */
const MAX_HOPS = 64
/** Longest name, and longest reason. */
const MAX_NAME = 65_536
const MAX_REASON = 1_024
/** Ways of one node that are told of at most. */
const MAX_PASSED = 16

/** A way that was chosen before, and does not lead on. */
export interface PassedWay {
  readonly upstream: string
  readonly why: string
}

/** A node that a call passes, and what lies next there. */
export interface ProbeHop {
  readonly node: string
  readonly name: string
  readonly organisation: string
  /** What the thing is called there. */
  readonly called: string
  /** Absent where the node does not say, or the thing is not there. */
  readonly upstream?: string | undefined
  readonly transport?: 'stdio' | 'http' | 'websocket' | undefined
  /** Round trip to what lies next, milliseconds; absent where there was no answer. */
  readonly ms?: number | undefined
  readonly passed?: readonly PassedWay[] | undefined
  /** Absent where calls go on without one. */
  readonly token?: ProbeToken | undefined
}

/** What calls show to what lies next. Never the token itself. */
export interface ProbeToken {
  /** How the node gets it: `auth.mode` of the upstream. */
  readonly mode: string
  /** The one resource it is for (RFC 8707); other nodes are not told. */
  readonly audience?: string | undefined
}

/** Where a way ends: at the server, at a hop beyond which nothing answers, or at a node that does not say how it goes on. */
export type ProbeEnd = 'reached' | 'unreached' | 'unsaid'

/** The way of a call from one node on. */
export interface ProbeAnswer {
  readonly end: ProbeEnd
  /** Why it is not known to be reached. */
  readonly problem?: string | undefined
  /** What the server calls itself. */
  readonly server?: string | undefined
  /** The nearest first; at least one. */
  readonly hops: readonly ProbeHop[]
}

/** What an operator is told. */
export interface ProbeReport extends Omit<ProbeAnswer, 'end'> {
  readonly end: ProbeEnd | 'unknown'
  /** Where it was found; absent where it was not. */
  readonly endpoint?: string | undefined
  readonly kind?: CapabilityKind | undefined
  readonly notes: readonly string[]
}

const short = z.string().max(256)
const name = z.string().max(MAX_NAME)
const reason = z.string().max(MAX_REASON)

const hop: z.ZodType<ProbeHop> = z.object({
  node: short,
  name: short,
  organisation: short,
  called: name.describe('What it is called there.'),
  upstream: short.optional(),
  transport: z.enum(['stdio', 'http', 'websocket']).optional(),
  ms: z.number().min(0).optional().describe('Round trip to what lies next.'),
  passed: z
    .array(z.object({ upstream: short, why: reason }))
    .max(MAX_PASSED)
    .optional()
    .describe('Ways that come first, and lead nowhere now.'),
  token: z
    .object({
      mode: short.describe('How the node gets it.'),
      audience: name.optional().describe('The one resource it is for; not told by other nodes.'),
    })
    .optional()
    .describe('What calls show to what lies next; never the token itself.'),
})

const way = {
  problem: reason.optional(),
  server: short.optional(),
  hops: z.array(hop).max(MAX_HOPS),
}

/** What another node says is text to show, and nothing is decided by it. */
export const probeAnswer: z.ZodType<ProbeAnswer> = z.object({
  end: z.enum(['reached', 'unreached', 'unsaid']),
  ...way,
})

export const probeReport: z.ZodType<ProbeReport> = z
  .strictObject({
    end: z
      .enum(['reached', 'unreached', 'unsaid', 'unknown'])
      .describe(
        'unsaid: the last node does not say how it goes on; unknown: nothing here has the name.',
      ),
    endpoint: z.string().optional(),
    kind: z.enum(CAPABILITY_KINDS).optional(),
    ...way,
    notes: z.array(z.string()),
  })
  .meta({ id: 'Probe', description: 'The nodes a call passes, the nearest first.' })
