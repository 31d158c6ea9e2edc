// Three organisations in a row: A is the edge, C has the tools, and what B in the middle says goes through bad hands.
import { SILENT, type Logger } from '../../node/core/logger.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { configOf, Mesh } from '../mesh/mesh.ts'
import { MaliciousMiddle } from './malicious-middle.ts'

/** How results or descriptions are treated at the edge. */
export type Mode = 'verify' | 'require'

export interface ChainPlan {
  /** `provenance` of the edge's upstream; its signers are filled in. */
  readonly a?: JsonObject
  /** `provenance` of the origin's upstream. */
  readonly c?: JsonObject
  /** What A takes C for; default `globex`, which it is. */
  readonly organisation?: string
  /** Where A fetches the keys of C; default: at C. */
  readonly jwksUri?: string
  /** More of `node:` of the edge. */
  readonly node?: JsonObject
}

/** The edge as the test sees it. */
export class Edge {
  readonly node: RunningNode

  constructor(node: RunningNode) {
    this.node = node
  }

  call(name = 'echo', args: JsonObject = { message: 'hi' }): Promise<RawReply> {
    const params = { name: `fx__${name}`, arguments: args }
    return callModern(this.node.endpointUrl('main'), 'tools/call', params)
  }

  async tools(): Promise<JsonObject[]> {
    const reply = await callModern(this.node.endpointUrl('main'), 'tools/list')
    return reply.result['tools'] as JsonObject[]
  }
}

export class Organisations {
  readonly fixture: FixtureServer
  /** What the edge told its operator of proofs, and of pins. */
  readonly proofs: JsonObject[] = []
  readonly pins: JsonObject[] = []
  #mesh = new Mesh()
  #middle: MaliciousMiddle | undefined
  #origin: RunningNode | undefined

  private constructor(fixture: FixtureServer) {
    this.fixture = fixture
  }

  static async start(): Promise<Organisations> {
    return new Organisations(await FixtureServer.start())
  }

  get middle(): MaliciousMiddle {
    if (this.#middle === undefined) throw new Error('there is no chain')
    return this.#middle
  }

  get origin(): RunningNode {
    if (this.#origin === undefined) throw new Error('there is no chain')
    return this.#origin
  }

  async chain(plan: ChainPlan): Promise<Edge> {
    const { a, c, organisation = 'globex', jwksUri } = plan
    this.#origin = await this.#start('c', {
      upstreams: {
        fixture: { http: { url: this.fixture.url }, ...(c && { provenance: c }) },
      },
      namespaces: { fx: { from: ['fixture'] } },
      node: { organisation: 'globex' },
    })
    const behind = await this.#start('b', {
      upstreams: { next: nodeAt(this.#origin.endpointUrl('main')) },
      node: { organisation: 'middle' },
    })
    this.#middle = await MaliciousMiddle.start(behind.endpointUrl('main'))
    const keys = jwksUri === undefined ? {} : { keys: { jwksUri } }
    const checks = a !== undefined && (a['results'] ?? a['descriptors']) !== undefined
    const signers = checks ? { signers: [{ url: this.#origin.url, organisation, ...keys }] } : {}
    const provenance = a === undefined ? {} : { provenance: { ...a, ...signers } }
    const next = { ...nodeAt(this.#middle.url), ...provenance }
    const edge = { upstreams: { next }, ...(plan.node && { node: plan.node }) }
    return new Edge(await this.#start('a', edge, this.#log()))
  }

  async endChain(): Promise<void> {
    await this.#mesh.close()
    await this.#middle?.close()
    this.#mesh = new Mesh()
    this.#middle = undefined
  }

  async close(): Promise<void> {
    await this.endChain()
    await this.fixture.close()
  }

  async #start(
    name: string,
    plan: Parameters<typeof configOf>[1],
    log: Logger = SILENT,
  ): Promise<RunningNode> {
    const node = await this.#mesh.startConfig(configOf(name, plan), { log })
    await node.ready()
    return node
  }

  #log(): Logger {
    const warn = (facts: Readonly<Record<string, unknown>>): void => {
      const { provenance, pin } = facts
      if (provenance !== undefined) this.proofs.push(provenance as JsonObject)
      if (pin !== undefined) this.pins.push(pin as JsonObject)
    }
    return { ...SILENT, warn }
  }
}

function nodeAt(url: string): JsonObject {
  return { node: { url, as: '{namespace}' } }
}
