import { SeededRandom } from '../sim/random.ts'
import { shapeOf } from '../sim/shapes.ts'
import type { ExportRule, ImportRule } from '../route-policy.ts'
import type {
  ExportDraft,
  GenerationDraft,
  ImportDraft,
  LabDraft,
  LinkDraft,
  NamespaceDraft,
  NodeDraft,
  NodeFields,
  OrganisationDraft,
} from './lab-draft.ts'
import type { Lab, LabLink, LabNamespace, LabNode, LabOrganisation, LabProblem } from './lab.ts'
import { durationOf } from './duration.ts'

/** Where there is no other. */
const ONLY_ORGANISATION = 'lab'
const TOOLS = 5

const OWN = { gossip: undefined, export: undefined, import: undefined }

type LabDefaults = Defined<NodeFields>

/** What a draft comes to, and what is wrong with it. */
export interface Expansion {
  readonly lab: Lab
  readonly problems: readonly LabProblem[]
}

/** A node of the mesh, as if it had been written. */
interface Written {
  readonly id: string
  readonly node: NodeDraft
  readonly path: LabProblem['path']
}

/**
 * Generates what is to be generated and fills in every default. What a name leads to is not looked at here.
 *
 * @param seed instead of the one in the file
 */
export function expandLab(draft: LabDraft, seed: number = draft.seed ?? 1): Expansion {
  const problems: LabProblem[] = []
  const organisations = organisationsOf(draft)
  const [first = ONLY_ORGANISATION] = organisations.keys()
  const generated = generate(draft.generate ?? [], new SeededRandom(seed), problems)
  const written = [
    ...Object.entries(draft.nodes ?? {}).map(([id, node]) => ({ id, node, path: ['nodes', id] })),
    ...generated.nodes,
  ]
  const nodes = new Map<string, LabNode>()
  for (const one of written) {
    if (nodes.has(one.id)) {
      problems.push({ path: one.path, message: `there is a node "${one.id}" already` })
    }
    nodes.set(one.id, nodeOf(one, first, draft.defaults?.node))
  }
  const links = [...upstreamLinks(written), ...generated.links, ...(draft.links ?? [])]
  const lab: Lab = {
    name: draft.name,
    seed,
    duration: draft.duration ?? durationOf(draft),
    organisations,
    nodes,
    links: links.map((link) => linkOf({ ...draft.defaults?.link, ...defined(link) })),
    clients: new Map(Object.entries(draft.clients ?? {})),
    faults: draft.faults ?? [],
    expect: draft.expect ?? [],
  }
  return { lab, problems }
}

function upstreamLinks(written: readonly Written[]): LinkDraft[] {
  return written.flatMap(({ id, node }) =>
    (node.upstreams ?? []).map((to): LinkDraft => ({ from: id, to })),
  )
}

function organisationsOf({ organisations = {} }: LabDraft): Map<string, LabOrganisation> {
  const entries = Object.entries(organisations)
  const all: [string, OrganisationDraft][] =
    entries.length === 0 ? [[ONLY_ORGANISATION, OWN]] : entries
  return new Map(
    all.map(([name, draft]) => {
      const { gossip = `nats-${name}` } = draft
      const exports = (draft.export ?? []).map(exportRule)
      const imports = (draft.import ?? []).map(importRule)
      return [name, { gossip: gossip === 'off' ? undefined : gossip, exports, imports }]
    }),
  )
}

function exportRule({ deny = false, ...rule }: ExportDraft): ExportRule {
  return { ...defined(rule), allow: !deny }
}

function importRule({ deny = false, preference = 0, ...rule }: ImportDraft): ImportRule {
  return { ...defined(rule), preference: deny ? undefined : preference }
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without what is undefined. */
function defined<T extends object>(given: T): Defined<T> {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}

function generate(
  drafts: readonly GenerationDraft[],
  random: SeededRandom,
  problems: LabProblem[],
): { nodes: Written[]; links: LinkDraft[] } {
  const nodes: Written[] = []
  const links: LinkDraft[] = []
  for (const [at, draft] of drafts.entries()) {
    const { prefix = 'n', organisation, shape, ...rest } = draft
    const { namespaces, tools, tags, serves, ...parameters } = rest
    const path = ['generate', at]
    const own = random.fork()
    try {
      const plan = shapeOf(shape, defined(parameters), own)
      for (let index = 0; index < plan.nodes; index += 1) {
        const node = { organisation, namespaces, tools, tags, serves }
        nodes.push({ id: `${prefix}${index}`, node, path })
      }
      for (const [from, to] of plan.links) {
        links.push({ from: `${prefix}${from}`, to: `${prefix}${to}` })
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      problems.push({ path, message: error.message })
    }
  }
  return { nodes, links }
}

function nodeOf({ id, node }: Written, organisation: string, defaults: NodeFields = {}): LabNode {
  const fields = { ...defaults, ...defined(node) }
  const { namespaces = 1, tools = TOOLS, tags = [], serves = 'echo' } = fields
  return {
    id,
    organisation: node.organisation ?? organisation,
    isBorder: node.role === 'border',
    namespaces: namesOf(namespaces).map((one) => namespaceOf(one, { tools, tags, serves })),
  }
}

function namesOf(namespaces: number | readonly NamespaceDraft[]): readonly NamespaceDraft[] {
  if (typeof namespaces !== 'number') return namespaces
  if (namespaces === 1) return ['ns']
  return Array.from({ length: namespaces }, (_, at) => `ns${at + 1}`)
}

function namespaceOf(
  draft: NamespaceDraft,
  { tools, tags, serves }: Required<Pick<LabDefaults, 'tools' | 'tags' | 'serves'>>,
): LabNamespace {
  const of = typeof draft === 'string' ? { name: draft } : draft
  const { service } = of
  return {
    name: of.name,
    revision: 'r0',
    count: of.tools ?? tools,
    tags: of.tags ?? tags,
    serves: of.serves ?? serves,
    ...(service !== undefined && { service }),
  }
}

function linkOf({ from, to, filter, ...given }: LinkDraft): LabLink {
  const { latency = 10, jitter = 2, dist = 'exponential', loss = 0, cost = 1 } = given
  return { from, to, latency, jitter, dist, loss, cost, filter: filter?.deny ?? {} }
}
