// The load generator: so many requests in flight over undici's Pool.dispatch, each with arguments of its own.
import { Pool } from 'undici'
import { Slot, type Flight } from './load-slot.ts'
import { openSession, settle, type Learned, type Target } from './load-settle.ts'
import type { Handlers } from './ipc.ts'
import { quantile } from './stats.ts'
import {
  callTemplate,
  ECHO,
  FIRST_SERIAL,
  headersOf,
  listTemplate,
  type Era,
  type Operation,
} from './wire.ts'

/** Where and how one cell is asked. */
export interface Opening {
  readonly url: string
  readonly era: Era
  readonly operation: Operation
  /** Requests in flight at most; in era 2025 also the number of sessions. */
  readonly inFlight: number
}

/** One stretch of load; it ends at whichever limit comes first. */
export interface Stretch {
  readonly target: number
  readonly inFlight: number
  readonly requests: number
  readonly seconds: number
}

/** What one stretch came to. */
export interface Outcome {
  readonly requests: number
  readonly seconds: number
  /** Connections that broke under a request. */
  readonly resets: number
  /** What went wrong, at most a few of them in words. */
  readonly faults: readonly string[]
  /** Latency of one request, microseconds. */
  readonly p50: number
  readonly p99: number
}

/** The commands of the load process. */
export type LoadCommands = {
  /** Opens connections and sessions, sends one request in full and checks its answer; gives the target's number. */
  open: { readonly in: Opening; readonly out: { readonly target: number; readonly pages: number } }
  run: { readonly in: Stretch; readonly out: Outcome }
  /** Opens so many more sessions of era 2025, one call in each, and keeps them open. */
  hold: {
    readonly in: { readonly target: number; readonly sessions: number }
    readonly out: number
  }
  close: { readonly in: number; readonly out: null }
}

interface Opened extends Target {
  readonly learned: Learned
  readonly sessions: readonly (string | undefined)[]
  readonly operation: Operation
}

/** The functions behind {@link LoadCommands}, with a serial number that never repeats in the process. */
export function loadCommands(): Handlers<LoadCommands> {
  const targets = new Map<number, Opened>()
  let opened = 0
  let serial = FIRST_SERIAL
  const next = (): number => ++serial
  const targetOf = (number: number): Opened => {
    const target = targets.get(number)
    if (target === undefined) throw new Error(`no target ${number}`)
    return target
  }
  return {
    open: async (opening) => {
      const target = await open(opening, next)
      targets.set(++opened, target)
      return { target: opened, pages: target.learned.cursors.length + 1 }
    },
    run: (stretch) => run(targetOf(stretch.target), stretch, next),
    hold: async ({ target, sessions }) => {
      const { operation, ...place } = targetOf(target)
      for (let count = 0; count < sessions; count++) {
        const session = await openSession(place)
        await settle(place, { operation, session, serial: next() })
      }
      return sessions
    },
    close: async (number) => {
      await targetOf(number).pool.close()
      targets.delete(number)
      return null
    },
  }
}

async function open(opening: Opening, next: () => number): Promise<Opened> {
  const { url, era, operation, inFlight } = opening
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: inFlight, pipelining: 1, keepAliveTimeout: 60_000 })
  const target: Target = { pool, path: pathname, era }
  const sessions: (string | undefined)[] = []
  for (let slot = 0; slot < inFlight; slot++) {
    sessions.push(era === '2025' ? await openSession(target) : undefined)
  }
  const learned = await settle(target, { operation, session: sessions[0], serial: next() })
  return { ...target, learned, sessions, operation }
}

/** The requests one slot sends in turn: one for a call, one a page for a list. */
function flightOf(target: Opened, session: string | undefined): Flight {
  const { era, operation, learned } = target
  const withSession = session === undefined ? {} : { session }
  if (operation.kind === 'call') {
    return {
      path: target.path,
      headers: headersOf(era, { method: 'tools/call', name: ECHO, ...withSession }),
      templates: [callTemplate(era, operation.payload)],
      bytesAtLeast: operation.payload,
    }
  }
  return {
    path: target.path,
    headers: headersOf(era, { method: 'tools/list', ...withSession }),
    templates: [undefined, ...learned.cursors].map((cursor) => listTemplate(era, cursor)),
    bytesAtLeast: Math.floor(learned.smallestPage * 0.9),
  }
}

async function run(target: Opened, stretch: Stretch, next: () => number): Promise<Outcome> {
  const took = new Float64Array(stretch.requests)
  const faults: string[] = []
  let resets = 0
  let issued = 0
  let done = 0
  const start = performance.now()
  const deadline = start + stretch.seconds * 1_000
  const slots = target.sessions.slice(0, stretch.inFlight).map(async (session) => {
    const slot = new Slot(target.pool, flightOf(target, session), next)
    while (issued < stretch.requests && performance.now() < deadline && faults.length < 3) {
      issued++
      const began = performance.now()
      const fault = await slot.fly()
      took[done++] = (performance.now() - began) * 1_000
      if (fault === undefined) continue
      faults.push(fault.words)
      if (fault.reset) resets++
    }
  })
  await Promise.all(slots)
  const sorted = took.subarray(0, done).toSorted()
  return {
    requests: done,
    seconds: (performance.now() - start) / 1_000,
    resets,
    faults,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  }
}
