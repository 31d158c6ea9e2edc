import type { Fault } from '../../protocol/errors.ts'
import type { Authenticated } from './stages.ts'

/** Is told of every request, for metrics and traces. Nothing here throws or waits. */
export interface CallWatch {
  /** A request is taken: it is followed to the end of its scope. */
  begin(call: Authenticated): void
  /** Something was refused before it was a request that could be followed. @param endpoint as asked for: there need be none */
  refused(fault: Fault, endpoint: string | undefined): void
  /** A 2025 session was opened. */
  opened(endpoint: string): void
}
