/** What operators are told, as data: the one source of the answers' types, of their schema and of the published description. */

import { z } from 'zod'
import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import type { ClassRule } from '../../protocol/policy/classes.ts'
import type { Level, RuleKind, Selector } from '../../protocol/policy/policy.ts'
import type { ConfigProblem } from '../core/config-error.ts'
import type { LimitUnit } from '../core/config-limits.ts'
import type { EndpointStatus, UpstreamStatus } from './registry.ts'

const count = z.int().min(0)
const text = z.string()

/** A kind of what servers have. */
export const kind: z.ZodType<CapabilityKind> = z.enum(CAPABILITY_KINDS)

const counts = { tools: count, prompts: count, resources: count, templates: count }

/** How the node stands: `draining` where it was told to send callers elsewhere. */
export interface StatusReport {
  readonly id: string
  readonly name: string
  readonly organisation: string
  readonly version: string
  readonly url: string
  readonly phase: 'starting' | 'ready' | 'draining'
  readonly startedAt: string
  /** Calls under way at upstreams. */
  readonly callsInFlight: number
  readonly upstreams: { readonly up: number; readonly down: number }
  readonly endpoints: number
}

export const statusReport: z.ZodType<StatusReport> = z
  .strictObject({
    id: text.describe('RFC 7638 thumbprint of the key of the node.'),
    name: text,
    organisation: text,
    version: text.describe('Of the program.'),
    url: text.describe('Base URL, as clients see it.'),
    phase: z
      .enum(['starting', 'ready', 'draining'])
      .describe('What /readyz says: ready, or not yet, or no more.'),
    startedAt: z.iso.datetime(),
    callsInFlight: count.describe('Calls under way at upstreams.'),
    upstreams: z.strictObject({ up: count, down: count }),
    endpoints: count,
  })
  .meta({ id: 'Status', description: 'How the node stands.' })

/** The same where members that are undefined are left out. */
type AsJson<T> = {
  readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { readonly [K in keyof T as undefined extends T[K] ? K : never]?: T[K] }

/** The upstreams, how each stands. */
export interface UpstreamsReport {
  readonly upstreams: readonly (AsJson<UpstreamStatus> & {
    /** Calls in flight at most. */
    readonly concurrency: number
  })[]
}

const proofs = z.strictObject({
  verified: count,
  unsigned: count,
  untrusted: count,
  altered: count,
  unreadable: count,
  unavailable: count,
})

export const upstreamsReport: z.ZodType<UpstreamsReport> = z
  .strictObject({
    upstreams: z.array(
      z.strictObject({
        label: text,
        kind: z.enum(['stdio', 'http', 'node']),
        phase: z.enum(['connecting', 'up', 'down', 'closed']),
        target: text.describe('The command, or the URL without its query.'),
        era: z.enum(['2025', '2026']).optional(),
        revision: text.optional().describe('MCP revision it was last spoken to in.'),
        server: text.optional().describe('Name the server gives itself.'),
        transport: z
          .enum(['http', 'websocket'])
          .optional()
          .describe('How it is reached; other nodes over websocket where that gets through.'),
        ...counts,
        callsInFlight: count,
        concurrency: count.describe('Calls in flight at most.'),
        proofs: proofs.optional().describe('How many results and descriptions got each verdict.'),
        problem: text.optional().describe('What is wrong with it.'),
      }),
    ),
  })
  .meta({ id: 'Upstreams', description: 'What feeds the node.' })

/** The endpoints, and what each has. */
export interface EndpointsReport {
  readonly endpoints: readonly (EndpointStatus & {
    readonly url: string
    /** Whether whoever reaches it may call it. */
    readonly auth: 'none' | 'required'
  })[]
}

export const endpointsReport: z.ZodType<EndpointsReport> = z
  .strictObject({
    endpoints: z.array(
      z.strictObject({
        name: text,
        url: text,
        auth: z.enum(['none', 'required']).describe('none: whoever reaches it may call it.'),
        ...counts,
        problems: z
          .array(z.strictObject({ upstream: text, kind, name: text, reason: text }))
          .describe('What is left out, with the reason.'),
      }),
    ),
  })
  .meta({ id: 'Endpoints', description: 'What the endpoints have, before anything is hidden.' })

/** What somebody sees at an endpoint: a part of it. */
export interface ViewReport {
  readonly endpoint: string
  readonly items: readonly {
    readonly kind: CapabilityKind
    readonly name: string
    readonly namespace: string
    readonly upstreams: readonly string[]
  }[]
  readonly refused?: string | undefined
  readonly next?: string | undefined
}

const cursorOut = text.optional().describe('Cursor of what follows; absent at the end.')

export const viewReport: z.ZodType<ViewReport> = z
  .strictObject({
    endpoint: text,
    items: z.array(
      z.strictObject({
        kind,
        name: text.describe('Name, URI or URI template, as callers of the endpoint know it.'),
        namespace: text,
        upstreams: z.array(text).describe('Labels of those that lead to it, the preferred first.'),
      }),
    ),
    refused: text.optional().describe('Why it is nobody there, and so sees nothing.'),
    next: cursorOut,
  })
  .meta({ id: 'View', description: 'What somebody sees at an endpoint, by kind and name.' })

/** What callers hold open. */
export interface SessionsReport {
  /** Streams of sessions of the 2025 era that have a client. */
  readonly streams: number
  /** Listens of the 2026 era. */
  readonly listens: number
  readonly subscriptions: number
  readonly sessions: readonly {
    /** A hash: no session can be used by it. */
    readonly id: string
    readonly stream: boolean
    readonly subscriptions: number
    readonly calls: number
  }[]
  readonly next?: string | undefined
}

export const sessionsReport: z.ZodType<SessionsReport> = z
  .strictObject({
    streams: count.describe('Streams of sessions of the 2025 era that have a client.'),
    listens: count.describe('Listens of the 2026 era.'),
    subscriptions: count.describe('Subscriptions of sessions of the 2025 era.'),
    sessions: z
      .array(
        z.strictObject({
          id: text.describe('A hash: no session can be used by it.'),
          stream: z.boolean().describe('Whether it has a stream with a client.'),
          subscriptions: count,
          calls: count.describe('Calls under way.'),
        }),
      )
      .describe(
        'Sessions of the 2025 era of which the node holds anything. A session that holds nothing is known to its client alone.',
      ),
    next: cursorOut,
  })
  .meta({ id: 'Sessions', description: 'What callers hold open.' })

type Sides<Pattern> = Pick<Level<Pattern>, 'allow' | 'deny'>

/** A rule as it is read, with all that it leaves out. */
export interface RuleText extends Partial<Readonly<Record<RuleKind, Sides<Selector>>>> {
  readonly index: number
  readonly place?: string | undefined
  readonly for: readonly string[]
  readonly endpoints: Sides<string>
  readonly namespaces: Sides<string>
}

/** Who sees what. */
export interface PolicyText {
  readonly visibility: 'open' | 'rules'
  readonly rules: readonly RuleText[]
  readonly classes: Readonly<Record<string, readonly ClassRule[]>>
  readonly tags: Readonly<Record<string, readonly string[]>>
}

/** The rules that hold now. */
export interface PolicyReport extends PolicyText {
  readonly warnings: readonly ConfigProblem[]
}

const names = z.strictObject({ allow: z.array(text), deny: z.array(text) })

const selector: z.ZodType<Selector> = z.strictObject({
  name: text.optional(),
  tag: text.optional(),
  readOnly: z.boolean().optional(),
  destructive: z.boolean().optional(),
  idempotent: z.boolean().optional(),
  openWorld: z.boolean().optional(),
}) as z.ZodType<Selector>

const selectors: z.ZodType<Sides<Selector>> = z.strictObject({
  allow: z.array(selector),
  deny: z.array(selector),
})

const scalar = z.union([z.string(), z.number(), z.boolean()])

const classRule = z.strictObject({
  issuer: text.optional(),
  subjects: z.array(text).optional(),
  clients: z.array(text).optional(),
  claims: z.record(z.string(), z.array(scalar)).optional(),
  keys: z.array(text).optional(),
}) as z.ZodType<ClassRule>

/** Something doubtful, or wrong, in a configuration. */
export const configProblem: z.ZodType<ConfigProblem> = z
  .strictObject({
    path: z.array(z.union([z.string(), z.int()])).describe('Keys from the root to the place.'),
    message: text,
    hint: text.optional(),
    at: z.literal('key').optional(),
    line: count.optional(),
    column: count.optional(),
  })
  .meta({ id: 'ConfigProblem' }) as z.ZodType<ConfigProblem>

/** What {@link PolicyText} is written as, in answers and in questions. */
export const policyFields: Readonly<Record<keyof PolicyText, z.ZodType>> = {
  visibility: z.enum(['open', 'rules']),
  rules: z.array(
    z.strictObject({
      index: count.describe('As other answers name it.'),
      place: text.optional().describe('file:line, where it is from a file.'),
      for: z.array(text),
      endpoints: names,
      namespaces: names,
      tools: selectors.optional(),
      prompts: selectors.optional(),
      resources: selectors.optional(),
    }),
  ),
  classes: z.record(z.string(), z.array(classRule)),
  tags: z.record(z.string(), z.array(text)),
}

export const policyReport: z.ZodType<PolicyReport> = z
  .strictObject({
    ...policyFields,
    warnings: z.array(configProblem).describe('What of it is allowed but probably not meant.'),
  })
  .meta({
    id: 'Policy',
    description: 'Who sees what: the rules that hold now.',
  }) as z.ZodType<PolicyReport>

/** Every limit, and how much of it is used where that is counted. */
export interface LimitsReport {
  readonly limits: readonly {
    readonly name: string
    readonly unit: LimitUnit
    readonly value: number
    readonly inUse?: number | undefined
  }[]
}

export const limitsReport: z.ZodType<LimitsReport> = z
  .strictObject({
    limits: z.array(
      z.strictObject({
        name: text,
        unit: z.enum(['bytes', 'milliseconds', 'count']),
        value: z.number(),
        inUse: count.optional().describe('How much of it is used; absent where nothing counts it.'),
      }),
    ),
  })
  .meta({ id: 'Limits', description: 'The limits that hold now.' })

/** What came of taking the file again. */
export interface ReloadReport {
  readonly reloaded: true
  readonly warnings: readonly ConfigProblem[]
}

export const reloadReport: z.ZodType<ReloadReport> = z
  .strictObject({ reloaded: z.literal(true), warnings: z.array(configProblem) })
  .meta({ id: 'Reload', description: 'The file was taken again; the difference is applied.' })

/** Whether callers are sent elsewhere, and what is left. */
export interface DrainReport {
  readonly draining: boolean
  readonly callsInFlight: number
  readonly streams: number
}

export const drainReport: z.ZodType<DrainReport> = z
  .strictObject({
    draining: z.boolean(),
    callsInFlight: count,
    streams: count.describe('Streams and listens that are open.'),
  })
  .meta({ id: 'Drain', description: 'Whether callers are sent elsewhere, and what is left.' })
