import type { BorderDesk } from '../../../topology/border-desk.ts'
import type { RecordDb } from '../../../topology/record-db.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { Candidate, FibEntry } from '../../../topology/rib.ts'
import { isDraining } from '../../../topology/route.ts'
import type { Mesh } from './mesh.ts'
import type {
  MemberReport,
  OrganisationReport,
  TopologyReport,
  WayReport,
  WaysReport,
} from '../admin-mesh-models.ts'

/** Who is there, for operators. */
export function topologyOf(mesh: Mesh): TopologyReport {
  const run = mesh.current
  const { self, organisation, ends, news } = mesh
  const bus = mesh.busState
  const state = {
    state: bus ?? ('none' as const),
    ...(run?.lastSync !== undefined && { lastSync: new Date(run.lastSync).toISOString() }),
    ...(bus !== undefined && bus !== 'live' && { problem: news.busProblem }),
  }
  const common = { self, organisation, bus: state, events: Object.fromEntries(news.counts) }
  const upstreams = [...ends.ups.values()].map(({ label, peer, wire }) => {
    const health = run?.speaker.links.up.get(peer.node)?.health
    const { node, name, organisation: of } = peer
    const standing = { state: health?.state ?? ('down' as const), epoch: health?.epoch ?? 0 }
    return { label, node, name, organisation: of, ...standing, tells: wire !== undefined }
  })
  const downstreams = [...ends.downs].flatMap((id) => {
    const end = ends.down(id)
    if (end === undefined) return []
    const { name, organisation: of } = end.wire.peer
    return [{ node: id, name, organisation: of, endpoint: end.endpoint }]
  })
  const links = { upstreams, downstreams, organisations: organisationsOf(run?.speaker.borders) }
  if (run === undefined) return { ...common, ...links, gossip: false, members: [] }
  const { db } = run.speaker
  return { ...common, ...links, gossip: true, root: db.tree.root(), members: membersOf(mesh, db) }
}

/** Other organisations as they sum themselves up, by name. */
function organisationsOf(borders: BorderDesk | undefined): readonly OrganisationReport[] {
  if (borders === undefined) return []
  const { book } = borders
  return [...book.organisations()].toSorted().flatMap((organisation) =>
    book.of(organisation).map(({ border, issuedAt, groups }) => ({
      organisation,
      border,
      issued: new Date(issuedAt * 1_000).toISOString(),
      namespaces: groups.map(({ namespace }) => namespace),
    })),
  )
}

function membersOf({ news }: Mesh, db: RecordDb): readonly MemberReport[] {
  return [...db.nodes()].map((id) => {
    const heardAt = news.heardAt(id)
    const record = db.get(id) ?? db.texts(id)[0]?.record
    const heard = heardAt === undefined ? {} : { lastHeard: new Date(heardAt).toISOString() }
    if (record === undefined) {
      const version = db.version(id) ?? { inc: 0, seq: 0 }
      const nothing = { organisation: '', urls: [], links: [], namespaces: [] }
      return { id, ...version, ...nothing, status: 'expired' as const, ...heard }
    }
    return {
      ...memberOf(record),
      ...(db.isTwofold(id) && { status: 'twofold' as const }),
      ...heard,
    }
  })
}

function memberOf(record: NodeRecord): MemberReport {
  const { id, name, organisation, inc, seq, status, urls, links, namespaces } = record
  return {
    id,
    ...(name !== undefined && { name }),
    organisation,
    inc,
    seq,
    status,
    urls: [...urls],
    links: links.map((one) => ({ ...one })),
    namespaces: namespaces.map(({ name: called, blinded, tags, ...rest }) => ({
      ...rest,
      ...(called !== undefined && { name: called }),
      ...(blinded !== undefined && { blinded }),
      tags: [...tags],
    })),
  }
}

/** Where calls can go, for operators. */
export function waysOf(mesh: Mesh): WaysReport {
  const speaker = mesh.current?.speaker
  if (speaker === undefined) return { routes: [] }
  const routes = [...speaker.fib.values()].map((entry) => {
    const { origin, namespace: of } = entry.key
    const stale = entry.candidates.length === 0
    return { origin, namespace: of, stale, candidates: candidatesOf(mesh, entry, speaker.db) }
  })
  return { routes }
}

function candidatesOf(
  { ends }: Mesh,
  { candidates }: FibEntry,
  db: RecordDb,
): readonly WayReport[] {
  const [best] = candidates
  return candidates.map((one) => {
    const { next, route } = one
    const chosen = one === best
    return {
      ...(next !== undefined && { next }),
      upstreams: next === undefined ? [] : ends.upsTo(next).map(({ label }) => label),
      path: route.path.map(({ id }) => id),
      steps: route.path.map(({ inc, epoch }) => ({ inc, epoch })),
      revision: route.revision,
      organisations: [...route.organisations],
      cost: route.cost,
      tags: [...route.tags],
      chosen,
      ...(best !== undefined && !chosen && { reason: reasonFor(best, one, db) }),
    }
  })
}

/** Why one way is behind the chosen one, in the order ways are chosen by. */
export function reasonFor(best: Candidate, other: Candidate, db: RecordDb): string {
  const [a, b] = [best.route, other.route]
  const measures: readonly (readonly [number, string])[] = [
    [
      Number(isDraining(b.path, db)) - Number(isDraining(a.path, db)),
      'a node on it asks to be spared',
    ],
    [
      b.organisations.length - a.organisations.length,
      `it passes ${b.organisations.length} organisations, the chosen one ${a.organisations.length}`,
    ],
    [
      b.path.length - a.path.length,
      `it passes ${b.path.length} nodes, the chosen one ${a.path.length}`,
    ],
    [b.cost - a.cost, `it costs ${b.cost}, the chosen one ${a.cost}`],
  ]
  const differing = measures.find(([difference]) => difference !== 0)
  if (differing === undefined) return 'as good as the chosen one: equals are spread'
  return differing[0] > 0 ? differing[1] : 'import rules prefer the chosen one'
}
