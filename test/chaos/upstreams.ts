// Upstreams that a test can strike down in the middle of anything: over HTTP behind a flaky link, and as a process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { BUILT_IN_PROMPTS, BUILT_IN_RESOURCES } from '../fixtures/fixture-offers.ts'
import { BUILT_IN_TOOLS } from '../fixtures/fixture-tools.ts'
import { script } from '../fixtures/stdio-command.ts'
import { META, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { FlakyLink } from './flaky-link.ts'
import {
  declareTasks,
  GATED_PROMPT,
  GATED_RESOURCE,
  GATED_TASK_TOOL,
  GATED_TOOL,
  giveTasks,
  OF_TASK,
} from './gated.ts'

/** What befalls an upstream. `middle` befalls the node in front of it. */
export type Fault = 'killed' | 'restarted' | 'hung' | 'half-open' | 'era-swapped' | 'middle'

/** How the upstream is reached, and in which era. */
export interface Kind {
  readonly transport: 'http' | 'stdio'
  readonly era: Era
}

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
  strike(fault: Fault): Promise<void>
  /** Takes the fault away, where it does not go by itself. */
  mend(fault: Fault): Promise<void>
  /** Lets go on what waits at the gate. */
  release(): void
  /** Ends what connections are left from before. */
  reset(): void
  /** What the node did wrong, in the eyes of the server. */
  readonly violations: readonly string[]
  close(): Promise<void>
}

function other(era: Era): Era {
  return era === '2025' ? '2026' : '2025'
}

/** Starts one. `pid` finds the process of the child when there is one. */
export function chaosUpstream(kind: Kind, options: FixtureOptions): Promise<ChaosUpstream> {
  return kind.transport === 'http' ? HttpUpstream.start(kind, options) : StdioUpstream.start(kind)
}

class HttpUpstream implements ChaosUpstream {
  readonly kind: Kind
  readonly fixture: FixtureServer
  readonly #link: FlakyLink

  private constructor(kind: Kind, fixture: FixtureServer, link: FlakyLink) {
    this.kind = kind
    this.fixture = fixture
    this.#link = link
  }

  static async start(kind: Kind, options: FixtureOptions): Promise<HttpUpstream> {
    const fixture = await FixtureServer.start({
      era: kind.era,
      tools: [...BUILT_IN_TOOLS, GATED_TOOL, GATED_TASK_TOOL],
      prompts: [...BUILT_IN_PROMPTS, GATED_PROMPT],
      resources: [...BUILT_IN_RESOURCES, GATED_RESOURCE],
      decorate: declareTasks,
      ...options,
    })
    fixture.on('completion/complete', async (_exchange, proceed) => {
      await fixture.gate.opened
      await proceed()
    })
    giveTasks(fixture)
    const link = await FlakyLink.to(Number(new URL(fixture.url).port))
    return new HttpUpstream(kind, fixture, link)
  }

  get config(): JsonObject {
    return { http: { url: this.#link.over(this.fixture.url) } }
  }

  begun(name: string): number {
    if (name === 'completion/complete') return this.fixture.received(name).length
    if (name === OF_TASK) {
      return ['tasks/get', 'tasks/result'].flatMap((one) => this.fixture.received(one)).length
    }
    return this.fixture.runs.filter((run) => run.name === name && run.outcome !== 'asked').length
  }

  async strike(fault: Fault): Promise<void> {
    if (fault === 'killed') await this.#kill(() => this.fixture.close())
    if (fault === 'restarted') await this.#kill(() => this.fixture.restart())
    if (fault === 'era-swapped') {
      await this.#kill(() => this.fixture.restart(other(this.kind.era)))
    }
    if (fault === 'hung') this.#link.mute()
    if (fault === 'half-open') this.#link.freeze()
  }

  async mend(fault: Fault): Promise<void> {
    if (fault === 'killed') await this.fixture.listen()
    this.#link.heal()
  }

  release(): void {
    this.fixture.gate.open()
  }

  reset(): void {
    this.#link.sever()
  }

  get violations(): readonly string[] {
    return this.fixture.violations
  }

  async close(): Promise<void> {
    this.fixture.gate.open()
    await this.fixture.close()
    await this.#link.close()
  }

  /** A process that dies takes its connections with it before another has its port. */
  #kill(end: () => Promise<void>): Promise<void> {
    this.#link.sever()
    return end()
  }
}

const PROGRAM = fileURLToPath(new URL('chaotic-stdio.ts', import.meta.url))

class StdioUpstream implements ChaosUpstream {
  readonly kind: Kind
  readonly fixture = undefined
  readonly violations: readonly string[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'chaos-'))
  readonly #ended = new Set<number>()

  private constructor(kind: Kind) {
    this.kind = kind
  }

  static start(kind: Kind): Promise<StdioUpstream> {
    const upstream = new StdioUpstream(kind)
    upstream.#write('era', kind.era)
    upstream.#write('dump', '')
    upstream.#write('pid', '')
    return Promise.resolve(upstream)
  }

  get config(): JsonObject {
    const args = [PROGRAM, ...['era', 'dump', 'pid'].map((name) => this.#file(name))]
    const restart = { min: '10ms', max: '20ms' }
    return { stdio: { ...script(args), restart, stopGrace: '2s' } }
  }

  begun(name: string): number {
    return this.#received().filter((message) => nameOf(message) === name).length
  }

  strike(fault: Fault): Promise<void> {
    if (fault === 'era-swapped') this.#write('era', other(this.kind.era))
    // Callers that can be asked something have a process of their own.
    if (fault === 'hung') this.#signal('SIGSTOP')
    else if (fault !== 'middle') this.#signal('SIGKILL')
    return Promise.resolve()
  }

  mend(): Promise<void> {
    this.#signal('SIGCONT')
    return Promise.resolve()
  }

  /** A process that waits at the gate is asked to open it by a call, which comes after what is tested. */
  release(): void {}

  reset(): void {}

  async close(): Promise<void> {
    await this.mend()
    rmSync(this.#folder, { recursive: true })
  }

  /** Each process that may still run; those that are known to have ended are not asked again. */
  #signal(signal: NodeJS.Signals): void {
    const pids = this.#read('pid').split('\n').filter(Boolean).map(Number)
    for (const pid of pids.filter((one) => !this.#ended.has(one))) {
      if (!reached(pid, signal) || signal === 'SIGKILL') this.#ended.add(pid)
    }
  }

  #received(): JsonObject[] {
    const lines = this.#read('dump').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as JsonObject)
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }

  #read(name: string): string {
    return readFileSync(this.#file(name), 'utf8')
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#file(name), text)
  }
}

/** False when the process had ended by itself. */
function reached(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** The name under which `begun` counts a request. */
function nameOf(message: JsonObject): string {
  const method = String(message['method'])
  const params = objectAt(message, 'params')
  if (method === 'tools/call') return isFirstRound(params) ? 'asked' : String(params['name'])
  if (method === 'prompts/get') return `prompt:${String(params['name'])}`
  return method === 'resources/read' ? String(params['uri']) : method
}

/** In era 2026 a tool that asks runs only when it has its answers. */
function isFirstRound(params: JsonObject): boolean {
  const isModern = META.version in objectAt(params, '_meta')
  return isModern && params['name'] === 'ask_form' && !('inputResponses' in params)
}
