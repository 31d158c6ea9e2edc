import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { script } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { META, objectAt, type JsonObject, type ListKind } from '../fixtures/wire.ts'
import { SIGNAL, type ChaoticPlan, type Order } from './chaotic-protocol.ts'
import { other, type ChaosOptions, type ChaosUpstream, type Fault, type Kind } from './upstreams.ts'

const PROGRAM = fileURLToPath(new URL('chaotic-stdio.ts', import.meta.url))

/** A server as a process, or as several: callers that can be asked something have a process of their own. */
export class StdioUpstream implements ChaosUpstream {
  readonly kind: Kind
  readonly fixture = undefined
  readonly #folder = mkdtempSync(join(tmpdir(), 'chaos-'))
  readonly #ended = new Set<number>()
  #struck: readonly number[] = []
  #plan: ChaoticPlan
  #orders = 0

  constructor(kind: Kind, options: ChaosOptions) {
    this.kind = kind
    this.#plan = { era: kind.era, ...options }
    this.#write('plan', this.#plan)
    for (const name of ['dump', 'pid', 'obeyed', 'violations']) writeFileSync(this.#file(name), '')
  }

  get config(): JsonObject {
    const restart = { min: '10ms', max: '20ms' }
    return { stdio: { ...script([PROGRAM, this.#folder]), restart, stopGrace: '2s' } }
  }

  begun(name: string): number {
    return this.#received().filter((message) => nameOf(message) === name).length
  }

  hold(method: string, later: boolean = false): void {
    this.#write('hold', { method, later })
  }

  get isHolding(): boolean {
    return !existsSync(this.#file('hold'))
  }

  announce(of: ListKind): Promise<void> {
    return this.#order({ do: 'announce', of })
  }

  add(tool: string): Promise<void> {
    return this.#order({ do: 'add', tool })
  }

  async strike(fault: Fault): Promise<void> {
    if (fault === 'middle') return
    this.#struck = this.#running()
    if (fault === 'hung') return this.#signal('SIGSTOP')
    if (fault === 'half-open') return this.#order({ do: 'mute' })
    if (fault === 'killed') this.#replan({ down: true })
    if (fault === 'era-swapped') this.#replan({ era: other(this.kind.era) })
    this.#signal('SIGKILL')
  }

  mend(fault: Fault): Promise<void> {
    if (fault === 'killed') this.#replan({ down: false })
    if (fault === 'hung') {
      this.#struck = []
      this.#signal('SIGCONT')
    }
    return Promise.resolve()
  }

  release(): Promise<void> {
    return this.#order({ do: 'release' })
  }

  reset(): void {}

  async gone(): Promise<void> {
    const left = (): number[] => this.#running().filter((pid) => this.#struck.includes(pid))
    await until(() => left().length === 0, 'what was struck down to end')
  }

  get violations(): readonly string[] {
    return this.#lines('violations')
  }

  /** @throws Error when the nodes, which are closed, have left a process behind */
  async close(): Promise<void> {
    try {
      await until(() => this.#running().length === 0, 'each process to end')
    } finally {
      this.#signal('SIGKILL')
      rmSync(this.#folder, { recursive: true })
    }
  }

  /** Resolves when all that run have done it. */
  async #order(order: Order): Promise<void> {
    this.#orders += 1
    this.#write('order', { ...order, number: this.#orders })
    const told = this.#running()
    this.#signal(SIGNAL)
    const done = (pid: number): boolean =>
      this.#lines('obeyed').includes(`${pid} ${this.#orders}`) || !this.#running().includes(pid)
    await until(() => told.every(done), `the order to ${order.do}`)
  }

  #signal(signal: NodeJS.Signals): void {
    for (const pid of this.#running()) reached(pid, signal)
  }

  /** Those that are known to have ended are not asked again: another program may have their number. */
  #running(): number[] {
    const pids = this.#lines('pid').map(Number)
    for (const pid of pids) if (!this.#ended.has(pid) && !reached(pid, 0)) this.#ended.add(pid)
    return pids.filter((pid) => !this.#ended.has(pid))
  }

  #received(): JsonObject[] {
    return this.#lines('dump').map((line) => JSON.parse(line) as JsonObject)
  }

  #replan(plan: Partial<ChaoticPlan>): void {
    this.#plan = { ...this.#plan, ...plan }
    this.#write('plan', this.#plan)
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }

  #lines(name: string): string[] {
    return readFileSync(this.#file(name), 'utf8').split('\n').filter(Boolean)
  }

  /** In one go, for whoever reads it. */
  #write(name: string, value: unknown): void {
    const next = this.#file(`${name}.next`)
    writeFileSync(next, JSON.stringify(value))
    renameSync(next, this.#file(name))
  }
}

/** False when the process had ended by itself. */
function reached(pid: number, signal: NodeJS.Signals | 0): boolean {
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
  return isModern && String(params['name']).startsWith('ask_') && !('inputResponses' in params)
}
