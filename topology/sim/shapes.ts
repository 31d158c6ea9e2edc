import type { SeededRandom } from './random.ts'

/** Shapes a mesh can be generated in, by their names in lab files and on the command line. */
export const SHAPES = [
  'line',
  'ring',
  'star',
  'tree',
  'clique',
  'grid',
  'torus',
  'small-world',
  'scale-free',
  'random',
  'clos',
  'hub-spoke',
] as const

export type Shape = (typeof SHAPES)[number]

/** A mesh as numbers: nodes are 0 to `nodes` - 1. */
export interface Plan {
  readonly nodes: number
  /** The first uses the second. Shapes without a direction have each pair both ways. */
  readonly links: readonly (readonly [from: number, to: number])[]
}

/** Parameters of a shape; those it does not know are not looked at. */
export interface ShapeParameters {
  /** Nodes. */
  readonly n?: number
  /** Children of a node of a tree, or neighbours of one of a small world. */
  readonly k?: number
  readonly depth?: number
  /** Rows and columns of a grid; layers of a Clos network. */
  readonly a?: number
  readonly b?: number
  readonly c?: number
  /** Links a node of a scale-free mesh comes with. */
  readonly m?: number
  /** Probability: of a link, or that one is moved. */
  readonly p?: number
}

type Pair = readonly [number, number]

/**
 * Makes a mesh of a shape.
 *
 * @throws RangeError when a parameter is missing or out of bounds
 */
export function shapeOf(shape: Shape, parameters: ShapeParameters, random: SeededRandom): Plan {
  const need = (name: keyof ShapeParameters, min: number, max: number): number => {
    const value = parameters[name]
    if (value === undefined || !(value >= min) || !(value <= max)) {
      throw new RangeError(`${shape} needs ${name} from ${min} to ${max}`)
    }
    return value
  }
  const count = (name: keyof ShapeParameters, min: number): number =>
    Math.floor(need(name, min, MAX_NODES))
  return GENERATORS[shape]({ count, share: (name) => need(name, 0, 1), random })
}

/** Most nodes of a generated mesh. */
const MAX_NODES = 100_000

interface Generation {
  readonly count: (name: keyof ShapeParameters, min: number) => number
  readonly share: (name: keyof ShapeParameters) => number
  readonly random: SeededRandom
}

const GENERATORS: Readonly<Record<Shape, (of: Generation) => Plan>> = {
  line: ({ count }) => both(count('n', 1), chain(count('n', 1))),
  ring: ({ count }) => {
    const n = count('n', 3)
    return both(n, [...chain(n), [n - 1, 0]])
  },
  star: ({ count }) => {
    const n = count('n', 2)
    return both(
      n,
      range(1, n).map((at): Pair => [0, at]),
    )
  },
  // Whoever is above uses whoever is below: the root is where clients come.
  tree: ({ count }) => tree(count('k', 1), count('depth', 1)),
  clique: ({ count }) => {
    const n = count('n', 2)
    return both(n, pairs(n))
  },
  grid: ({ count }) => lattice(count('a', 1), count('b', 1), false),
  torus: ({ count }) => lattice(count('a', 3), count('b', 3), true),
  'small-world': ({ count, share, random }) =>
    smallWorld(count('n', 4), count('k', 2), { p: share('p'), random }),
  'scale-free': ({ count, random }) => scaleFree(count('n', 3), count('m', 1), random),
  random: ({ count, share, random }) => {
    const n = count('n', 2)
    const p = share('p')
    return both(
      n,
      pairs(n).filter(() => random.next() < p),
    )
  },
  clos: ({ count }) => clos(count('a', 1), count('b', 1), count('c', 1)),
  // Hubs know each other, spokes use two hubs each.
  'hub-spoke': ({ count }) => hubSpoke(count('a', 1), count('b', 1)),
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
}

function both(nodes: number, edges: readonly Pair[]): Plan {
  const links = edges.flatMap(([a, b]): Pair[] => [
    [a, b],
    [b, a],
  ])
  return { nodes, links }
}

function chain(n: number): Pair[] {
  return range(1, n).map((at): Pair => [at - 1, at])
}

function pairs(n: number): Pair[] {
  return range(0, n).flatMap((a) => range(a + 1, n).map((b): Pair => [a, b]))
}

function tree(k: number, depth: number): Plan {
  const nodes = range(0, depth + 1).reduce((sum, level) => sum + k ** level, 0)
  if (nodes > MAX_NODES) throw new RangeError(`a tree of ${nodes} nodes is too large`)
  return { nodes, links: range(1, nodes).map((at): Pair => [Math.floor((at - 1) / k), at]) }
}

function lattice(rows: number, columns: number, wraps: boolean): Plan {
  const at = (row: number, column: number): number => (row % rows) * columns + (column % columns)
  const edges = range(0, rows).flatMap((row) =>
    range(0, columns).flatMap((column): Pair[] => {
      const here = at(row, column)
      const right: Pair[] = wraps || column + 1 < columns ? [[here, at(row, column + 1)]] : []
      const down: Pair[] = wraps || row + 1 < rows ? [[here, at(row + 1, column)]] : []
      return [...right, ...down]
    }),
  )
  return both(rows * columns, edges)
}

/** Watts and Strogatz 1998: a ring of near neighbours, some of whose links lead elsewhere. */
function smallWorld(
  n: number,
  k: number,
  { p, random }: { readonly p: number; readonly random: SeededRandom },
): Plan {
  const edges = new Map<string, Pair>()
  const put = (a: number, b: number): boolean => {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    if (a === b || edges.has(key)) return false
    edges.set(key, [a, b])
    return true
  }
  for (const at of range(0, n)) {
    for (const step of range(1, Math.floor(k / 2) + 1)) {
      const isMoved = random.next() < p
      if (!isMoved || !put(at, random.below(n))) put(at, (at + step) % n)
    }
  }
  return both(n, [...edges.values()])
}

/** Barabási and Albert 1999: whoever comes links to those that have many links already. */
function scaleFree(n: number, m: number, random: SeededRandom): Plan {
  const edges: Pair[] = pairs(Math.min(m + 1, n))
  const ends = edges.flat()
  for (const at of range(m + 1, n)) {
    const chosen = new Set<number>()
    while (chosen.size < m) chosen.add(random.pick(ends))
    for (const other of chosen) {
      edges.push([at, other])
      ends.push(at, other)
    }
  }
  return both(n, edges)
}

function clos(a: number, b: number, c: number): Plan {
  const [middle, last] = [a, a + b]
  const first = range(0, a).flatMap((at) => range(middle, last).map((to): Pair => [at, to]))
  const second = range(middle, last).flatMap((at) =>
    range(last, last + c).map((to): Pair => [at, to]),
  )
  return { nodes: last + c, links: [...first, ...second] }
}

function hubSpoke(hubs: number, spokes: number): Plan {
  const edges = range(0, spokes).flatMap((at): Pair[] => {
    const spoke = hubs + at
    const [one, other] = [at % hubs, (at + 1) % hubs]
    return one === other
      ? [[one, spoke]]
      : [
          [one, spoke],
          [other, spoke],
        ]
  })
  return both(hubs + spokes, [...pairs(hubs), ...edges])
}
