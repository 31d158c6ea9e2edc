import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Blocked } from '../../../topology/lab/hands.ts'
import type { HousedWay } from './housing.ts'
import { cutOff, Lane, type Weather } from './lane.ts'

const HOST = '127.0.0.1'

/** One connection over a link: the socket of whoever came, and the one to whom it leads. */
interface Pair {
  readonly near: Socket
  far: Socket | undefined
  readonly forth: Lane
  readonly back: Lane
}

/**
 * A link between two processes that can be slow and broken: passes TCP on from a port of the loopback to another, knows
 * nothing of what it carries, and needs no rights. What is lost on the way comes later, as over TCP everything does.
 */
export class LinkProxy implements HousedWay {
  readonly #server: Server
  readonly #weather: Weather
  readonly #pairs = new Set<Pair>()
  #target: number | undefined
  #blocked: Blocked = { forth: false, back: false }
  /** Bytes carried, both ways. */
  bytes = 0

  private constructor(weather: Weather) {
    this.#weather = weather
    // What one side ends, the other side ends when it likes, as without a link between.
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near))
  }

  /** Listens. @param port default: a free one @param host default: the loopback */
  static async listen(weather: Weather, port = 0, host: string = HOST): Promise<LinkProxy> {
    const proxy = new LinkProxy(weather)
    proxy.#server.listen(port, host)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Later connections lead to that port; undefined: to nobody, and are reset. */
  lead(port: number | undefined): void {
    this.#target = port
  }

  /**
   * What it carries from now on. A way that is blocked is silent: nothing on it arrives, nor does a new connection come
   * about, and nobody is told. When it is free again, what was held goes on, and connections whose other end was given up
   * meanwhile are reset.
   */
  block(ways: Blocked): void {
    this.#blocked = ways
    for (const pair of this.#pairs) {
      pair.forth.hold(ways.forth)
      pair.back.hold(ways.back)
      if (!this.#isBlocked) this.#dial(pair)
    }
  }

  /** Resets all connections. */
  reset(): void {
    for (const pair of this.#pairs) drop(pair)
    this.#pairs.clear()
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.reset()
    await closed
  }

  get #isBlocked(): boolean {
    return this.#blocked.forth || this.#blocked.back
  }

  #accept(near: Socket): void {
    const carried = (bytes: number): void => void (this.bytes += bytes)
    const [forth, back] = [new Lane(this.#weather, carried), new Lane(this.#weather, carried)]
    const pair: Pair = { near, far: undefined, forth, back }
    // Whoever came believes that there is a connection; over a real link it takes a way there and back to know.
    forth.delay(2 * this.#weather.latency)
    forth.read(near)
    near.on('error', () => undefined)
    this.#pairs.add(pair)
    pair.back.lead(near)
    pair.forth.hold(this.#blocked.forth)
    pair.back.hold(this.#blocked.back)
    near.once('close', () => pair.forth.gone())
    if (!this.#isBlocked) this.#dial(pair)
  }

  /** Connects to the other end, unless that was done. */
  #dial(pair: Pair): void {
    if (pair.far !== undefined) return
    const far =
      this.#target === undefined
        ? undefined
        : connect({ port: this.#target, host: HOST, allowHalfOpen: true })
    if (far === undefined) {
      this.#pairs.delete(pair)
      drop(pair)
      return
    }
    pair.far = far
    far.on('error', () => undefined)
    pair.back.read(far)
    pair.forth.lead(far)
    far.once('close', () => pair.back.gone())
    // When both sides have ended, nobody needs it any more.
    const over = (): void => {
      if (pair.near.destroyed && far.destroyed) this.#pairs.delete(pair)
    }
    pair.near.once('close', over)
    far.once('close', over)
  }
}

function drop({ near, far, forth, back }: Pair): void {
  forth.close()
  back.close()
  cutOff(near)
  if (far !== undefined) cutOff(far)
}
