import { Fault } from '../../protocol/errors.ts'
import { readProbe, type ProbeAnswer, type Verdict } from '../../protocol/probe.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { readResult, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Logger } from '../core/logger.ts'
import { ask, expectResult, ownFrame } from './ask.ts'
import type { Connection, ConnectionEvents, Connector, Self } from './connection.ts'
import { initializedFacts, initializeFrame } from './http-legacy.ts'
import { discoveredFacts } from './modern-connection.ts'
import { ModernMeta } from './modern-meta.ts'
import { StdioConnection } from './stdio-connection.ts'
import { StdioPipe } from './stdio-pipe.ts'

export interface StdioConnectorOptions {
  /** Names the upstream in the log. */
  readonly label: string
  readonly command: string
  readonly args: readonly string[]
  /** What the process gets of this one's environment. */
  readonly baseEnv: Readonly<Record<string, string>>
  /** Configured variables; they win over `baseEnv`. May hold secrets. */
  readonly env: Readonly<Record<string, string>>
  /** Working folder; default: that of this process. */
  readonly cwd?: string | undefined
  readonly era: 'auto' | '2025' | '2026'
  readonly self: Self
  /** For `initialize`, and for the probe where era 2026 is configured, milliseconds. */
  readonly answerTimeoutMs: number
  /** How long silence after the probe is waited for before it counts as 2025, milliseconds; default 3 000. */
  readonly silenceMs?: number
  readonly backoff: { readonly min: number; readonly max: number }
  /** Between the steps of stopping a process, milliseconds. */
  readonly stopGraceMs: number
  /** The largest message taken. */
  readonly bodyBytes: number
  readonly log: Logger
}

/** Old servers may never answer a method they do not know, so that waiting longer only delays them, milliseconds. */
const SILENCE_MS = 3_000

/** For whom a conversation is opened. */
interface Owner {
  readonly events: ConnectionEvents
  /** As in `ClientCapabilities`. */
  readonly offered: string
}

/** What the probe brought: its answer, or that the process ended over it. */
interface Probe {
  answer: ProbeAnswer['answer']
  fault: Fault | undefined
  /** Resolves when something came. */
  readonly settled: Promise<void>
}

/** Starts an MCP server as a child process and talks to it over its stdin and stdout, in the era it speaks. */
export class StdioConnector implements Connector {
  readonly target: string
  readonly backoff: { readonly min: number; readonly max: number }
  readonly #options: StdioConnectorOptions
  readonly #meta: ModernMeta
  /** Processes whose server is still being asked who it is; later they belong to their connection. */
  readonly #opening = new Set<StdioPipe>()
  #closed = false

  constructor(options: StdioConnectorOptions) {
    this.#options = options
    this.#meta = new ModernMeta(options.self)
    // Arguments may hold secrets.
    this.target = options.command
    this.backoff = options.backoff
  }

  async connect(events: ConnectionEvents, offered: string): Promise<Connection> {
    const owner = { events, offered }
    if (this.#options.era === '2025') return this.#start((pipe) => this.#legacy(pipe, owner))
    const connection = await this.#start((pipe) => this.#probed(pipe, owner))
    // Some old servers end when the first request is not `initialize`; a new process gets that first.
    return connection ?? this.#start((pipe) => this.#legacy(pipe, owner))
  }

  /** Ends the processes of attempts under way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#opening].map((pipe) => pipe.close()))
  }

  /** Starts a process and opens a conversation with it; without one the process is ended. */
  async #start<T extends Connection | undefined>(
    open: (pipe: StdioPipe) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new Fault('upstream_unavailable', 'the upstream is being closed')
    const { baseEnv, env, ...options } = this.#options
    const pipe = await StdioPipe.start({ ...options, env: { ...baseEnv, ...env } })
    this.#opening.add(pipe)
    let connection: T | undefined
    try {
      connection = await open(pipe)
      return connection
    } finally {
      this.#opening.delete(pipe)
      if (connection === undefined || this.#closed) await pipe.close()
    }
  }

  /** Opens it in the era the probe finds; undefined when the process ended over the probe. */
  async #probed(pipe: StdioPipe, owner: Owner): Promise<Connection | undefined> {
    const { era, answerTimeoutMs, silenceMs = SILENCE_MS } = this.#options
    const probe = sendProbe(pipe, this.#meta)
    const patienceMs = era === '2026' ? answerTimeoutMs : Math.min(answerTimeoutMs, silenceMs)
    await within(patienceMs, probe.settled)
    if (probe.fault !== undefined) {
      if (era === 'auto') return undefined
      throw probe.fault
    }
    const verdict = verdictOf(probe)
    if (verdict.era !== '2025' || era === '2026') return this.#modern(verdict, pipe, owner)
    try {
      return await this.#legacy(pipe, owner)
    } catch (error) {
      // It was not silent but slow to start: one of 2026 alone refuses `initialize`, and has answered the probe first.
      const late = verdictOf(probe)
      if (late.era !== '2026') throw error
      return this.#modern(late, pipe, owner)
    }
  }

  async #modern(verdict: Verdict, pipe: StdioPipe, { events }: Owner): Promise<StdioConnection> {
    if (verdict.era !== '2026') {
      const why =
        verdict.era === undefined ? verdict.reason : `it does not speak ${MODERN_REVISION}`
      throw new Fault('upstream_unavailable', `the upstream cannot be used: ${why}`)
    }
    const facts = {
      era: verdict.era,
      revision: MODERN_REVISION,
      server: discoveredFacts(verdict.discovered),
      meta: this.#meta,
    }
    const connection = new StdioConnection(pipe, facts, events)
    await connection.watch()
    return connection
  }

  async #legacy(pipe: StdioPipe, { events, offered }: Owner): Promise<StdioConnection> {
    const { self, answerTimeoutMs } = this.#options
    const frame = initializeFrame(self, offered)
    const answer = await ask(pipe.send.bind(pipe), frame, answerTimeoutMs)
    const facts = initializedFacts(expectResult('initialize', answer))
    const connection = new StdioConnection(pipe, { ...facts, era: '2025' }, events)
    pipe.notify('notifications/initialized')
    return connection
  }
}

/** Sends `server/discover`. It is never cancelled: a server that does not know it would not know what that means. */
function sendProbe(pipe: StdioPipe, meta: ModernMeta): Probe {
  const { promise, resolve } = Promise.withResolvers<void>()
  const probe: Probe = { answer: undefined, fault: undefined, settled: promise }
  pipe.send(ownFrame('server/discover', undefined, meta.of('')), {
    notification: () => true,
    request: () => undefined,
    response: (message) => {
      probe.answer = answerIn(message)
      resolve()
    },
    failed: (fault) => {
      probe.fault = fault
      resolve()
    },
  })
  return probe
}

/** What is known so far; silence speaks for 2025. */
function verdictOf({ answer }: Probe): Verdict {
  return readProbe({ status: undefined, answer })
}

/** An answer that makes no sense says no more than silence. */
function answerIn(message: UpstreamMessage): ProbeAnswer['answer'] {
  try {
    return readResult(message)
  } catch {
    return undefined
  }
}

/** Waits for a promise, but no longer than `ms`. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  await Promise.race([promise, late.promise])
  clearTimeout(timer)
}
