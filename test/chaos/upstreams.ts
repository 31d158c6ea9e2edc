// Upstreams that a test can strike down in the middle of anything, and what can befall them.
import type { FixtureOptions, FixtureServer } from '../fixtures/fixture-server.ts'
import type { Era, JsonObject, ListKind } from '../fixtures/wire.ts'

/**
 * What befalls an upstream. `middle` befalls the node in front of it. A process is killed, and no other can be started
 * until it is mended; restarted, when the one its node starts works again; hung, when it is stopped by a signal; half-open,
 * when it ends its stdout and lives on; and era-swapped, when the one that is started speaks the other era.
 */
export type Fault = 'killed' | 'restarted' | 'hung' | 'half-open' | 'era-swapped' | 'middle'

/** How the upstream is reached, and in which era. */
export interface Kind {
  readonly transport: 'http' | 'stdio'
  readonly era: Era
}

/** What of a server may differ from one test to the next. */
export type ChaosOptions = Pick<FixtureOptions, 'pageSize'>

/** An upstream that something will befall. */
export interface ChaosUpstream {
  readonly kind: Kind
  /** As an upstream's configuration has it. */
  readonly config: JsonObject
  /** The server behind HTTP; undefined for a process. */
  readonly fixture: FixtureServer | undefined
  /**
   * How often a tool, a prompt (`prompt:<name>`), a resource (by URI) or else a method was begun. A round of era 2026 that
   * asked for more has begun nothing.
   */
  begun(name: string): number
  /** Has the next request of that method wait at the gate; `later`: the next one for another page than the first. */
  hold(method: string, later?: boolean): void
  /** Whether what was to be held waits at the gate. */
  readonly isHolding: boolean
  /** Says that a list has changed, which it has not. */
  announce(of: ListKind): Promise<void>
  /** Adds a tool, and says so. */
  add(tool: string): Promise<void>
  strike(fault: Fault): Promise<void>
  /** Takes the fault away, where it does not go by itself. */
  mend(fault: Fault): Promise<void>
  /** Lets go on what waits at the gate. */
  release(): Promise<void>
  /** Ends what connections are left from before. */
  reset(): void
  /** Resolves when nothing is left of what was struck down. */
  gone(): Promise<void>
  /** What the node did wrong, in the eyes of the server. */
  readonly violations: readonly string[]
  close(): Promise<void>
}

/** What an upstream speaks that comes back with its era swapped. */
export function other(era: Era): Era {
  return era === '2025' ? '2026' : '2025'
}
