import { asFault, Fault } from '../../../protocol/errors.ts'
import type { ProbeOutcome } from '../../../topology/link-health.ts'
import { OWN } from '../../core/stages.ts'
import { ask, ownFrame } from '../../outbound/ask.ts'
import type { Connection } from '../../outbound/connection.ts'
import type { Link } from '../../outbound/link.ts'

/** A link that was tried, and whoever gave an answer there. */
export interface Reached {
  readonly connection: Connection
  /** From the question to the answer, ms; connecting is not in it. */
  readonly ms: number
}

/**
 * Whether an upstream node is there: asked in the way calls go, with the request of its era that costs least. Never
 * rejects.
 *
 * @param timeoutMs for connecting and for the answer, each
 */
export async function probe(link: Link, timeoutMs: number): Promise<ProbeOutcome> {
  const reached = await reach(link, timeoutMs)
  if (!(reached instanceof Fault)) return 'ok'
  return reached.code === 'upstream_timeout' ? 'silent' : 'refused'
}

/** The same, and how long it took; the fault where nobody answers. Never rejects. */
export async function reach(link: Link, timeoutMs: number): Promise<Reached | Fault> {
  try {
    const connection = link.current(OWN) ?? (await within(link.connection(OWN), timeoutMs))
    if (connection === undefined) {
      return new Fault('upstream_timeout', `no connection within ${timeoutMs} ms`)
    }
    const began = performance.now()
    await ask(connection.send.bind(connection), frameFor(connection), timeoutMs)
    // Whatever the answer says, somebody gave it.
    return { connection, ms: performance.now() - began }
  } catch (error) {
    return asFault(error)
  }
}

function frameFor(connection: Connection): ReturnType<typeof ownFrame> {
  const method = connection.era === '2026' ? 'server/discover' : 'ping'
  return ownFrame(method, undefined, connection.meta(''))
}

/** What comes within a time; undefined when nothing does. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
