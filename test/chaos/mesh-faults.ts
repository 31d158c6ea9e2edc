// What happens to a mesh, from a seed: nodes stop and start again, links break in four ways, buses die or hang.
import { setTimeout as pause } from 'node:timers/promises'
import { SeededRandom } from '../../topology/sim/random.ts'
import type { NatsServer } from '../nats/server.ts'
import type { Member, NodeFault } from './mesh-member.ts'
import { LINK_FAULTS, type Strand } from './mesh-parts.ts'
import type { MeshWorld } from './mesh-world.ts'

/** How fast things break. */
export interface Pace {
  /** Mean time between two faults, ms. */
  readonly between: number
  /** How long one lasts, ms: at least, and at most. */
  readonly lasts: readonly [number, number]
}

/** Nodes and links broken at a time, at most: a mesh all of which is broken shows nothing. */
const AT_ONCE = 4

type Kind = 'node' | 'link' | 'bus'

/** Links break more often than nodes, as in life. */
const KINDS: readonly Kind[] = ['node', 'node', 'link', 'link', 'link', 'link', 'bus']

/** Breaks a mesh until it is told to stop. */
export class Faults {
  readonly #world: MeshWorld
  readonly #pace: Pace
  readonly #random: SeededRandom
  /** Ways for nodes to fail that are used no more. */
  readonly #spared = new Set<NodeFault>()
  readonly #busy = new Set<unknown>()
  readonly #ongoing = new Set<Promise<void>>()
  /** How often what happened. */
  readonly counts: Map<string, number> = new Map<string, number>()
  /** The last ones, for whoever looks for the reason of something. */
  readonly log: string[] = []
  #problem: unknown

  constructor(world: MeshWorld, seed: number, pace: Pace) {
    this.#world = world
    this.#pace = pace
    this.#random = new SeededRandom(seed)
  }

  /** Breaks and mends for so long, ms. Resolves when all is whole again. */
  async run(duration: number): Promise<void> {
    const end = performance.now() + duration
    const { between } = this.#pace
    while (performance.now() < end && this.#problem === undefined) {
      await pause(Math.min(this.#random.exponential(between), 5 * between))
      this.#begin()
    }
    await Promise.all(this.#ongoing)
    if (this.#problem !== undefined) throw this.#problem
  }

  /** Nodes fail in this way no more. */
  spare(fault: NodeFault): void {
    this.#spared.add(fault)
  }

  #begin(): void {
    // Drawn whether they are used or not, so that what comes later does not depend on how fast the machine is.
    const kind = this.#random.pick(KINDS)
    const [least, most] = this.#pace.lasts
    const lasts = least + this.#random.next() * (most - least)
    const draw = this.#random.fork()
    const broken = [...this.#busy].filter((one) => typeof one === 'object').length
    if (kind !== 'bus' && broken >= AT_ONCE) return
    const { members, strands, buses } = this.#world
    if (kind === 'node')
      this.#do(draw.pick([...members.values()]), (one) => this.#node(one, draw, lasts))
    else if (kind === 'link') {
      this.#do(draw.pick([...strands.values()]), (one) => this.#link(one, draw, lasts))
    } else {
      const name = draw.pick([...buses.keys()])
      this.#do(name, () => this.#bus(name, draw, lasts))
    }
  }

  /** One fault at a time for each thing. */
  #do<T>(what: T, work: (what: T) => Promise<void>): void {
    if (this.#busy.has(what)) return
    this.#busy.add(what)
    const doing = work(what)
      .catch((error: unknown) => {
        this.#problem ??= error
      })
      .finally(() => {
        this.#busy.delete(what)
        this.#ongoing.delete(doing)
      })
    this.#ongoing.add(doing)
  }

  async #node(member: Member, draw: SeededRandom, lasts: number): Promise<void> {
    const fault = draw.pick(member.faults)
    if (this.#spared.has(fault)) return
    this.#note(fault, member.plan.name)
    await member.fail(fault)
    await pause(lasts)
    await member.start()
    this.#say(`${member.plan.name} is back`)
  }

  async #link(strand: Strand, draw: SeededRandom, lasts: number): Promise<void> {
    const fault = draw.pick(LINK_FAULTS)
    this.#note(fault, strand.plan.join('->'))
    await strand.break(fault)
    if (fault !== 'reset') await pause(lasts)
    await strand.mend()
    if (fault !== 'reset') this.#say(`${strand.plan.join('->')} is mended`)
  }

  async #bus(name: string, draw: SeededRandom, lasts: number): Promise<void> {
    const bus = this.#world.buses.get(name) as NatsServer
    const hangs = draw.next() < 0.5
    this.#note(hangs ? 'bus hangs' : 'bus dies', name)
    if (hangs) bus.hang()
    else await bus.kill()
    await pause(lasts)
    if (hangs) bus.resume()
    else await bus.restart()
  }

  #note(fault: string, where: string): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1)
    this.#say(`${fault} ${where}`)
  }

  #say(what: string): void {
    this.log.push(`${performance.now().toFixed()} ${what}`)
    if (this.log.length > 60) this.log.shift()
  }
}
