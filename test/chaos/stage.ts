// One upstream, one or two nodes in front of it, one caller: built for one strike.
import type { FixtureOptions } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import type { NodePlan } from '../mesh/mesh.ts'
import type { Scene } from './exchanges.ts'
import { FlakyLink } from './flaky-link.ts'
import { inspectedNode, type InspectedNode } from './inspected-node.ts'
import { chaosUpstream, type ChaosUpstream, type Fault, type Kind } from './upstreams.ts'
import { Visitor } from './visitor.ts'

/** What is staged. */
export interface Staging {
  readonly kind: Kind
  readonly fault: Fault
  readonly caller: Era
  readonly fixture?: FixtureOptions
}

/** Faults that only a deadline finds out; it is short for them, and for the others so long that it is not what ends them. */
const SILENT_FAULTS: ReadonlySet<Fault> = new Set(['hung', 'half-open'])

const LIMITS = {
  inputTimeout: '1s',
  connectTimeout: '300ms',
  listTimeout: '500ms',
  shutdownGrace: '0s',
  // One that is not given back is found by the next.
  parkedCalls: 1,
}

/** A scene with a fault about to come. */
export class Stage implements Scene {
  readonly fault: Fault
  readonly upstream: ChaosUpstream
  readonly visitor: Visitor
  readonly #front: InspectedNode
  #middle: InspectedNode | undefined
  readonly #link: FlakyLink | undefined

  private constructor(
    { fault }: Staging,
    parts: {
      upstream: ChaosUpstream
      visitor: Visitor
      front: InspectedNode
      middle: InspectedNode | undefined
      link: FlakyLink | undefined
    },
  ) {
    this.fault = fault
    this.upstream = parts.upstream
    this.visitor = parts.visitor
    this.#front = parts.front
    this.#middle = parts.middle
    this.#link = parts.link
  }

  static async set(staging: Staging): Promise<Stage> {
    const upstream = await chaosUpstream(staging.kind, staging.fixture ?? {})
    const direct = frontPlan(upstream, staging.fault)
    if (staging.fault !== 'middle') {
      const front = await inspectedNode('front', direct)
      const visitor = await Visitor.of(staging.caller, front.node.endpointUrl('main'))
      return new Stage(staging, { upstream, visitor, front, middle: undefined, link: undefined })
    }
    const middle = await inspectedNode('middle', direct)
    const link = await FlakyLink.to(portOf(middle))
    const url = link.over(middle.node.endpointUrl('main'))
    const timing = timingOf(staging.fault)
    const front = await inspectedNode('front', {
      limits: LIMITS,
      upstreams: { middle: { node: { url, as: '{namespace}' }, era: staging.kind.era, ...timing } },
    })
    const visitor = await Visitor.of(staging.caller, front.node.endpointUrl('main'))
    return new Stage(staging, { upstream, visitor, front, middle, link })
  }

  get url(): string {
    return this.#front.node.endpointUrl('main')
  }

  /** The label of the upstream that is struck, as the outermost node knows it. */
  get label(): string {
    return this.fault === 'middle' ? 'middle' : 'fixture'
  }

  /** The nodes that were not struck themselves. */
  get nodes(): readonly InspectedNode[] {
    return this.#middle === undefined ? [this.#front] : [this.#front, this.#middle]
  }

  async strike(): Promise<void> {
    if (this.fault === 'middle') await this.#replaceMiddle()
    else await this.upstream.strike(this.fault)
  }

  async mend(): Promise<void> {
    await this.upstream.mend(this.fault)
  }

  /** A plain call goes through again; resolves with the answers of the attempts before. */
  async recovered(): Promise<void> {
    const visitor = await Visitor.of(this.visitor.era, this.url)
    await until(async () => {
      const answers = await visitor.call('echo', { message: 'again' }).answers()
      if (answers.length !== 1) throw new Error(`${answers.length} answers`)
      return objectAt(answers[0], 'result')['content'] !== undefined
    }, 'a plain call')
    await visitor.leave()
  }

  /** A call that asks can be parked, and finished: there is room for just one. */
  async parksAgain(): Promise<JsonObject | undefined> {
    const visitor = await Visitor.of('2026', this.url)
    const params = { name: 'fx__ask_form', arguments: {} }
    const [asked] = await visitor.send('tools/call', params).answers()
    const { inputRequests, requestState } = objectAt(asked, 'result')
    const [key] = Object.keys(objectAt({ inputRequests }, 'inputRequests'))
    if (key === undefined) return asked
    const state = requestState === undefined ? {} : { requestState }
    const inputResponses = { [key]: { action: 'decline' } }
    const [answer] = await visitor
      .send('tools/call', { ...params, ...state, inputResponses })
      .answers()
    return answer
  }

  async close(): Promise<void> {
    this.upstream.release()
    await this.upstream.mend(this.fault === 'killed' ? 'hung' : this.fault)
    await this.#front.node.close()
    await this.#middle?.node.close()
    await this.#link?.close()
    await this.upstream.close()
  }

  /** One that has died is replaced at once, at the same address, and knows nothing of what was before. */
  async #replaceMiddle(): Promise<void> {
    this.#link?.sever()
    await this.#middle?.node.close()
    this.#middle = await inspectedNode('middle', frontPlan(this.upstream, this.fault))
    this.#link?.retarget(portOf(this.#middle))
  }
}

function timingOf(fault: Fault): { timeout: string; maxTimeout: string } {
  const timeout = SILENT_FAULTS.has(fault) ? '300ms' : '3s'
  return { timeout, maxTimeout: timeout }
}

function frontPlan({ config }: ChaosUpstream, fault: Fault): NodePlan {
  return {
    limits: LIMITS,
    upstreams: { fixture: { ...config, ...timingOf(fault) } },
    namespaces: { fx: { from: ['fixture'] } },
  }
}

function portOf({ node }: InspectedNode): number {
  return Number(new URL(node.url).port)
}
