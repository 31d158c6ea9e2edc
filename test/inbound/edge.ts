// One node in front of one fixture server, for tests of what the node does with what it is sent.
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { Mesh, type NodePlan } from '../mesh/mesh.ts'

/** A node and the server behind it, closed together. */
export class Edge {
  readonly node: BanyanNode
  readonly fixture: FixtureServer
  readonly #mesh: Mesh
  #mark = 0

  private constructor(mesh: Mesh, node: BanyanNode, fixture: FixtureServer) {
    this.#mesh = mesh
    this.node = node
    this.fixture = fixture
  }

  /** Starts both; the tools are `fx__echo` and so on, and there is a second endpoint, `other`. */
  static async start(
    plan: Pick<NodePlan, 'limits' | 'node' | 'endpoints'> = {},
    options: FixtureOptions = {},
  ): Promise<Edge> {
    const fixture = await FixtureServer.start(options)
    const mesh = new Mesh()
    const node = await mesh.ready('edge', {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['*'] }, other: { namespaces: ['*'] } },
      ...plan,
    })
    const edge = new Edge(mesh, node, fixture)
    await until(() => fixture.openStreams > 0, 'the node listens to its upstream')
    edge.mark()
    return edge
  }

  get url(): string {
    return this.node.endpointUrl('main')
  }

  /** Forgets what the upstream has been sent so far. */
  mark(): void {
    this.#mark = this.fixture.requests.length
  }

  /** What the upstream has been sent since the mark: nothing, where a request was refused. */
  get upstreamTraffic(): readonly string[] {
    return this.fixture.requests
      .slice(this.#mark)
      .map(({ httpMethod, method }) => method ?? httpMethod)
  }

  /** Calls the node has on its way to the upstream. */
  get callsInFlight(): number {
    return this.node.status().upstreams.reduce((sum, { callsInFlight }) => sum + callsInFlight, 0)
  }

  async close(): Promise<void> {
    await this.#mesh.close()
    await this.fixture.close()
  }
}
