import { setTimeout as pause } from 'node:timers/promises'
import type { Blocked, Hands } from '../../../topology/lab/hands.ts'
import type { Ledger } from '../../../topology/lab/ledger.ts'
import { AdminClient } from '../admin-client.ts'
import { UsageError } from '../cli-command.ts'
import type { ObservedNode } from './observed-node.ts'
import type { Observer } from './observer.ts'
import type { RealMesh } from './real-mesh.ts'
import type { RunClock } from './run-clock.ts'

/** A node takes its file again only when it has tried all its upstreams: so long it is asked to, and how often, ms. */
const RELOAD_PATIENCE_MS = 20_000
const RELOAD_AGAIN_MS = 250

interface HandsParts {
  readonly mesh: RealMesh
  readonly nodes: ReadonlyMap<string, ObservedNode>
  readonly observer: Observer
  readonly clock: RunClock
  readonly hear: Ledger['hear']
  readonly onBlock: (from: string, to: string, ways: Blocked) => void
  /** What could not be done ends the run. */
  readonly failed: (error: unknown) => void
}

/** Does things to real processes. What is done to one of them is done in the order it was asked for. */
export class RealHands implements Hands {
  readonly #parts: HandsParts
  readonly #work = new Map<string, Promise<void>>()
  readonly #running: Set<string>
  readonly #admins = new Map<string, AdminClient>()
  #closed = false

  constructor(parts: HandsParts) {
    this.#parts = parts
    this.#running = new Set(parts.nodes.keys())
  }

  get now(): number {
    return this.#parts.clock.now
  }

  at(time: number, run: () => void): void {
    this.#parts.clock.at(time, run)
  }

  /** A node listens now. */
  began(id: string, admin: string): void {
    const { nodes, observer, hear } = this.#parts
    const node = nodes.get(id)
    if (node === undefined) return
    node.turn()
    this.#admins.set(id, new AdminClient(admin, undefined))
    observer.watch(node, admin)
    hear(id, { type: 'start' })
  }

  crash(id: string, loseDisk: boolean): void {
    const { mesh, nodes, observer, hear } = this.#parts
    const node = nodes.get(id)
    if (node === undefined || !this.#running.delete(id)) return
    // From now on nobody may take it for one that runs, however long its end takes.
    observer.forget(node)
    node.turn()
    hear(id, { type: 'crash' })
    this.#then(id, async () => {
      observer.forget(node)
      this.#admins.delete(id)
      await mesh.killNode(id, loseDisk)
      if (node.speaker !== undefined) node.turn()
    })
  }

  start(id: string): void {
    if (this.#running.has(id)) return
    this.#running.add(id)
    this.#then(id, async () => this.began(id, (await this.#parts.mesh.startNode(id)).admin))
  }

  apart(node: string, is: boolean): void {
    this.#parts.mesh.setApart(node, is)
  }

  publish(node: string): void {
    this.#parts.mesh.changeTools(node)
  }

  withdraw(id: string, is: boolean): void {
    const { mesh, nodes } = this.#parts
    this.#then(id, async () => {
      await mesh.configure(id, is)
      const node = nodes.get(id)
      if (node !== undefined) node.isBare = is
      await this.#reload(id)
    })
  }

  drain(id: string): void {
    this.#then(id, async () => void (await this.#admins.get(id)?.post('/drain', undefined)))
  }

  bus(bus: string, up: boolean): void {
    const { mesh } = this.#parts
    this.#then(`bus ${bus}`, () => (up ? mesh.startBus(bus) : mesh.killBus(bus)))
  }

  block(from: string, to: string, ways: Blocked): void {
    this.#parts.mesh.link(from, to)?.block(ways)
    this.#parts.onBlock(from, to, ways)
  }

  drop(bus: string, share: number): void {
    if (share > 0) throw unplayable(`${bus} losing something`)
  }

  skew(node: string): void {
    throw unplayable(`the clock of ${node}`)
  }

  lie(node: string): void {
    throw unplayable(`lies in the name of ${node}`)
  }

  /** Nothing is done any more. Resolves when what was under way is over. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#work.values())
  }

  #then(of: string, work: () => Promise<void>): void {
    this.#work.set(of, this.#after(this.#work.get(of), work))
  }

  /** Never rejects. */
  async #after(before: Promise<void> | undefined, work: () => Promise<void>): Promise<void> {
    await before
    try {
      if (!this.#closed) await work()
    } catch (error) {
      // What ends while all ends is no failure.
      if (!this.#closed) this.#parts.failed(error)
    }
  }

  async #reload(id: string): Promise<void> {
    const until = performance.now() + RELOAD_PATIENCE_MS
    for (;;) {
      try {
        await this.#admins.get(id)?.post('/reload', undefined)
        return
      } catch (error) {
        if (!(error instanceof UsageError) || performance.now() > until) throw error
        await pause(RELOAD_AGAIN_MS)
      }
    }
  }
}

/** Files that ask for it are refused before anything starts. */
function unplayable(what: string): Error {
  return new Error(`${what}: nothing real nodes can be made to do`)
}
