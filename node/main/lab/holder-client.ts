import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { Blocked } from '../../../topology/lab/hands.ts'
import type { HolderOrder, HolderReport } from './holder.ts'
import type { HousedTools, HousedWay } from './housing.ts'

const PATIENCE_MS = 30_000
const AGAIN_MS = 100
/** Time for a greeting on one connection, ms: whoever passes it on takes it before anybody listens behind. */
const GREETING_MS = 1_000

/** Gives orders to the holder of a lab; those given before it is there wait. */
export class HolderClient {
  #socket: Socket | undefined
  #waiting: string[] = []
  /** Bytes all links have carried. */
  bytes = 0

  /** @throws Error when nobody answers there in time */
  async connect(port: number): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      const socket = connect({ port, host: '127.0.0.1' })
      if (await this.#greeted(socket)) {
        this.#socket = socket
        break
      }
      socket.destroy()
      if (performance.now() > until) throw new Error('the container "lab" does not answer')
      await pause(AGAIN_MS)
    }
    for (const line of this.#waiting) this.#socket.write(line)
    this.#waiting = []
  }

  give(order: HolderOrder): void {
    const line = `${JSON.stringify(order)}\n`
    if (this.#socket === undefined) this.#waiting.push(line)
    else this.#socket.write(line)
  }

  close(): void {
    this.#socket?.destroy()
  }

  async #greeted(socket: Socket): Promise<boolean> {
    socket.on('error', () => undefined)
    const lines = createInterface({ input: socket })
    lines.on('line', (line) => {
      this.bytes = (JSON.parse(line) as HolderReport).bytes
    })
    const signal = AbortSignal.timeout(GREETING_MS)
    return Promise.race([
      once(lines, 'line', { signal }).then(
        () => true,
        () => false,
      ),
      once(lines, 'close', { signal }).then(
        () => false,
        () => false,
      ),
    ])
  }
}

/** A way between two containers. */
export class HeldWay implements HousedWay {
  readonly port: number
  readonly #name: string
  readonly #holder: HolderClient

  constructor(name: string, port: number, holder: HolderClient) {
    this.#name = name
    this.port = port
    this.#holder = holder
  }

  lead(port: number | undefined): void {
    this.#holder.give({ way: this.#name, lead: port ?? null })
  }

  block(ways: Blocked): void {
    this.#holder.give({ way: this.#name, block: ways })
  }

  reset(): void {
    this.#holder.give({ way: this.#name, reset: true })
  }

  async close(): Promise<void> {}
}

/** The servers of tools beside it. */
export class HeldTools implements HousedTools {
  readonly #port: number
  readonly #holder: HolderClient

  constructor(port: number, holder: HolderClient) {
    this.#port = port
    this.#holder = holder
  }

  url(node: string, namespace: string): string {
    return `http://127.0.0.1:${this.#port}/${node}/${encodeURIComponent(namespace)}`
  }

  change(node: string): void {
    this.#holder.give({ change: node })
  }

  async close(): Promise<void> {}
}
