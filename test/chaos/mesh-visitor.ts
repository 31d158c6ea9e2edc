// A caller of a mesh that calls all the time, and looks at what it is shown.
import { setTimeout as pause } from 'node:timers/promises'
import { wasRefusedUntaken } from '../../protocol/errors.ts'
import { SeededRandom } from '../../topology/sim/random.ts'
import type { RawReply } from '../fixtures/raw-client.ts'
import { isObject, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, textOf, type MeshCaller } from '../mesh/caller.ts'
import type { Judge, Outcome } from './mesh-judge.ts'
import { answerOf, TOOL_NAMES, type ToolName } from './mesh-servers.ts'
import { namespacesBehind } from './mesh-shape.ts'
import type { MeshWorld } from './mesh-world.ts'

/** Mean time between two calls of one visitor, ms. */
const BETWEEN_MS = 160
/** Calls of one visitor at a time. */
const AT_ONCE = 24
/** Calls between two looks at the list. */
const CALLS_A_LOOK = 10

export interface VisitorPlan {
  readonly era: Era
  /** The node it calls. */
  readonly at: string
  readonly seed: number
}

/** Someone who uses one node. */
export class Visitor {
  readonly #world: MeshWorld
  readonly #judge: Judge
  readonly #plan: VisitorPlan
  readonly #random: SeededRandom
  readonly #namespaces: readonly string[]
  readonly #ongoing = new Set<Promise<void>>()
  /** What each name stood for when it was first seen. */
  readonly #seen = new Map<string, string>()
  #caller: MeshCaller | undefined
  #calls = 0
  #stopped = false

  constructor(world: MeshWorld, judge: Judge, plan: VisitorPlan) {
    this.#world = world
    this.#judge = judge
    this.#plan = plan
    this.#random = new SeededRandom(plan.seed)
    this.#namespaces = namespacesBehind(plan.at)
  }

  get name(): string {
    return `${this.#plan.at}/${this.#plan.era}`
  }

  /** Names it is shown when nothing is broken, in order. */
  get all(): readonly string[] {
    const names = this.#namespaces.flatMap((space) => TOOL_NAMES.map((tool) => `${space}__${tool}`))
    return names.toSorted()
  }

  /** Calls until `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await pause(Math.min(this.#random.exponential(BETWEEN_MS), 5 * BETWEEN_MS))
      if (this.#ongoing.size >= AT_ONCE) continue
      this.#calls += 1
      const doing = this.#calls % CALLS_A_LOOK === 0 ? this.look() : this.call()
      const watched = doing.then(() => undefined).finally(() => this.#ongoing.delete(watched))
      this.#ongoing.add(watched)
    }
    await Promise.all(this.#ongoing)
  }

  stop(): void {
    this.#stopped = true
  }

  /** Calls one tool, of all it knows or that one. Gives whether it was answered. */
  async call(
    space: string = this.#random.pick(this.#namespaces),
    tool: ToolName = this.#random.pick(TOOL_NAMES),
  ): Promise<boolean> {
    const nonce = `${this.name}/${(this.#calls += 1)}`
    const startedAt = performance.now()
    const outcome = await this.#outcomeOf(space, tool, nonce)
    this.#judge.take({
      nonce,
      tool,
      what: `${this.name} ${space}__${tool}`,
      right: answerOf(space, tool, nonce),
      outcome,
      startedAt,
      endedAt: performance.now(),
      hadWay: this.#world.routed(this.#plan.at, startedAt).has(space),
    })
    return outcome.kind === 'answered'
  }

  /** Looks at the list, and gives the names in it; undefined when there is none to be had. */
  async look(): Promise<readonly string[] | undefined> {
    const since = performance.now()
    // A session may be over because the node was, and that is found out by asking.
    const tools = (await this.#list()) ?? (await this.#list())
    const reached = this.#world.routed(this.#plan.at, since)
    if (tools === undefined) {
      if (reached.size > 0) this.#judge.blame(`${this.name} is shown no list`)
      return undefined
    }
    const names = tools.map(({ name }) => String(name))
    for (const tool of tools) this.#compare(tool)
    const missing = this.all.filter((name) => {
      return reached.has(name.split('__')[0] ?? '') && !names.includes(name)
    })
    if (missing.length > 0) {
      this.#judge.blame(`${this.name} is not shown ${missing.join()}, which there is a way to`)
    }
    return names
  }

  /** What stands under a name must be the same for ever, and there are no other names. */
  #compare(tool: JsonObject): void {
    const name = String(tool['name'])
    const text = JSON.stringify({ ...tool, _meta: undefined })
    const before = this.#seen.get(name) ?? text
    this.#seen.set(name, before)
    if (before !== text) this.#judge.blame(`${this.name}: ${name} is ${text}, and was ${before}`)
    const [space, own] = name.split('__')
    const isKnown =
      this.#namespaces.includes(String(space)) && TOOL_NAMES.some((one) => one === own)
    const isMeant = tool['description'] === `${own} of ${space}`
    if (!isKnown || !isMeant) this.#judge.blame(`${this.name}: ${text} is under a wrong name`)
  }

  async #list(): Promise<readonly JsonObject[] | undefined> {
    try {
      return await (await this.#open()).tools()
    } catch {
      this.#caller = undefined
      return undefined
    }
  }

  async #open(): Promise<MeshCaller> {
    const { era, at } = this.#plan
    return (this.#caller ??= await callerOf(era, this.#world.urlOf(at)))
  }

  async #outcomeOf(space: string, tool: ToolName, nonce: string): Promise<Outcome> {
    const asked = tool === 'walk' ? { progressToken: nonce } : {}
    try {
      const caller = await this.#open()
      const reply = await caller.call(`${space}__${tool}`, { nonce }, asked)
      if (reply.status === 404 && this.#plan.era === '2025') {
        this.#caller = undefined
        return { kind: 'session-lost' }
      }
      this.#heedProgress(reply, nonce)
      return outcomeIn(reply)
    } catch (error) {
      this.#caller = undefined
      return { kind: 'unheard', message: String(error) }
    }
  }

  /** Progress is that of the call, and only grows. */
  #heedProgress({ messages }: RawReply, nonce: string): void {
    let last = 0
    for (const { method, params } of messages) {
      if (method !== 'notifications/progress' || !isObject(params)) continue
      const { progressToken, progress } = params
      const isRight = progressToken === nonce && Number(progress) > last
      if (!isRight) this.#judge.blame(`${nonce} was told ${JSON.stringify(params)} after ${last}`)
      last = Number(progress)
    }
  }
}

function outcomeIn(reply: RawReply): Outcome {
  const { answer } = reply
  if (!isObject(answer['error'])) return { kind: 'answered', text: textOf(reply) }
  const { code, message, data } = reply.error
  return { kind: 'failed', code, message, taken: wasRefusedUntaken(data) ? false : undefined }
}
