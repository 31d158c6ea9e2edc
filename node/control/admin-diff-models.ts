import { z } from 'zod'
import { label, nameGlob, slug } from '../core/config-fields.ts'
import type {
  EndpointConfig,
  NamespaceConfig,
  NodeConfig,
  PeerSettings,
} from '../core/config-types.ts'
import { kind, policyFields, type PolicyText } from './admin-models.ts'
import type { PolicyDiff } from './policy-diff.ts'
import { policyText } from './policy-text.ts'

const text = z.string()
const count = z.int().min(0)

/** Changes of one class at one endpoint that are named. */
const LIMIT = { max: 1_000, default: 100 }

/** An endpoint as far as it decides what there is. */
type OfferText = Pick<EndpointConfig, 'namespaces' | 'names' | 'nameLength'> & {
  readonly auth: 'none' | 'required'
}

/** What another configuration would decide. */
export interface DiffRequest extends PolicyText {
  readonly endpoints?: Readonly<Record<string, OfferText>> | undefined
  readonly namespaces?: Readonly<Record<string, NamespaceConfig>> | undefined
  /** What is taken of nodes, by label. */
  readonly imports?: Readonly<Record<string, Pick<PeerSettings, 'import' | 'as'>>> | undefined
  readonly limit: number
}

export const diffRequest: z.ZodType<DiffRequest> = z
  .strictObject({
    ...policyFields,
    endpoints: z
      .record(
        slug,
        z.strictObject({
          namespaces: z.array(nameGlob),
          names: z.enum(['prefixed', 'plain']),
          nameLength: z.int().min(16).max(128),
          auth: z.enum(['none', 'required']),
        }),
      )
      .optional()
      .describe('All there would be. Default: those there are.'),
    namespaces: z
      .record(label, z.strictObject({ from: z.array(label) }))
      .optional()
      .describe('All there would be. Default: those there are.'),
    imports: z
      .record(label, z.strictObject({ import: z.array(nameGlob), as: text }))
      .optional()
      .describe('What would be taken of nodes, by label. Default: what is.'),
    limit: z.int().min(1).max(LIMIT.max).default(LIMIT.default).describe('Changes that are named.'),
  })
  .meta({ id: 'DiffRequest' }) as z.ZodType<DiffRequest>

const changed = z
  .array(z.strictObject({ kind, name: text, because: text }))
  .describe('The first of them.')

export const diffReport: z.ZodType<PolicyDiff> = z
  .strictObject({
    changes: z
      .array(
        z.strictObject({
          endpoint: text,
          class: text.describe('Of who is in it and in no other; "*": who is in none.'),
          appearing: count.describe('How many there are.'),
          vanishing: count.describe('How many there are.'),
          appears: changed,
          vanishes: changed,
        }),
      )
      .describe('Where nothing changes for a class, nothing is said of it.'),
    notes: z.array(text).describe('What may change besides, and is not in the changes.'),
  })
  .meta({
    id: 'Diff',
    description: 'What each class would see, and would not see any more, of what is listed now.',
  })

/** What a configuration would decide; nothing of it is secret. */
export function diffRequestOf(config: NodeConfig): Omit<DiffRequest, 'limit'> {
  const endpoints = Object.entries(config.endpoints).map(([name, endpoint]) => {
    const { namespaces, names, nameLength, auth } = endpoint
    const asked = auth === 'none' ? 'none' : 'required'
    return [name, { namespaces, names, nameLength, auth: asked }] as const
  })
  const imports = Object.entries(config.upstreams).flatMap(([name, upstream]) => {
    if (upstream.kind !== 'node') return []
    const { import: patterns, as } = upstream.node
    return [[name, { import: patterns, as }] as const]
  })
  return {
    ...policyText(config),
    endpoints: Object.fromEntries(endpoints),
    namespaces: { ...config.namespaces },
    imports: Object.fromEntries(imports),
  }
}
