import { setTimeout as pause } from 'node:timers/promises'

/** How long the matrix waits for anything, ms: long for a loopback, short enough that a red matrix ends. */
const BOUND_MS = 2_000
const POLL_MS = 3

/** Resolves when `condition` holds. @throws Error naming `what` after two seconds */
export async function soon(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<true> {
  const deadline = performance.now() + BOUND_MS
  while (performance.now() < deadline) {
    if (await condition()) return true
    await pause(POLL_MS)
  }
  throw new Error(`waited in vain for: ${what}`)
}
