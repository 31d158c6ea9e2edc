// Declares the cells of the matrix: each feature, by each client, to each server, through each number of nodes.
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import type { Era } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import type { MatrixClient, Target } from './client.ts'
import type { Feature } from './features.ts'
import { connectV1, connectV2 } from './sdk-clients.ts'
import type { Running, ServerKind } from './servers.ts'

/** Nodes between client and server; none shows that the proofs hold without any. */
export const DEPTHS = [0, 1, 2, 3] as const

/** How many nodes are between. */
export type Depth = (typeof DEPTHS)[number]

/** The clients, in the order of the document. */
export const CLIENT_ERAS: readonly Era[] = ['2025', '2026']

/** The server's namespace at every node, and what it makes of names. */
const NAMESPACE = 'fx'
const PREFIX = `${NAMESPACE}__`
const NODE_PAGE_SIZE = 9
const CELL_MS = 8_000

/** A chain of nodes before one server, used by all cells of that server one after the other. */
class Stand {
  readonly #kind: ServerKind
  readonly #mesh = new Mesh()
  readonly #clients = new Map<string, Promise<MatrixClient>>()
  readonly #targets: Target[] = []
  #server: Running | undefined

  constructor(kind: ServerKind) {
    this.#kind = kind
  }

  async open(): Promise<void> {
    this.#server = await this.#kind.start()
    this.#targets[0] = this.#server.target
    for (const depth of DEPTHS.slice(1)) {
      const behind = this.#targets[depth - 1]
      if (behind === undefined) throw new Error(`nothing is behind node ${depth}`)
      const node = await this.#node(depth, behind)
      this.#targets[depth] = node.endpointUrl('main')
    }
  }

  client(era: Era, depth: Depth): Promise<MatrixClient> {
    const key = `${era} ${depth}`
    const target = this.#targets[depth]
    if (target === undefined) throw new Error(`nothing listens at depth ${depth}`)
    const known = this.#clients.get(key) ?? (era === '2025' ? connectV1(target) : connectV2(target))
    this.#clients.set(key, known)
    return known
  }

  async close(): Promise<void> {
    for (const opening of this.#clients.values()) {
      await opening.then((client) => client.close()).catch(() => undefined)
    }
    await this.#mesh.close()
    await this.#server?.close()
  }

  #node(depth: number, behind: Target): Promise<BanyanNode> {
    const endpoints = { main: { namespaces: ['*'], pageSize: NODE_PAGE_SIZE } }
    const name = `n${depth}`
    if (depth > 1) {
      const next = { node: { url: behind, as: '{namespace}' } }
      return this.#mesh.ready(name, { upstreams: { next }, endpoints })
    }
    const pinned = this.#kind.isPinned === true ? { era: this.#kind.era } : {}
    const server =
      typeof behind === 'string'
        ? { http: { url: behind }, ...pinned }
        : { stdio: behind, ...pinned }
    return this.#mesh.ready(name, {
      upstreams: { server },
      namespaces: { [NAMESPACE]: { from: ['server'] } },
      endpoints,
    })
  }
}

/** Whether there is such a cell: without a node between, client and server speak one era. */
export function isCell(kind: ServerKind, era: Era, depth: Depth): boolean {
  return depth > 0 || era === kind.era
}

/** How a server is called in names of tests and in the document. */
export function nameOf({ make, era, transport }: ServerKind): string {
  return `${make}, ${era}, ${transport}`
}

/** Declares the tests of all cells of one server. */
export function matrixOf(kind: ServerKind, features: readonly Feature[]): void {
  describe(`row 8: ${nameOf(kind)}`, () => {
    const stand = new Stand(kind)
    beforeAll(() => stand.open(), 20_000)
    afterAll(() => stand.close(), 20_000)
    for (const depth of DEPTHS) {
      for (const era of CLIENT_ERAS.filter((client) => isCell(kind, client, depth))) {
        describe(`client ${era}, ${depth} nodes`, () => {
          for (const feature of features.filter(({ only = era }) => only === era)) {
            test(
              feature.id,
              async () => {
                const client = await stand.client(era, depth)
                await feature.proof({ client, prefix: depth === 0 ? '' : PREFIX })
              },
              CELL_MS,
            )
          }
        })
      }
    }
  })
}
