// Waiting for what comes about by itself.
import { setTimeout as pause } from 'node:timers/promises'

const BOUND_MS = 20_000
const POLL_MS = 25

/** Resolves when it holds. @throws Error naming `what` after 20 seconds */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + BOUND_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await pause(POLL_MS)
  }
}
