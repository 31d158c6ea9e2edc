// Loaded into a node by --import: answers the bench from inside the process it measures.
import { subscribe } from 'node:diagnostics_channel'
import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import process from 'node:process'
import { answerParent } from './ipc.ts'

/** What is left after collecting garbage, in bytes. */
export interface Kept {
  /** Live objects and what they hold outside of the heap. */
  readonly heap: number
  readonly resident: number
}

/** The commands of the probe. */
export type ProbeCommands = {
  /** Collects garbage and says what is left. Needs --expose-gc. */
  readonly kept: { readonly in: null; readonly out: Kept }
  /** Starts sampling; the argument is the interval in microseconds. */
  readonly startProfile: { readonly in: number; readonly out: null }
  /** Stops sampling and writes the profile to the file that is named. */
  readonly stopProfile: { readonly in: string; readonly out: null }
  /**
   * What each exchange since the last time took, in ms: from the arrival of the request that needed it to the token in
   * hand. Of use while the node serves one request at a time.
   */
  readonly exchanges: { readonly in: null; readonly out: readonly number[] }
}

let arrived = Number.NaN
let exchanges: number[] = []
subscribe('http.server.request.start', () => {
  arrived = performance.now()
})
subscribe('undici:request:trailers', (message) => {
  const { request } = message as { request: { path: string } }
  if (request.path === '/oauth/token') exchanges.push(performance.now() - arrived)
})

const session = new Session()

answerParent<ProbeCommands>({
  kept: () => {
    if (globalThis.gc === undefined) throw new Error('start the node with --expose-gc')
    // The second pass frees what finalisers of the first let go.
    globalThis.gc()
    globalThis.gc()
    const { heapUsed, external, rss } = process.memoryUsage()
    return { heap: heapUsed + external, resident: rss }
  },
  startProfile: async (interval) => {
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval })
    await session.post('Profiler.start')
    return null
  },
  stopProfile: async (file) => {
    const { profile } = await session.post('Profiler.stop')
    await writeFile(file, JSON.stringify(profile))
    session.disconnect()
    return null
  },
  exchanges: () => {
    const taken = exchanges
    exchanges = []
    return taken
  },
})

// A node must be able to end while the bench still listens to it.
process.channel?.unref()
