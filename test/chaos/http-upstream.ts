import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import type { JsonObject, ListKind } from '../fixtures/wire.ts'
import { FlakyLink } from './flaky-link.ts'
import { GATED_ANSWERS, GATED_OFFERS } from './gated.ts'
import { other, type ChaosOptions, type ChaosUpstream, type Fault, type Kind } from './upstreams.ts'

const METHOD = /^\w+\/\w+$/

/** A server that is slow to grant may well have begun to answer. */
const SUBSCRIBING: ReadonlySet<string> = new Set(['resources/subscribe', 'subscriptions/listen'])

/** A server over HTTP, behind a link that a test can break. */
export class HttpUpstream implements ChaosUpstream {
  readonly kind: Kind
  readonly fixture: FixtureServer
  readonly #link: FlakyLink
  #isHolding = false

  private constructor(kind: Kind, fixture: FixtureServer, link: FlakyLink) {
    this.kind = kind
    this.fixture = fixture
    this.#link = link
  }

  static async start(kind: Kind, options: ChaosOptions): Promise<HttpUpstream> {
    const fixture = await FixtureServer.start({
      era: kind.era,
      ...GATED_OFFERS,
      ...GATED_ANSWERS,
      ...options,
    })
    fixture.on('completion/complete', async (_exchange, proceed) => {
      await fixture.gate.opened
      await proceed()
    })
    const link = await FlakyLink.to(Number(new URL(fixture.url).port))
    return new HttpUpstream(kind, fixture, link)
  }

  get config(): JsonObject {
    return { http: { url: this.#link.over(this.fixture.url) } }
  }

  begun(name: string): number {
    if (METHOD.test(name)) return this.fixture.received(name).length
    return this.fixture.runs.filter((run) => run.name === name && run.outcome !== 'asked').length
  }

  hold(method: string, later: boolean = false): void {
    const { fixture } = this
    fixture.on(method, async (exchange, proceed) => {
      if ((exchange.request.params['cursor'] !== undefined) === later) {
        fixture.off(method)
        this.#isHolding = true
        if (SUBSCRIBING.has(method)) exchange.openStream()
        await fixture.gate.opened
      }
      await proceed()
    })
  }

  get isHolding(): boolean {
    return this.#isHolding
  }

  announce(of: ListKind): Promise<void> {
    this.fixture.announce(of)
    return Promise.resolve()
  }

  add(tool: string): Promise<void> {
    this.fixture.tools.add(plainTool(tool))
    return Promise.resolve()
  }

  async strike(fault: Fault): Promise<void> {
    if (fault === 'killed') await this.#kill(() => this.fixture.close())
    if (fault === 'restarted') await this.#kill(() => this.fixture.restart())
    if (fault === 'era-swapped') {
      await this.#kill(() => this.fixture.restart(other(this.kind.era)))
    }
    if (fault === 'hung') this.#link.mute()
    if (fault === 'half-open') this.#link.freeze()
  }

  async mend(fault: Fault): Promise<void> {
    if (fault === 'killed') await this.fixture.listen()
    this.#link.heal()
  }

  release(): Promise<void> {
    this.fixture.gate.open()
    return Promise.resolve()
  }

  reset(): void {
    this.#link.sever()
  }

  gone(): Promise<void> {
    return Promise.resolve()
  }

  get violations(): readonly string[] {
    return this.fixture.violations
  }

  async close(): Promise<void> {
    this.fixture.gate.open()
    await this.fixture.close()
    await this.#link.close()
  }

  /** A process that dies takes its connections with it before another has its port. */
  #kill(end: () => Promise<void>): Promise<void> {
    this.#link.sever()
    return end()
  }
}
