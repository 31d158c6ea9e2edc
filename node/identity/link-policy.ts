import type { NarrowRecord } from '../../protocol/token/narrow.ts'
import type { Telling } from './telling.ts'

/** What is decided of one link, besides where it leads and what goes over. */
export type LinkPolicy = Omit<NarrowRecord, 'issuer' | 'targets' | 'scopes'>

/** What holds for all links of an organisation. Times are seconds. */
export interface LinkBounds {
  readonly maxTtl: number
  readonly maxDepth: number
  readonly maxBudget: number
  /** Opaque names are made with it. */
  readonly secret: Uint8Array
}

/**
 * The policy of a link: the same whoever asks for what goes over it, this process for an upstream of its own, or another
 * node of the organisation by token exchange.
 */
export function linkPolicy({ subject, disclose }: Telling, bounds: LinkBounds): LinkPolicy {
  const { secret, ...rest } = bounds
  return {
    ...rest,
    subject: subject === 'pairwise' ? { rule: 'pairwise', secret } : { rule: 'same' },
    disclose,
  }
}
