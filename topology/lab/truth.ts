import { lot, type Route } from '../route.ts'
import { ownRoute } from '../rib.ts'
import {
  compileExport,
  compileImport,
  type ExportPolicy,
  type ImportPolicy,
} from '../route-policy.ts'
import { denials } from './build.ts'
import type { Lab } from './lab.ts'
import type { SeenMesh, SeenNode } from './seen.ts'

/** The best way to each namespace, by its key. */
type Table = Map<string, Ranked>

interface Ranked {
  readonly route: Route
  readonly rank: readonly number[]
}

interface Policies {
  readonly imports: ImportPolicy
  readonly exports: ExportPolicy
}

/** Longer than any way may be. */
const ROUNDS = 40
const MAX_DEPTH = 16

/**
 * What routes there would be if every node knew at once what is so: the true links and the true namespaces, under the
 * policies of the file. Made by taking turns until nothing changes, without records, epochs or time.
 */
export class Truth {
  readonly #mesh: SeenMesh
  readonly #policies = new Map<string, Policies>()

  constructor(mesh: SeenMesh, lab: Lab) {
    this.#mesh = mesh
    for (const { id, organisation } of lab.nodes.values()) {
      const { imports = [], exports = [] } = lab.organisations.get(organisation) ?? {}
      const denied = lab.links.filter(({ from }) => from === id).flatMap(denials)
      this.#policies.set(id, {
        imports: compileImport([...denied, ...imports], organisation),
        exports: compileExport(exports, organisation),
      })
    }
  }

  /** What is not as it should be, at most `limit` of it. */
  errors(limit: number): string[] {
    const tables = this.#settle()
    const found: string[] = []
    for (const { id, speaker } of this.#mesh.nodes.values()) {
      if (speaker === undefined) continue
      const table = tables.get(id) ?? new Map<string, Ranked>()
      for (const [key, { candidates }] of speaker.fib) {
        const held = candidates[0]?.route
        if (held !== undefined && !table.has(key))
          found.push(`${id} has a way to ${key}, which has none`)
        if (found.length >= limit) return found
      }
      for (const [key, { route }] of table) {
        const held = speaker.fib.get(key)?.candidates[0]?.route
        const wrong = difference(held, route)
        if (wrong !== undefined) found.push(`${id} ${wrong} to ${key}`)
        if (found.length >= limit) return found
      }
    }
    return found
  }

  #settle(): Map<string, Table> {
    const links = this.#usable()
    const drained = new Set(
      [...this.#mesh.nodes.values()]
        .filter(({ id, speaker }) => speaker?.db.get(id)?.status === 'drain')
        .map(({ id }) => id),
    )
    let tables = new Map<string, Table>()
    let texts = new Map<string, string>()
    for (let round = 0; round < ROUNDS; round += 1) {
      const next = new Map<string, Table>()
      for (const node of this.#mesh.nodes.values()) {
        if (node.speaker !== undefined) {
          next.set(node.id, this.#turn(node, links.get(node.id) ?? [], { tables, drained }))
        }
      }
      const after = new Map([...next].map(([id, table]) => [id, textOf(table)]))
      tables = next
      if ([...after].every(([id, text]) => texts.get(id) === text)) break
      texts = after
    }
    return tables
  }

  /** The upstream nodes each node can use, with the price of the link. */
  #usable(): Map<string, { to: SeenNode; cost: number }[]> {
    const found = new Map<string, { to: SeenNode; cost: number }[]>()
    for (const { isCut, plan } of this.#mesh.links.values()) {
      const to = this.#mesh.nodes.get(plan.to)
      if (isCut || to?.speaker === undefined) continue
      const list = found.get(plan.from) ?? []
      list.push({ to, cost: plan.cost })
      found.set(plan.from, list)
    }
    return found
  }

  #turn(
    node: SeenNode,
    upstreams: readonly { readonly to: SeenNode; readonly cost: number }[],
    world: { readonly tables: ReadonlyMap<string, Table>; readonly drained: ReadonlySet<string> },
  ): Table {
    const { id, organisation } = node
    const self = { id, organisation, inc: 0 }
    const table: Table = new Map<string, Ranked>()
    for (const { name, service, revision, tags } of node.namespaces) {
      const key = { origin: service === undefined ? id : `svc:${service}`, namespace: name }
      const route = ownRoute(self, key, { revision, tags })
      table.set(`${key.origin} ${name}`, { route, rank: [-Infinity] })
    }
    for (const { to, cost } of upstreams) {
      for (const [key, offer] of this.#offers(node, to, world.tables.get(to.id))) {
        const ranked = this.#ranked(node, offer, { to, cost, key, drained: world.drained })
        const before = table.get(key)
        if (ranked !== undefined && (before === undefined || isBefore(ranked.rank, before.rank))) {
          table.set(key, ranked)
        }
      }
    }
    return table
  }

  /** What one node offers another: of namespaces that are one over there, the first. */
  #offers(node: SeenNode, to: SeenNode, table: Table | undefined): Map<string, Route> {
    const offers = new Map<string, { readonly inner: string; readonly route: Route }>()
    const exports = this.#policies.get(to.id)?.exports
    const peer = { id: node.id, organisation: node.organisation }
    for (const [inner, { route }] of table ?? []) {
      if (route.path.some(({ id }) => id === node.id)) continue
      const offered = exports?.(route, peer)
      if (offered === undefined) continue
      const key = `${offered.key.origin} ${offered.key.namespace}`
      const before = offers.get(key)
      if (before === undefined || inner < before.inner) offers.set(key, { inner, route: offered })
    }
    return new Map([...offers].map(([key, { route }]) => [key, route]))
  }

  #ranked(
    { id, organisation }: SeenNode,
    offer: Route,
    by: {
      readonly to: SeenNode
      readonly cost: number
      readonly key: string
      readonly drained: ReadonlySet<string>
    },
  ): Ranked | undefined {
    const peer = { id: by.to.id, organisation: by.to.organisation }
    const foreign = peer.organisation !== organisation
    if (offer.path.length >= MAX_DEPTH) return undefined
    if (foreign && offer.organisations.includes(organisation)) return undefined
    const preference = this.#policies.get(id)?.imports(offer, peer)
    if (preference === undefined) return undefined
    const route: Route = {
      ...offer,
      path: [{ id, inc: 0, epoch: 0 }, ...offer.path],
      organisations: foreign ? [organisation, ...offer.organisations] : offer.organisations,
      cost: offer.cost + by.cost,
    }
    const drains = offer.path.some(
      (step) =>
        by.drained.has(step.id) && this.#mesh.nodes.get(step.id)?.organisation === organisation,
    )
    const { organisations, path, cost } = route
    const lengths = [organisations.length, path.length, Math.floor(cost)]
    return { route, rank: [-preference, drains ? 1 : 0, ...lengths, lot(by.key, id, peer.id)] }
  }
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index])
  return at !== -1 && (a[at] ?? 0) < (b[at] ?? 0)
}

function textOf(table: Table): string {
  return [...table]
    .map(([key, { route }]) => `${key}:${route.path.map(({ id }) => id).join()}`)
    .join()
}

/** In what a way that is held differs from the one there is; undefined when it is as good. */
function difference(held: Route | undefined, wanted: Route): string | undefined {
  if (held === undefined) return 'has no way'
  const [steps, least] = [held.path.length, wanted.path.length]
  if (steps !== least) return `goes over ${steps} nodes, not ${least},`
  if (held.organisations.length !== wanted.organisations.length)
    return 'passes other organisations on its way'
  const isUnion = wanted.key.origin.startsWith('org:')
  return isUnion || held.revision === wanted.revision ? undefined : 'has an old revision on its way'
}
