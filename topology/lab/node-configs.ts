import type { NodeId } from '../../protocol/federation.ts'
import type { ExportRule, ImportRule } from '../route-policy.ts'
import { denials } from './build.ts'
import type { Lab, LabLink, LabNode, LabProblem } from './lab.ts'

/** Data of a configuration, as in a file. */
type Data = Readonly<Record<string, unknown>>

/** Where a node of a lab is, when it is a process. */
export interface LabPlace {
  /** Host and port it listens on, or port 0. */
  readonly listen: string
  /** Its state folder, or `memory`. */
  readonly state: string
  /** The id its key gives it; needed only where a link filters what comes from it. */
  readonly id?: NodeId | undefined
}

/** What the nodes of a lab are put into. */
export interface LabSurroundings {
  readonly place: (node: string) => LabPlace
  /** An upstream that serves the tools of a namespace, as it stands in a configuration. */
  readonly server: (node: string, namespace: string) => Data
  /** URL by which the first node of a link reaches {@link LAB_ENDPOINT} of the second. */
  readonly linkUrl: (from: string, to: string) => string
  /** Where a node finds the server of a bus. */
  readonly nats: (bus: string, node: string) => string
}

/** The endpoint each node of a lab has, which shows everything. */
export const LAB_ENDPOINT = 'main'

/** As simulated: nodes a route may pass. */
const HOP_BUDGET = 16

const NODE_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const NAMESPACE = /^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/

/** What of a lab can be simulated, and is nothing that real nodes do or can be called. */
export function unrealIn(lab: Lab): readonly LabProblem[] {
  const problems: LabProblem[] = []
  for (const [name, { exports }] of lab.organisations) {
    if (exports.some(({ as }) => as !== undefined)) {
      const message = 'real nodes do not rename namespaces where they offer them'
      problems.push({ path: ['organisations', name, 'export'], message })
    }
    if (!NODE_NAME.test(name)) problems.push(badName(['organisations', name]))
  }
  for (const [name, { namespaces }] of lab.nodes) {
    if (!NODE_NAME.test(name)) problems.push(badName(['nodes', name]))
    for (const { name: namespace, service } of namespaces) {
      const path = ['nodes', name, 'namespaces', namespace]
      if (service !== undefined) {
        problems.push({ path, message: 'real nodes have no services in common' })
      }
      if (!NAMESPACE.test(namespace)) {
        const message = 'is no name for a namespace of a real node: letters, digits, "-" and "_"'
        problems.push({ path, message })
      }
    }
  }
  return problems
}

function badName(path: LabProblem['path']): LabProblem {
  return { path, message: 'is no name for a real node: a-z, 0-9 and "-", at most 32' }
}

/**
 * The configuration of each node of a lab, by its name: what is simulated as it is done by `banyan up`. Faults, clients and
 * how slow links are is for whoever runs them.
 *
 * @throws RangeError where a link filters what comes from a node whose id is not known
 */
export function nodeConfigs(lab: Lab, around: LabSurroundings): ReadonlyMap<string, Data> {
  const links = Map.groupBy(lab.links, ({ from }) => from)
  const as = namesOf(lab)
  return new Map(
    [...lab.nodes.values()].map((node) => {
      const used = links.get(node.id) ?? []
      return [node.id, { ...configOf(node, around), ...wayOut({ lab, node, used, as }, around) }]
    }),
  )
}

/** How imported namespaces are called: as at home, where that keeps them apart. */
function namesOf({ nodes }: Lab): string {
  const names = [...nodes.values()].flatMap(({ namespaces }) => namespaces.map(({ name }) => name))
  return new Set(names).size === names.length ? '{namespace}' : '{upstream}-{namespace}'
}

function configOf(
  { id, organisation, namespaces }: LabNode,
  { place }: Pick<LabSurroundings, 'place'>,
): Data {
  const { listen, state } = place(id)
  const tags = Map.groupBy(
    namespaces.flatMap(({ name, tags: all }) => all.map((tag) => ({ tag, pattern: `${name}__*` }))),
    ({ tag }) => tag,
  )
  return {
    node: { name: id, organisation, listen, state },
    limits: { hopBudget: HOP_BUDGET },
    namespaces: Object.fromEntries(
      namespaces.map(({ name }) => [name, { from: [serverOf(name)] }]),
    ),
    tags: Object.fromEntries(
      [...tags].map(([tag, all]) => [tag, all.map(({ pattern }) => pattern)]),
    ),
    endpoints: { [LAB_ENDPOINT]: { namespaces: ['*'] } },
  }
}

/** Label of the upstream behind a namespace; upstream nodes have their name. */
function serverOf(namespace: string): string {
  return `of-${namespace}`.slice(0, 32)
}

interface WayOut {
  readonly lab: Lab
  readonly node: LabNode
  readonly used: readonly LabLink[]
  readonly as: string
}

/** What a node uses, and what it tells and believes. */
function wayOut({ lab, node, used, as }: WayOut, around: LabSurroundings): Data {
  const { gossip, exports = [], imports = [] } = lab.organisations.get(node.organisation) ?? {}
  const servers = node.namespaces.map(({ name }) => {
    return [serverOf(name), around.server(node.id, name)] as const
  })
  const peers = used.map(({ to }) => {
    return [to, { node: { url: around.linkUrl(node.id, to), as } }] as const
  })
  const filters = used.flatMap((link) =>
    denials(link).map((rule): ImportRule => ({ ...rule, peer: idOf(link.to, around) })),
  )
  return {
    upstreams: Object.fromEntries([...servers, ...peers]),
    gossip: {
      ...(gossip !== undefined && { nats: around.nats(gossip, node.id) }),
      members: 'first-use',
      disclose: 'full',
      imports: [...filters, ...imports].map(importData),
      exports: exports.map(exportData),
      links: Object.fromEntries(used.map(({ to, cost }) => [to, cost])),
    },
  }
}

function idOf(node: string, { place }: LabSurroundings): NodeId {
  const { id } = place(node)
  if (id === undefined) throw new RangeError(`the id of ${node} is not known`)
  return id
}

function importData({ preference, ...rule }: ImportRule): Data {
  return { ...defined(rule), ...(preference === undefined ? { deny: true } : { preference }) }
}

function exportData(rule: ExportRule): Data {
  return defined({ ...rule, as: undefined })
}

/** Without what is undefined: in a file it would not be there. */
function defined(given: object): Data {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
