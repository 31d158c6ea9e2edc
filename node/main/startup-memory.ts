import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/**
 * Gives back what loading modules and reading the configuration took. A node that idles allocates too little for the
 * collector to run by itself, and would hold that memory, about an eighth of all it has, until there is load. Takes some
 * ten milliseconds; for programs that have just started, not for libraries.
 */
export function releaseStartupMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect !== 'function') return
  const gc = collect as Collect
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
