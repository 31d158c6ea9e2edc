// Parts of a mesh that can be broken, each of which knows since when it is whole.
import { FlakyLink } from './flaky-link.ts'
import { isPlainHttp, type PlannedLink } from './mesh-shape.ts'

/** Something that breaks. */
export class Part {
  #wholeSince: number | undefined

  /** Since when it is whole, by `performance.now()`; Infinity while it is not. */
  get wholeSince(): number {
    return this.#wholeSince ?? Number.POSITIVE_INFINITY
  }

  protected broke(): void {
    this.#wholeSince = undefined
  }

  protected mended(): void {
    this.#wholeSince = performance.now()
  }
}

/** How a link breaks: reset once, nobody listens, silence from the upstream, silence both ways. */
export const LINK_FAULTS = ['reset', 'refuse', 'mute', 'freeze'] as const
export type LinkFault = (typeof LINK_FAULTS)[number]

/** Until the system finds that a connection leads nowhere any more, ms. */
const FORGOTTEN_MS = 8_000

/** A link, and what lies between its ends. */
export class Strand extends Part {
  readonly plan: PlannedLink
  readonly #wire: FlakyLink
  #fault: LinkFault | undefined
  #burial: NodeJS.Timeout | undefined

  private constructor(plan: PlannedLink, wire: FlakyLink) {
    super()
    this.plan = plan
    this.#wire = wire
    this.mended()
  }

  static async lay(plan: PlannedLink, port: number): Promise<Strand> {
    return new Strand(plan, await FlakyLink.to(port))
  }

  get isBroken(): boolean {
    return this.#fault !== undefined
  }

  /** By which transport its near end is to use it. */
  get link(): 'auto' | 'http' {
    return isPlainHttp(this.plan) ? 'http' : 'auto'
  }

  /** What is at its far end, as it is called from its near end. */
  get url(): string {
    return `http://127.0.0.1:${this.#wire.port}`
  }

  async break(fault: LinkFault): Promise<void> {
    this.#fault = fault
    this.broke()
    if (fault === 'reset') this.#wire.sever()
    else if (fault === 'refuse') await this.#wire.refuse()
    else if (fault === 'mute') this.#wire.mute()
    else this.#wire.freeze()
  }

  async mend(): Promise<void> {
    if (this.#fault === 'refuse') await this.#wire.admit()
    this.#wire.heal()
    if (this.#fault === 'freeze') this.#buryLater()
    this.#fault = undefined
    this.mended()
  }

  close(): Promise<void> {
    clearTimeout(this.#burial)
    return this.#wire.close()
  }

  /** Of connections that the other end has forgotten the keep-alive of TCP finds out. */
  #buryLater(): void {
    clearTimeout(this.#burial)
    this.#burial = setTimeout(() => this.#wire.bury(), FORGOTTEN_MS)
  }
}
