import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Blocked } from '../../../topology/lab/hands.ts'
import type { HolderPlan } from './holder-plan.ts'
import { AT_ONCE } from './lane.ts'
import { LinkProxy } from './link-proxy.ts'
import { ToolServer } from './tool-server.ts'
import { weathersOf } from './weathers.ts'

const EVERYWHERE = '0.0.0.0'
/** Between two reports of what was carried, ms. */
const REPORT_MS = 250

/** One line from whoever runs the schedule. `way`: `link a b` or `bus a`. */
export type HolderOrder =
  | { readonly way: string; readonly lead: number | null }
  | { readonly way: string; readonly block: Blocked }
  | { readonly way: string; readonly reset: true }
  | { readonly change: string }

/** One line to it: bytes all links have carried. The first one says that everything listens. */
export interface HolderReport {
  readonly bytes: number
}

/**
 * What lies between the containers of a lab, and runs in the network they share: proxies of links and of ways to buses, the
 * servers of tools, and doors through which callers and operators come in. Orders arrive as lines of JSON over TCP.
 */
export class Holder {
  readonly #plan: HolderPlan
  readonly #ways = new Map<string, LinkProxy>()
  readonly #doors: LinkProxy[] = []
  readonly #callers = new Set<Socket>()
  #tools: ToolServer | undefined
  #control: Server | undefined

  private constructor(plan: HolderPlan) {
    this.#plan = plan
  }

  /** @throws Error when something cannot listen */
  static async open(plan: HolderPlan): Promise<Holder> {
    const holder = new Holder(plan)
    try {
      await holder.#open()
      return holder
    } catch (error) {
      await holder.close()
      throw error
    }
  }

  async close(): Promise<void> {
    for (const caller of this.#callers) caller.destroy()
    this.#control?.close()
    const all = [...this.#ways.values(), ...this.#doors]
    await Promise.all([...all.map((one) => one.close()), this.#tools?.close()])
  }

  async #open(): Promise<void> {
    const { control, doors, links, seed, toBus, tools } = this.#plan
    for (const [{ name, port, target }, weather] of weathersOf(links, seed)) {
      this.#way(`link ${name}`, await LinkProxy.listen(weather, port), target)
    }
    for (const { name, port, target } of toBus) {
      this.#way(`bus ${name}`, await LinkProxy.listen(AT_ONCE, port), target)
    }
    for (const { port, target } of doors) {
      const door = await LinkProxy.listen(AT_ONCE, port, EVERYWHERE)
      door.lead(target)
      this.#doors.push(door)
    }
    this.#tools = await ToolServer.listen(tools.servers, tools.port)
    this.#control = createServer((caller) => this.#hear(caller))
    this.#control.listen(control, EVERYWHERE)
    await once(this.#control, 'listening')
  }

  #way(name: string, proxy: LinkProxy, target: number): void {
    proxy.lead(target)
    this.#ways.set(name, proxy)
  }

  #hear(caller: Socket): void {
    this.#callers.add(caller)
    const report = (): void => void caller.write(`${JSON.stringify({ bytes: this.#bytes() })}\n`)
    const timer = setInterval(report, REPORT_MS)
    caller.on('error', () => undefined)
    caller.once('close', () => {
      clearInterval(timer)
      this.#callers.delete(caller)
    })
    createInterface({ input: caller }).on('line', (line) => {
      try {
        this.#obey(JSON.parse(line) as HolderOrder)
      } catch {
        caller.destroy()
      }
    })
    report()
  }

  #obey(order: HolderOrder): void {
    if ('change' in order) {
      this.#tools?.change(order.change)
      return
    }
    const way = this.#ways.get(order.way)
    if (way === undefined) return
    if ('lead' in order) way.lead(order.lead ?? undefined)
    else if ('block' in order) way.block(order.block)
    else way.reset()
  }

  #bytes(): number {
    return this.#plan.links.reduce(
      (sum, { name }) => sum + (this.#ways.get(`link ${name}`)?.bytes ?? 0),
      0,
    )
  }
}
