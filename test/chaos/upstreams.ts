// Upstreams that a test can strike down in the middle of anything: over HTTP behind a flaky link, and as a process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import {
  BUILT_IN_PROMPTS,
  BUILT_IN_RESOURCES,
} from '../fixtures/fixture-offers.ts'
import { BUILT_IN_TOOLS } from '../fixtures/fixture-tools.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { FlakyLink } from './flaky-link.ts'
import { GATED_PROMPT, GATED_RESOURCE, GATED_TOOL } from './gated.ts'

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
  /** How often a tool, a prompt (`prompt:<name>`), a resource (by URI) or else a method was begun. */
  begun(name: string): number
  strike(fault: Fault): Promise<void>
  /** Takes the fault away, where it does not go by itself. */
  mend(fault: Fault): Promise<void>
  /** Lets go on what waits at the gate. */
  release(): void
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
      tools: [...BUILT_IN_TOOLS, GATED_TOOL],
      prompts: [...BUILT_IN_PROMPTS, GATED_PROMPT],
      resources: [...BUILT_IN_RESOURCES, GATED_RESOURCE],
      ...options,
    })
    fixture.on('completion/complete', async (_exchange, proceed) => {
      await fixture.gate.opened
      await proceed()
    })
    const link = await FlakyLink.to(Number(new URL(fixture.url).port))
    return new HttpUpstream(kind, fixture, link)
  }

  get config(): JsonObject {
    return { http: { url: this.#link.over(this.fixture.url) } }
  }

  begun(name: string): number {
    if (name === 'completion/complete') return this.fixture.received(name).length
    return this.fixture.runs.filter((run) => run.name === name && !run.isRetry).length
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
  readonly #stopped = new Set<number>()

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
    return { stdio: { command: process.execPath, args, restart, stopGrace: '2s' } }
  }

  begun(name: string): number {
    return this.#received().filter((message) => nameOf(message) === name).length
  }

  strike(fault: Fault): Promise<void> {
    if (fault === 'era-swapped') this.#write('era', other(this.kind.era))
    const pid = Number(this.#read('pid'))
    if (fault === 'hung') {
      this.#stopped.add(pid)
      process.kill(pid, 'SIGSTOP')
    } else if (fault !== 'middle') process.kill(pid, 'SIGKILL')
    return Promise.resolve()
  }

  mend(): Promise<void> {
    for (const pid of this.#stopped) process.kill(pid, 'SIGCONT')
    this.#stopped.clear()
    return Promise.resolve()
  }

  /** A process that waits at the gate is asked to open it by a call, which comes after what is tested. */
  release(): void {}

  async close(): Promise<void> {
    await this.mend()
    rmSync(this.#folder, { recursive: true })
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

/** The name under which `begun` counts a request. */
function nameOf(message: JsonObject): string {
  const method = String(message['method'])
  const params = objectAt(message, 'params')
  if ('inputResponses' in params || 'requestState' in params) return `${method} again`
  if (method === 'tools/call') return String(params['name'])
  if (method === 'prompts/get') return `prompt:${String(params['name'])}`
  return method === 'resources/read' ? String(params['uri']) : method
}
