// What a test and the process it torments say to each other, in files of one folder.
import type { Era, ListKind } from '../fixtures/wire.ts'

/** How a process is to be. */
export interface ChaoticPlan {
  readonly era: Era
  /** Ends at once, and is no use to anybody. */
  readonly down?: boolean
  readonly pageSize?: number
}

/** What a running process is told to do. */
export type Order =
  | { readonly do: 'announce'; readonly of: ListKind }
  | { readonly do: 'add'; readonly tool: string }
  | { readonly do: 'release' }
  /** Ends what it has to say and lives on. */
  | { readonly do: 'mute' }

/** Tells of an order. */
export const SIGNAL = 'SIGUSR2'
