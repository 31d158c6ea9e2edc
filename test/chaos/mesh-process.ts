// A node of the mesh as a process of its own: what `banyan up` runs, ended by kill -9 and stopped by SIGSTOP.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TopologyReport, WaysReport } from '../../node/control/admin-mesh-models.ts'
import { programEnvironment } from '../needs.ts'
import { Member, type Known, type NodeFault } from './mesh-member.ts'
import type { PlannedNode } from './mesh-shape.ts'

/** Bytes of a page of memory. */
const PAGE = 4_096
/** Time for an answer to an operator, ms. */
const ASK_MS = 5_000

interface Place {
  readonly config: object
  readonly folder: string
  /** The command line, compiled as it is published. */
  readonly cli: string
  /** Base URL of its admin listener. */
  readonly operators: string
}

export class ProcessMember extends Member {
  readonly faults = ['kill', 'hang'] as const
  readonly #cli: string
  readonly #file: string
  readonly logFile: string
  readonly #operators: string
  #child: ChildProcess | undefined

  private constructor(plan: PlannedNode, file: string, { cli, operators }: Place) {
    super(plan)
    this.#cli = cli
    this.#file = file
    this.logFile = `${file}.log`
    this.#operators = operators
  }

  static async make(plan: PlannedNode, place: Place): Promise<ProcessMember> {
    const file = join(place.folder, `${plan.name}.yaml`)
    // JSON is YAML.
    await writeFile(file, JSON.stringify(place.config, null, 2))
    return new ProcessMember(plan, file, place)
  }

  /** Which process it is now; undefined while it is none. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Bytes of memory that are its own or shared and in use; undefined while there is no process. */
  async memory(): Promise<number | undefined> {
    const { pid } = this
    if (pid === undefined) return undefined
    const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => undefined)
    return text === undefined ? undefined : Number(text.split(' ')[1]) * PAGE
  }

  async start(): Promise<void> {
    const known = this.#child
    if (known === undefined) await this.#run()
    else known.kill('SIGCONT')
    this.mended()
  }

  async fail(fault: NodeFault): Promise<void> {
    this.broke()
    if (fault === 'hang') this.#child?.kill('SIGSTOP')
    else await this.end()
  }

  async end(): Promise<void> {
    this.broke()
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async known(): Promise<Known | undefined> {
    try {
      const topology = (await this.#ask('topology')) as TopologyReport
      return { topology, ways: (await this.#ask('topology/routes')) as WaysReport }
    } catch {
      return undefined
    }
  }

  async #ask(what: string): Promise<unknown> {
    const signal = AbortSignal.timeout(ASK_MS)
    const response = await fetch(`${this.#operators}/api/v1/${what}`, { signal })
    if (!response.ok) throw new Error(`${this.plan.name}: HTTP ${response.status}`)
    return response.json()
  }

  async #run(): Promise<void> {
    const log = await open(this.logFile, 'a')
    const args = [this.#cli, 'up', this.#file, '--json', '--log', 'info']
    const stdio = ['ignore', 'pipe', log.fd] as const
    const child = spawn(process.execPath, args, { stdio: [...stdio], env: programEnvironment() })
    await log.close()
    this.#child = child
    const { stdout } = child
    if (stdout === null) throw new TypeError('there is no pipe')
    const ready = Promise.withResolvers<void>()
    const lines = createInterface({ input: stdout })
    lines.on('line', (line) => {
      if (line.startsWith('{"event":"ready"')) ready.resolve()
    })
    lines.on('close', () => ready.reject(new Error(`${this.plan.name} ended before it was ready`)))
    child.on('exit', (code) => {
      if (this.#child !== child) return
      this.#child = undefined
      this.broke()
      this.deaths.push(`${this.plan.name} ended by itself with code ${code}`)
    })
    try {
      await ready.promise
    } catch (error) {
      const text = await readFile(this.logFile, 'utf8')
      throw new Error(`${String(error)}: ${text.slice(-2_000)}`, { cause: error })
    }
  }
}
