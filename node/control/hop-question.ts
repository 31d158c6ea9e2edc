import { z } from 'zod'
import { hopDecision, toolId } from './admin-explain-models.ts'
import { kind } from './admin-models.ts'
import type { Explanation, HopDecision } from './explain.ts'
import type { CapabilityKind } from '../../protocol/capability.ts'
import { isScopeToken, MAX_SCOPE } from '../../protocol/token/scopes.ts'

/** Longest name or URI one node asks another about, characters. */
const MAX_NAME = 65_536

/** Most that is told of one name: it may be a tool, a prompt and a resource, and stand in several namespaces. */
const MAX_ITEMS = 100

/** Nodes on one way at most. */
const MAX_DECISIONS = 64

/** A caller the asking node would pass on. Who vouches and by whom it comes are as of the node itself. */
export interface PassedOn {
  /** Absent: not known. */
  readonly subject?: string | undefined
  /** In the names of the node that is asked; absent: they cover everything. */
  readonly scopes?: readonly string[] | undefined
}

/** What one node asks another about something it may have. */
export interface HopQuestion {
  readonly kind?: CapabilityKind | undefined
  /** Absent: the name is as the endpoint that is asked shows it; otherwise as this namespace of it has it. */
  readonly namespace?: string | undefined
  readonly name: string
  /** Absent: the asking node itself. */
  readonly whom?: PassedOn | undefined
}

const name = z.string().min(1).max(MAX_NAME)

export const hopQuestion: z.ZodType<HopQuestion> = z.object({
  kind: kind.optional(),
  namespace: z.string().min(1).max(1_024).optional(),
  name,
  whom: z
    .object({
      subject: z.string().max(1_024).optional(),
      scopes: z.array(z.string().max(MAX_SCOPE).refine(isScopeToken)).max(1_000).optional(),
    })
    .optional(),
})

/** What the node that was asked, and those behind it, say of one thing. */
export interface HopItem extends Pick<
  Explanation,
  'kind' | 'name' | 'namespace' | 'capability' | 'origin'
> {
  /** The nearest node first. */
  readonly decisions: readonly HopDecision[]
}

/** The answer to a {@link HopQuestion}. */
export interface HopAnswer {
  readonly items: readonly HopItem[]
  /** Why more is not known. */
  readonly notes: readonly string[]
}

const hopItem: z.ZodType<HopItem> = z.object({
  kind,
  name: z.string(),
  namespace: z.string(),
  capability: z.string(),
  origin: toolId.optional(),
  decisions: z.array(hopDecision).min(1).max(MAX_DECISIONS),
})

/** What another node says is text to show, and nothing is decided by it. */
export const hopAnswer: z.ZodType<HopAnswer> = z.object({
  items: z.array(hopItem).max(MAX_ITEMS),
  notes: z.array(z.string().max(1_024)).max(MAX_ITEMS),
})
