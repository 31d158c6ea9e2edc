/** What goes over links that count together, for metrics: those to one upstream, or those to one endpoint. */
export class LinkTraffic {
  framesIn = 0
  framesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Wires that are open. */
  readonly wires: Set<{ readonly queued: number }> = new Set<{ readonly queued: number }>()

  /** Bytes that wait to be written. */
  get queued(): number {
    let sum = 0
    for (const wire of this.wires) sum += wire.queued
    return sum
  }
}

/** The links of a node by what is at their ends. */
export class LinkTraffics {
  readonly #by = { up: new Map<string, LinkTraffic>(), down: new Map<string, LinkTraffic>() }

  /** @param end `up`: links this node opens, by upstream; `down`: by the endpoint they are opened to */
  of(end: 'up' | 'down', name: string): LinkTraffic {
    const known = this.#by[end].get(name)
    if (known !== undefined) return known
    const traffic = new LinkTraffic()
    this.#by[end].set(name, traffic)
    return traffic
  }

  /** Forgets those without a link that are not configured any more. */
  keep(end: 'up' | 'down', names: ReadonlySet<string>): void {
    for (const [name, { wires }] of this.#by[end]) {
      if (wires.size === 0 && !names.has(name)) this.#by[end].delete(name)
    }
  }

  *entries(): Iterable<readonly [end: 'up' | 'down', name: string, traffic: LinkTraffic]> {
    for (const end of ['up', 'down'] as const) {
      for (const [name, traffic] of this.#by[end]) yield [end, name, traffic]
    }
  }
}
