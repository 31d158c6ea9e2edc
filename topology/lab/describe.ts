import { SHAPES, type Shape, type ShapeParameters } from '../sim/shapes.ts'
import type { Lab, LabLink, LabNamespace, LabNode } from './lab.ts'

type Data = Readonly<Record<string, unknown>>

/**
 * A lab as the data of a file from which it is read the same, with nothing left to be generated.
 *
 * @param written what the file of the lab holds: what is not about nodes and links is taken from there
 */
export function describeLab(lab: Lab, written: Data): Data {
  const { organisations, clients, faults, expect } = written
  return {
    name: lab.name,
    seed: lab.seed,
    duration: `${lab.duration}ms`,
    ...(organisations !== undefined && { organisations }),
    nodes: Object.fromEntries([...lab.nodes].map(([id, node]) => [id, nodeData(node)])),
    links: lab.links.map(linkData),
    ...(clients !== undefined && { clients }),
    ...(faults !== undefined && { faults }),
    ...(expect !== undefined && { expect }),
  }
}

function nodeData({ organisation, isBorder, namespaces }: LabNode): Data {
  return {
    organisation,
    ...(isBorder && { role: 'border' }),
    namespaces: namespaces.map(namespaceData),
  }
}

function namespaceData({ name, count, tags, service, serves }: LabNamespace): Data {
  return {
    name,
    tools: count,
    ...(tags.length > 0 && { tags }),
    ...(service !== undefined && { service }),
    ...(serves !== 'echo' && { serves }),
  }
}

function linkData({ from, to, latency, jitter, filter, ...rest }: LabLink): Data {
  const isFiltered = Object.values(filter).some((one) => one !== undefined)
  return {
    from,
    to,
    latency: `${latency}ms`,
    jitter: `${jitter}ms`,
    ...(rest.dist !== 'exponential' && { dist: rest.dist }),
    ...(rest.loss > 0 && { loss: rest.loss }),
    ...(rest.cost !== 1 && { cost: rest.cost }),
    ...(isFiltered && { filter: { deny: filter } }),
  }
}

/** The parameters of each shape, in the order a text gives them. */
const ORDER: Readonly<Record<Shape, readonly (keyof ShapeParameters)[]>> = {
  line: ['n'],
  ring: ['n'],
  star: ['n'],
  tree: ['k', 'depth'],
  clique: ['n'],
  grid: ['a', 'b'],
  torus: ['a', 'b'],
  'small-world': ['n', 'k', 'p'],
  'scale-free': ['n', 'm'],
  random: ['n', 'p'],
  clos: ['a', 'b', 'c'],
  'hub-spoke': ['a', 'b'],
}

/** How each shape is written, for help. */
export function shapeForms(): string {
  return SHAPES.map((shape) => `${shape}:${ORDER[shape].join(',')}`).join(' ')
}

/**
 * Reads the short form of a shape, such as `tree:3,2`, as one entry of `generate`.
 *
 * @throws RangeError when there is no such shape, or its parameters are not those it has
 */
export function readShape(text: string): Data {
  const [name = '', list = ''] = text.split(':', 2)
  const shape = SHAPES.find((one) => one === name)
  if (shape === undefined) throw new RangeError(`"${name}" is no shape: ${SHAPES.join(', ')}`)
  const values = list === '' ? [] : list.split(',').map(Number)
  const names = ORDER[shape]
  if (values.length !== names.length || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError(`${shape} is written ${shape}:${names.join(',')}, in numbers`)
  }
  return { shape, ...Object.fromEntries(names.map((key, at) => [key, values[at]])) }
}

/** A lab as a graph in the language of Graphviz: an arrow leads to the node that is used. */
export function dotOf(lab: Lab): string {
  const lines: string[] = []
  const groups = Map.groupBy(lab.nodes.values(), ({ organisation }) => organisation)
  for (const [organisation, nodes] of groups) {
    lines.push(`  subgraph "cluster_${organisation}" {`, `    label="${organisation}"`)
    for (const { id, isBorder } of nodes) {
      lines.push(isBorder ? `    "${id}" [peripheries=2]` : `    "${id}"`)
    }
    lines.push('  }')
  }
  for (const { from, to, filter } of lab.links) {
    const isFiltered = Object.values(filter).some((one) => one !== undefined)
    lines.push(`  "${from}" -> "${to}"${isFiltered ? ' [style=dashed]' : ''}`)
  }
  return `digraph "${lab.name}" {\n${lines.join('\n')}\n}\n`
}
