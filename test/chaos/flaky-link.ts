// A TCP link that a test can break in the ways real ones break: nothing of HTTP is known here.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** What becomes of bytes: all pass, only those to the server do, or none. */
type Passage = 'open' | 'mute' | 'dead'

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

/** Passes bytes between whoever connects and one port of 127.0.0.1. */
export class FlakyLink {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** What was frozen. */
  readonly #forgotten = new Set<Pair>()
  readonly #sockets = new Set<Socket>()
  #target: number
  #port = 0
  #passage: Passage = 'open'

  private constructor(target: number) {
    this.#target = target
    // What one side ends, the other side ends when it likes, as without a link between.
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near))
  }

  /** Listens on a free port in front of that one. */
  static async to(target: number): Promise<FlakyLink> {
    const link = new FlakyLink(target)
    const { promise, resolve } = Promise.withResolvers<void>()
    link.#server.listen(0, '127.0.0.1', resolve)
    await promise
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#port
  }

  /** That URL, as it is reached over the link. */
  over(url: string): string {
    const changed = new URL(url)
    changed.port = String(this.port)
    return changed.href
  }

  /** Later connections lead to another port. */
  retarget(port: number): void {
    this.#target = port
  }

  /** What the server says stays on its way until `heal`; what it is told arrives. */
  mute(): void {
    this.#pass('mute')
  }

  /** Swallows all that is said, and says nothing of it: as behind a router that has forgotten its connections. */
  freeze(): void {
    this.#pass('dead')
    // They stay dead for whoever still holds them.
    for (const pair of this.#pairs) this.#forgotten.add(pair)
    this.#pairs.clear()
  }

  /** Resets what was frozen and whoever holds it has not let go of. */
  bury(): void {
    for (const { near, far } of this.#forgotten) {
      near.resetAndDestroy()
      far.destroy()
    }
    this.#forgotten.clear()
  }

  /** Goes on, for what was muted and for new connections; those that were frozen stay as they are. */
  heal(): void {
    this.#pass('open')
  }

  /** Resets all connections. */
  sever(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Nobody listens any more, and what was open is reset; until `admit`. */
  async refuse(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#port = this.port
    this.#server.close(() => resolve())
    this.sever()
    await promise
  }

  /** Listens again where it did. */
  async admit(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.listen(this.#port, '127.0.0.1', resolve)
    await promise
  }

  /** Connections somebody holds to this link. */
  get size(): number {
    return this.#sockets.size
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    // It may not be listening.
    this.#server.close(() => resolve())
    for (const socket of this.#sockets) socket.destroy()
    await promise
  }

  #pass(passage: Passage): void {
    this.#passage = passage
    for (const pair of this.#pairs) apply(passage, pair)
  }

  #accept(near: Socket): void {
    this.#keep(near)
    if (this.#passage === 'dead') {
      near.pause()
      this.#forgotten.add({ near, far: near })
      return
    }
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true })
    this.#keep(far)
    const pair = { near, far }
    this.#pairs.add(pair)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => to.write(bytes))
      from.on('end', () => to.end())
      from.on('close', () => {
        // A frozen link does not tell one side what became of the other.
        if (this.#pairs.delete(pair)) to.destroy()
        if (near.destroyed && far.destroyed) this.#forgotten.delete(pair)
      })
    }
    apply(this.#passage, pair)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
  }
}

function apply(passage: Passage, { near, far }: Pair): void {
  if (passage === 'dead') near.pause()
  else near.resume()
  if (passage === 'open') far.resume()
  else far.pause()
}
