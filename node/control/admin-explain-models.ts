import { z } from 'zod'
import { EVERYBODY } from '../../protocol/policy/policy.ts'
import type { ToolId } from '../../protocol/names.ts'
import { isScopeToken } from '../../protocol/token/scopes.ts'
import { slug } from '../core/config-fields.ts'
import type { AskedAbout } from './asked-about.ts'
import { kind } from './admin-models.ts'
import type { Explanation, Explanations, HopDecision } from './explain.ts'

const text = z.string()
const className = z.union([slug, z.literal(EVERYBODY)])

/** Most explanations of one answer, and how many there are unless it is said. */
const LIMIT = { max: 1_000, default: 200 }

/** Longest name or URI that is asked about, characters. */
const MAX_NAME = 65_536

/** Scopes somebody comes with. */
export const scope: z.ZodString = z
  .string()
  .refine(isScopeToken, 'must be one scope (RFC 6749 §3.3)')

const MEANT = 'Items of the answer at most.'

const limit = z.int().min(1).max(LIMIT.max).default(LIMIT.default).describe(MEANT)

/** How many items an answer has at most, as a parameter of the URL. */
export const limitParameter: z.ZodType<number> = z.coerce
  .number()
  .int()
  .min(1)
  .max(LIMIT.max)
  .default(LIMIT.default)
  .describe(MEANT)

/** Where an answer goes on. */
export const cursor: z.ZodString = z
  .string()
  .max(2 * MAX_NAME)
  .describe('As the answer before had it in "next".')

/** Who is asked about. */
export const askedAbout: z.ZodType<AskedAbout> = z
  .union([
    z.strictObject({
      classes: z
        .array(className)
        .min(1)
        .max(1_000)
        .describe('Classes it is in, and no other; "*" alone for who is in none.'),
      scopes: z.array(scope).optional().describe('Default: they cover everything.'),
    }),
    z.strictObject({ key: slug.describe('Name of the static key it holds.') }),
    z.strictObject({
      claims: z
        .record(z.string(), z.unknown())
        .describe(
          'What its token says. Nothing of it is verified. Without "scope" its scopes cover everything, without "iss" it is of whoever vouches at the endpoint.',
        ),
    }),
  ])
  .meta({ id: 'Somebody', description: 'Somebody an operator asks about.' })

/** A question of an operator: what somebody sees, and why. */
export interface ExplainRequest {
  readonly as: AskedAbout
  readonly endpoint?: string | undefined
  readonly kind?: Explanation['kind'] | undefined
  readonly name?: string | undefined
  readonly visible?: boolean | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export const explainRequest: z.ZodType<ExplainRequest> = z
  .strictObject({
    as: askedAbout,
    endpoint: slug.optional().describe('Default: all.'),
    kind: kind.optional().describe('Default: all.'),
    name: z
      .string()
      .min(1)
      .max(MAX_NAME)
      .optional()
      .describe('Name, URI or template, as callers know it. Default: everything that is listed.'),
    visible: z.boolean().optional().describe('Only what is visible, or hidden. Default: both.'),
    cursor: cursor.optional(),
    limit,
  })
  .meta({ id: 'ExplainRequest' })

/** Where something lives. */
export const toolId: z.ZodType<ToolId> = z.strictObject({
  organisation: text,
  node: text,
  namespace: text,
  name: text,
})

/** One decision and its reason. */
const decided = {
  endpoint: text,
  visible: z.boolean(),
  level: z
    .enum(['caller', 'endpoint', 'namespace', 'capability', 'scopes', 'open'])
    .describe(
      'Where it was decided. caller: it is nobody at this endpoint; open: nothing hides anything.',
    ),
  rule: z
    .strictObject({ index: z.int().min(0), place: text.optional() })
    .optional()
    .describe('The rule that decided; absent where none did.'),
  needs: z.array(text).optional().describe('The scopes that would do.'),
  because: text.describe('All of it in words.'),
  hop: text.describe('The node that decided, organisation/name.'),
}

export const hopDecision: z.ZodType<HopDecision> = z
  .strictObject(decided)
  .meta({ id: 'HopDecision', description: 'What one node decides for its part.' })

export const explanation: z.ZodType<Explanation> = z
  .strictObject({
    ...decided,
    kind,
    name: text.describe('As callers of the endpoint know it.'),
    namespace: text,
    capability: text.describe('Name, URI or URI template, as the namespace has it.'),
    only: z.enum(['2025', '2026']).optional().describe('The one era whose callers can use it.'),
    upstreams: z.array(text).describe('Labels of those that lead to it, the preferred first.'),
    origin: toolId.optional().describe('Where it lives.'),
    beyond: z
      .array(hopDecision)
      .optional()
      .describe('What the nodes behind decide, where it was asked by name and they say so.'),
  })
  .meta({ id: 'Explanation', description: 'Whether somebody sees something, and why.' })

/** The answer to {@link ExplainRequest}. */
export interface ExplainReport extends Explanations {
  readonly next?: string | undefined
}

export const explainReport: z.ZodType<ExplainReport> = z
  .strictObject({
    items: z.array(explanation),
    unlisted: z
      .array(z.strictObject({ endpoint: text, reasons: z.array(text) }))
      .describe('Endpoints that have nothing of the name, and what may be the matter.'),
    notes: z
      .array(z.strictObject({ endpoint: text, note: text }))
      .describe('What there is to know about all answers for an endpoint.'),
    next: text.optional().describe('Cursor of what follows; absent at the end.'),
  })
  .meta({ id: 'Explanations' })
