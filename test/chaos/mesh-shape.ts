// The mesh that is broken: three organisations in a row, each a diamond whose sides use each other.

/** A node, and what it is. */
export interface PlannedNode {
  readonly name: string
  readonly organisation: string
  /** Namespaces of its own; each has a server of that name. */
  readonly namespaces: readonly string[]
}

/** A link: the first uses the second. */
export type PlannedLink = readonly [from: string, to: string]

export const ORGANISATIONS = ['acme', 'globex', 'initech'] as const

/** The nodes that callers use. */
export const TOPS: readonly string[] = ORGANISATIONS.map((name) => `${name}-top`)

/** Two links over each border: left to left, right to right. */
const BORDERS = [
  ['acme', 'globex'],
  ['globex', 'initech'],
] as const

export const NODES: readonly PlannedNode[] = ORGANISATIONS.flatMap((organisation) =>
  ['top', 'left', 'right', 'home'].map((place) => {
    const name = `${organisation}-${place}`
    const serves = place === 'home' || place === 'right'
    return { name, organisation, namespaces: serves ? [name] : [] }
  }),
)

export const LINKS: readonly PlannedLink[] = [
  ...ORGANISATIONS.flatMap((name): PlannedLink[] => [
    [`${name}-top`, `${name}-left`],
    [`${name}-top`, `${name}-right`],
    [`${name}-left`, `${name}-home`],
    [`${name}-right`, `${name}-home`],
    [`${name}-left`, `${name}-right`],
    [`${name}-right`, `${name}-left`],
  ]),
  ...BORDERS.flatMap(([from, to]): PlannedLink[] => [
    [`${from}-left`, `${to}-left`],
    [`${from}-right`, `${to}-right`],
  ]),
]

/** Some links get no WebSocket through: those of the right side to what is behind it, one border among them. */
export function isPlainHttp([from, to]: PlannedLink): boolean {
  return from.endsWith('-right') && !to.endsWith('-left')
}

export function organisationOf(node: string): string {
  return node.slice(0, node.indexOf('-'))
}

/** Nodes that can be come to from one, itself included, over those parts of the mesh that count. */
export function reached(
  from: string,
  counts: { node: (name: string) => boolean; link: (link: PlannedLink) => boolean },
): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  if (!counts.node(from)) return found
  found.set(from, 0)
  for (const [name, distance] of found) {
    for (const link of LINKS) {
      const [near, far] = link
      if (near !== name || found.has(far) || !counts.node(far) || !counts.link(link)) continue
      found.set(far, distance + 1)
    }
  }
  return found
}

/** All namespaces a node leads to when nothing is broken. */
export function namespacesBehind(node: string): readonly string[] {
  const all = reached(node, { node: () => true, link: () => true })
  return NODES.filter(({ name }) => all.has(name)).flatMap(({ namespaces }) => namespaces)
}
