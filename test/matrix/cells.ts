// Declares the cells of the matrix: each feature, by each client, to each server, through each number of nodes.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { ALL_CAPABILITIES } from '../fixtures/guest.ts'
import type { Era } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import type { MatrixClient, Target } from './client.ts'
import { EVERYTHING } from './everything.ts'
import { textOf, type Feature, type Proof, type Scene } from './scene.ts'
import { impossible } from './impossible.ts'
import { connectV1, connectV2 } from './sdk-clients.ts'
import type { Running, ServerKind } from './servers.ts'
import type { Sheet } from './sheets.ts'

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

interface ClientKind {
  readonly era: Era
  readonly depth: Depth
  readonly isUnasked: boolean
}

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

  /** What our own server says was wrong with the requests it got. */
  async faults(): Promise<unknown> {
    if (this.#server?.faults !== undefined) return this.#server.faults()
    const client = await this.client({ era: '2026', depth: 1, isUnasked: false })
    return JSON.parse(
      textOf(await client.request('tools/call', { name: `${PREFIX}violations`, arguments: {} })),
    )
  }

  target(depth: Depth): Target {
    const target = this.#targets[depth]
    if (target === undefined) throw new Error(`nothing listens at depth ${depth}`)
    return target
  }

  client({ era, depth, isUnasked }: ClientKind): Promise<MatrixClient> {
    const key = `${era} ${depth} ${isUnasked}`
    const target = this.target(depth)
    const capabilities = isUnasked ? {} : ALL_CAPABILITIES
    const connect = era === '2025' ? connectV1 : connectV2
    const known = this.#clients.get(key) ?? connect(target, capabilities)
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
      // Over a link of era 2026, which is what there is by default, nodes pass no tasks of the core on.
      const hasCoreTasks = this.#kind.era === '2025' && this.#kind.has?.includes('tasks') === true
      const link = hasCoreTasks ? { era: '2025' } : {}
      const next = { node: { url: behind, as: '{namespace}' }, ...link }
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

/** The cells of one server behind a number of nodes, and without any where client and server speak one era. */
export interface Cell {
  readonly kind: ServerKind
  readonly era: Era
  readonly depth: Depth
  readonly feature: Feature
}

/** How the cell shows that it works; undefined when there is no such cell. */
export function proofOf({ kind, era, depth, feature }: Cell): Proof | undefined {
  const { only = era, isRaw = false, of } = feature
  if (only !== era) return undefined
  if (of !== undefined && kind.has?.includes(of) !== true) return undefined
  if (feature.isMissing?.(kind, era) === true) return undefined
  if (depth === 0 && (era !== kind.era || (isRaw && kind.isResumable !== true))) return undefined
  return kind.make === 'everything' ? EVERYTHING[feature.id] : feature.proof
}

/** How a server is called in names of tests and in the document. */
export function nameOf({ make, era, transport }: ServerKind): string {
  return `${make}, ${era}, ${transport}`
}

/** How long a cell waits for anything, ms: long for a loopback, short enough that a red matrix ends. */
const PATIENCE_MS = 3_000
/** The same where it is known to be in vain. */
const VAIN_PATIENCE_MS = 200
const POLL_MS = 3

function soonWithin(patience: number): Scene['soon'] {
  return async (condition, what) => {
    const deadline = performance.now() + patience
    while (performance.now() < deadline) {
      if (await condition()) return
      await pause(POLL_MS)
    }
    throw new Error(`waited in vain for: ${what}`)
  }
}

/** Makes sure that a client which can be asked has used the server before one that cannot. */
async function firstAskable(stand: Stand, { era, depth }: Cell): Promise<void> {
  const client = await stand.client({ era, depth, isUnasked: false })
  const params = { name: depth === 0 ? 'echo' : `${PREFIX}echo`, arguments: { message: 'first' } }
  await client.request('tools/call', params)
}

/** Runs the proof; where it cannot work, expects it to fail as stated, so that no note outlives its reason. */
async function prove(stand: Stand, cell: Cell, proof: Proof): Promise<void> {
  const { kind, era, depth, feature } = cell
  const { isUnasked = false } = feature
  const client = await stand.client({ era, depth, isUnasked })
  const known = depth === 0 ? undefined : impossible(kind, era, feature.id)
  const scene: Scene = {
    client,
    prefix: depth === 0 ? '' : PREFIX,
    target: stand.target(depth),
    soon: soonWithin(known === undefined ? PATIENCE_MS : VAIN_PATIENCE_MS),
  }
  if (isUnasked) await firstAskable(stand, cell)
  if (known === undefined) return proof(scene)
  await expect(proof(scene), `a stale note: ${known.reason}`).rejects.toThrow(known.fails)
}

function proven(cell: Cell): { cell: Cell; proof: Proof }[] {
  const proof = proofOf(cell)
  return proof === undefined ? [] : [{ cell, proof }]
}

/** Declares the tests of all cells of one server in that table. */
export function matrixOf(kind: ServerKind, { rows, features }: Sheet): void {
  describe(`${rows} ${nameOf(kind)}`, () => {
    const stand = new Stand(kind)
    beforeAll(() => stand.open(), 20_000)
    afterAll(() => stand.close(), 20_000)
    for (const depth of DEPTHS) {
      const eras = CLIENT_ERAS.filter((era) => depth > 0 || era === kind.era)
      describe.each(eras)(`client %s, ${depth} nodes`, (era) => {
        const cells = features.map((feature): Cell => ({ kind, era, depth, feature }))
        for (const { cell, proof } of cells.flatMap(proven)) {
          const { id: title } = cell.feature
          // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- a string, and the proof asserts
          test(title, () => prove(stand, cell, proof), CELL_MS)
        }
      })
    }
    // The last of all: what it looks at is what the cells before it sent.
    const isOurs = kind.make.startsWith('raw')
    test.each(isOurs ? ['the server is treated by the book'] : [])('%s', async () => {
      expect(await stand.faults()).toEqual([])
    })
  })
}
