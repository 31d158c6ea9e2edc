import { Fault } from '../../protocol/errors.ts'
import type { Connection } from './connection.ts'

/** What is open, or being opened, for one context of a link. */
export interface Conversation {
  /** As in its context. */
  readonly whose: string
  connection: Connection | undefined
  attempt: Promise<Connection> | undefined
  /** Runs while its context has no calls. */
  idle: NodeJS.Timeout | undefined
}

/** Of a link that is closed. */
export function closed(): Fault {
  return new Fault('shutting_down', 'the node is closing this upstream')
}

/** Closes what is open, or what an attempt under way still brings. */
export async function end({ connection, attempt }: Conversation): Promise<void> {
  const pending = await attempt?.catch(() => undefined)
  await (connection ?? pending)?.close()
}

/** Closes what nobody wants any more, and says so. */
export async function discard(connection: Connection): Promise<Fault> {
  await connection.close()
  return closed()
}

/** The words of what was wrong first. */
export function rootMessage(error: Error): string {
  let innermost = error
  while (innermost.cause instanceof Error) innermost = innermost.cause
  return innermost.message
}
