// A node of the mesh that is broken, as the trial sees it: in this process, or a process of its own.
import type { TopologyReport, WaysReport } from '../../node/control/admin-mesh-models.ts'
import { topologyOf, waysOf } from '../../node/control/mesh/report.ts'
import { parseConfig } from '../../node/core/config.ts'
import { SILENT } from '../../node/core/logger.ts'
import { listenNode, type RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { QUICK } from '../mesh/gossiping.ts'
import { Part } from './mesh-parts.ts'
import type { PlannedNode } from './mesh-shape.ts'

/** What it knows of the mesh. */
export interface Known {
  readonly topology: TopologyReport
  readonly ways: WaysReport
}

/** How a node fails: it is closed, ends without a word, or hangs. */
export type NodeFault = 'close' | 'kill' | 'hang'

/** A node that fails and comes back, with the folder and the port it had. */
export abstract class Member extends Part {
  readonly plan: PlannedNode

  constructor(plan: PlannedNode) {
    super()
    this.plan = plan
  }

  /** How often it ended although nobody told it to. */
  readonly deaths: string[] = []
  /** How it can fail. */
  abstract readonly faults: readonly NodeFault[]
  /** Resolves when it is whole. */
  abstract start(): Promise<void>
  abstract fail(fault: NodeFault): Promise<void>
  /** Ends it for good. */
  abstract end(): Promise<void>
  /** Undefined while it is not there. */
  abstract known(): Promise<Known | undefined>
}

/** One in this process. */
export class NearMember extends Member {
  readonly faults = ['close'] as const
  readonly #config: object
  #running: RunningNode | undefined

  constructor(plan: PlannedNode, config: object) {
    super(plan)
    this.#config = config
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return
    const config = parseConfig(this.#config, { env: {} })
    this.#running = await listenNode(config, { log: canary.log(SILENT), timing: QUICK })
    await this.#running.start().ready()
    this.mended()
  }

  async fail(): Promise<void> {
    this.broke()
    const running = this.#running
    this.#running = undefined
    await running?.close()
  }

  end(): Promise<void> {
    return this.fail()
  }

  known(): Promise<Known | undefined> {
    const mesh = this.#running?.mesh
    return Promise.resolve(mesh && { topology: topologyOf(mesh), ways: waysOf(mesh) })
  }
}
