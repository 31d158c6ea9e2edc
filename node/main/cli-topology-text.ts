import type { MemberReport, TopologyReport, WaysReport } from '../control/admin-mesh-models.ts'
import { harmless, type Paint } from './cli-nodes.ts'

const STATUS_STYLE = {
  up: 'green',
  drain: 'yellow',
  left: 'dim',
  expired: 'dim',
  twofold: 'red',
} as const
/** Of an id, as much as tells nodes of one organisation apart. */
const SHORT = 8

/** How nodes are called by people: by name, where only one has it. */
function namer({ members, upstreams, downstreams }: TopologyReport): (id: string) => string {
  const linked = [...upstreams, ...downstreams].map(({ node, name }) => [node, name] as const)
  const heard = members.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const]))
  const names = new Map([...linked, ...heard])
  const all = [...names.values()]
  return (id) => {
    const name = names.get(id)
    if (name === undefined) return id.slice(0, SHORT)
    return all.filter((other) => other === name).length === 1
      ? harmless(name)
      : `${harmless(name)}/${id.slice(0, SHORT)}`
  }
}

/** The mesh as a tree from the node that was asked, then a table of its nodes. */
export function topologyText(report: TopologyReport, paint: Paint): string {
  const { bus, self, organisation, members, organisations } = report
  const nameOf = namer(report)
  const problem = bus.problem === undefined ? '' : `  ${paint('red', harmless(bus.problem))}`
  const sync = bus.lastSync === undefined ? '' : `, last in step ${bus.lastSync}`
  const gossip = report.gossip ? '' : '  no gossip: only its own links are known'
  const head = `${paint('bold', nameOf(self))} of ${organisation}  bus ${bus.state}${sync}${gossip}${problem}\n`
  const rows = members.map((member) => [
    nameOf(member.id),
    member.id.slice(0, SHORT),
    member.status,
    `${member.inc}.${member.seq}`,
    member.lastHeard ?? (member.id === self ? 'itself' : ''),
    member.namespaces.map((one) => harmless(one.name ?? '(hidden)')).join(' '),
  ])
  const columns = ['NODE', 'ID', 'STATUS', 'VERSION', 'HEARD', 'NAMESPACES']
  const all = rows.length === 0 ? '' : `\n${table([columns, ...rows], members, paint)}`
  const abroad = organisations.map((one) => [
    harmless(one.organisation),
    nameOf(one.border),
    one.issued,
    one.namespaces.map(harmless).join(' '),
  ])
  const others =
    abroad.length === 0
      ? ''
      : `\n${table([['ORGANISATION', 'BORDER', 'SAID', 'OFFERS'], ...abroad], [], paint)}`
  return `${head}${treeOf(report, nameOf, paint)}${all}${others}`
}

function table(
  rows: readonly (readonly string[])[],
  members: readonly MemberReport[],
  paint: Paint,
): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const lines = rows.map((row, index) => {
    const cells = row.map((cell, i) => {
      const padded = cell.padEnd(widths[i] ?? 0)
      const status = members[index - 1]?.status
      return i === 2 && status !== undefined ? paint(STATUS_STYLE[status], padded) : padded
    })
    return cells.join('  ').trimEnd()
  })
  return `${lines.join('\n')}\n`
}

type NameOf = (id: string) => string

/** Which nodes are used by which, from one node on; a node that was shown already is not opened again. */
function treeOf(report: TopologyReport, nameOf: NameOf, paint: Paint): string {
  const links = linksOf(report)
  const shown = new Set<string>([report.self])
  const lines: string[] = []
  const walk = (id: string, indent: string): void => {
    const behind = links.get(id) ?? []
    behind.forEach(({ to, up }, i) => {
      const isLast = i === behind.length - 1
      const again = shown.has(to) && (links.get(to)?.length ?? 0) > 0 ? paint('dim', ' ↑') : ''
      const state = up ? '' : paint('red', ' down')
      lines.push(`${indent}${isLast ? '└─ ' : '├─ '}${nameOf(to)}${state}${again}\n`)
      if (shown.has(to)) return
      shown.add(to)
      walk(to, `${indent}${isLast ? '   ' : '│  '}`)
    })
  }
  walk(report.self, '')
  return lines.join('')
}

interface Arc {
  readonly to: string
  readonly up: boolean
}

/** Links by the node that uses them: the own ones as they stand, those of others as they say. */
function linksOf({
  self,
  upstreams,
  members,
}: TopologyReport): ReadonlyMap<string, readonly Arc[]> {
  const own = new Map(
    upstreams.map(({ node, state }) => [node, { to: node, up: state !== 'down' }]),
  )
  const others = members.filter(({ id }) => id !== self)
  return new Map([
    [self, [...own.values()]] as const,
    ...others.map(({ id, links }) => [id, links.map(({ to, up }) => ({ to, up }))] as const),
  ])
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

/** The mesh for Graphviz. */
export function topologyDot(report: TopologyReport): string {
  const nameOf = namer(report)
  const nodes = report.members.map(({ id, status }) => {
    const style = status === 'up' ? 'solid' : 'dashed'
    return `  ${quoted(id)} [label=${quoted(nameOf(id))}, style=${style}];\n`
  })
  const arcs = [...linksOf(report)].flatMap(([from, all]) =>
    all.map(({ to, up }) => {
      const style = up ? '' : ' [style=dashed, color=red]'
      return `  ${quoted(from)} -> ${quoted(to)}${style};\n`
    }),
  )
  return `digraph mesh {\n${[...nodes, ...arcs].join('')}}\n`
}

/** The ways to each namespace, the chosen one first. */
export function waysText({ routes }: WaysReport, topology: TopologyReport, paint: Paint): string {
  const nameOf = namer(topology)
  const origin = (of: string): string => (of.startsWith('org:') ? of : nameOf(of))
  const lines = routes.map(({ namespace, origin: of, stale, candidates }) => {
    const gone = stale ? paint('red', '  gone; its names are kept for a while') : ''
    const ways = candidates.map(({ path, upstreams, cost, chosen, reason }) => {
      const mark = chosen ? paint('green', '*') : ' '
      const by = upstreams.length === 0 ? 'here' : `by ${upstreams.join(', ')}`
      const why = reason === undefined ? '' : paint('dim', `  ${reason}`)
      return `  ${mark} ${path.map(nameOf).join(' → ')}  ${by}, cost ${cost}${why}\n`
    })
    return `${paint('bold', harmless(namespace))} at ${harmless(origin(of))}${gone}\n${ways.join('')}`
  })
  return lines.length === 0 ? 'no ways are known\n' : lines.join('')
}
