// One upstream, one or two nodes in front of it, one caller: built for one strike.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era } from '../fixtures/wire.ts'
import type { NodePlan } from '../mesh/mesh.ts'
import type { Scene } from './exchanges.ts'
import { FlakyLink } from './flaky-link.ts'
import { HttpUpstream } from './http-upstream.ts'
import { inspectedNode, NOTHING_HELD, type Holdings, type InspectedNode } from './inspected-node.ts'
import { StdioUpstream } from './stdio-upstream.ts'
import type { ChaosOptions, ChaosUpstream, Fault, Kind } from './upstreams.ts'
import { Visitor } from './visitor.ts'

/** What is staged. */
export interface Staging {
  readonly kind: Kind
  readonly fault: Fault
  readonly caller: Era
  /** Of the link between the nodes, where there are two. Default: that of the upstream. */
  readonly link?: Era
  readonly options?: ChaosOptions
  /** How long a caller may let a question wait. Default: so long that nothing here ends by it. */
  readonly inputTimeout?: string
}

/**
 * Faults that only a deadline finds out; it is short for them, and for the others so long that it is not what ends them. A
 * pipe that was closed is seen.
 */
const SILENT_FAULTS: Readonly<Record<Kind['transport'], readonly Fault[]>> = {
  http: ['hung', 'half-open'],
  stdio: ['hung'],
}

const LIMITS = {
  inputTimeout: '1m',
  shutdownGrace: '0s',
  // One that is not given back is found by the next.
  parkedCalls: 1,
}

type Limits = typeof LIMITS & { connectTimeout: string; listTimeout: string }

/** A scene with a fault about to come. */
export class Stage implements Scene {
  readonly fault: Fault
  readonly upstream: ChaosUpstream
  readonly visitor: Visitor
  readonly #front: InspectedNode
  #middle: InspectedNode | undefined
  readonly #link: FlakyLink | undefined
  readonly #state: string
  /** Of the node next to the upstream. */
  readonly #near: NodePlan

  private constructor(
    { fault }: Staging,
    parts: {
      upstream: ChaosUpstream
      visitor: Visitor
      front: InspectedNode
      state: string
      near: NodePlan
      middle?: InspectedNode
      link?: FlakyLink
    },
  ) {
    this.fault = fault
    this.upstream = parts.upstream
    this.visitor = parts.visitor
    this.#front = parts.front
    this.#middle = parts.middle
    this.#link = parts.link
    this.#state = parts.state
    this.#near = parts.near
  }

  static async set(staging: Staging): Promise<Stage> {
    const upstream = await upstreamOf(staging)
    const state = mkdtempSync(join(tmpdir(), 'chaos-node-'))
    const near = nearPlan(upstream, staging, state)
    if (staging.fault !== 'middle') {
      const front = await inspectedNode('front', near)
      const visitor = await Visitor.of(staging.caller, front.node.endpointUrl('main'))
      return new Stage(staging, { upstream, visitor, front, state, near })
    }
    const middle = await inspectedNode('middle', near)
    const link = await FlakyLink.to(portOf(middle))
    const url = link.over(middle.node.endpointUrl('main'))
    const timing = timingOf(staging)
    const front = await inspectedNode('front', {
      limits: limitsOf(staging),
      upstreams: {
        middle: {
          node: { url, as: '{namespace}' },
          era: staging.link ?? staging.kind.era,
          ...timing,
        },
      },
    })
    const visitor = await Visitor.of(staging.caller, front.node.endpointUrl('main'))
    return new Stage(staging, { upstream, visitor, front, middle, link, state, near })
  }

  get url(): string {
    return this.#front.node.endpointUrl('main')
  }

  /** The label of the upstream that is struck, as the outermost node knows it. */
  get label(): string {
    return this.fault === 'middle' ? 'middle' : 'fixture'
  }

  /** The nodes that run now. */
  get nodes(): readonly InspectedNode[] {
    return this.#middle === undefined ? [this.#front] : [this.#front, this.#middle]
  }

  /** Resolves when no node holds anything for a caller any more, nor what was struck down. @throws Error that says what it still holds */
  async letGo(): Promise<void> {
    const held = (): Holdings[] => [
      this.#front.held,
      // The listen of the node in front is no caller's.
      ...(this.#middle === undefined ? [] : [{ ...this.#middle.held, listens: 0 }]),
    ]
    const nothing = (): boolean => held().every((one) => isDeepStrictEqual(one, NOTHING_HELD))
    await until(nothing, 'the nodes to hold nothing').catch((cause: unknown) => {
      throw new Error(`still held: ${JSON.stringify(held())}`, { cause })
    })
    await this.upstream.gone()
  }

  async strike(): Promise<void> {
    if (this.fault === 'middle') await this.#replaceMiddle()
    else await this.upstream.strike(this.fault)
  }

  async mend(): Promise<void> {
    await this.upstream.mend(this.fault)
  }

  /** Resolves when a plain call goes through; each attempt before has one answer too. */
  async works(visitor: Visitor = this.visitor): Promise<void> {
    await until(async () => {
      const answers = await visitor.call('echo', { message: 'again' }).answers()
      if (answers.length !== 1) throw new Error(`${answers.length} answers`)
      return objectAt(answers[0], 'result')['content'] !== undefined
    }, 'a plain call')
  }

  async close(): Promise<void> {
    if (this.fault !== 'killed') await this.upstream.mend(this.fault)
    await this.upstream.release()
    await this.#front.close()
    await this.#middle?.close()
    await this.#link?.close()
    await this.upstream.close()
    rmSync(this.#state, { recursive: true })
  }

  /** One that has died is back at once, at the same address; of what was before it knows its keys. */
  async #replaceMiddle(): Promise<void> {
    this.#link?.sever()
    await this.#middle?.close()
    this.#middle = await inspectedNode('middle', this.#near)
    this.#link?.retarget(portOf(this.#middle))
  }
}

function upstreamOf({ kind, options = {} }: Staging): ChaosUpstream | Promise<ChaosUpstream> {
  if (kind.transport === 'http') return HttpUpstream.start(kind, options)
  return new StdioUpstream(kind, options)
}

function timingOf({ kind, fault }: Staging): { timeout: string; maxTimeout: string } {
  const timeout = SILENT_FAULTS[kind.transport].includes(fault) ? '1s' : '10s'
  return { timeout, maxTimeout: timeout }
}

/** A process takes its time to start on a busy machine, so only what nobody answers is given up soon. */
function limitsOf({ kind, fault, inputTimeout = LIMITS.inputTimeout }: Staging): Limits {
  const isSilent = SILENT_FAULTS[kind.transport].includes(fault)
  const patience = isSilent
    ? { connectTimeout: '300ms', listTimeout: '500ms' }
    : { connectTimeout: '5s', listTimeout: '5s' }
  return { ...LIMITS, ...patience, inputTimeout }
}

function nearPlan({ config }: ChaosUpstream, staging: Staging, state: string): NodePlan {
  return {
    node: { state },
    limits: limitsOf(staging),
    upstreams: { fixture: { ...config, ...timingOf(staging) } },
    namespaces: { fx: { from: ['fixture'] } },
  }
}

function portOf({ node }: InspectedNode): number {
  return Number(new URL(node.url).port)
}
