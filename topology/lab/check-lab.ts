import { isDetailed } from './duration.ts'
import type { Arrow, ExpectDraft, FaultDraft, LabDraft, OneOrMore } from './lab-draft.ts'
import type { Lab, LabProblem } from './lab.ts'

/** What a fault can do; each does one of these. */
export const ACTIONS = [
  'partition',
  'heal',
  'crash',
  'start',
  'cut',
  'mend',
  'bus',
  'apart',
  'skew',
  'byzantine',
  'publish',
  'withdraw',
  'drain',
] as const
export type Action = (typeof ACTIONS)[number]

/** Stands for what was drawn. */
export const PICKED = 'picked'

/** Actions a drawn node, or a drawn link, makes sense for. */
const ON_NODE: ReadonlySet<Action> = new Set<Action>([
  'crash',
  'start',
  'apart',
  'publish',
  'withdraw',
  'drain',
])
const ON_LINK: ReadonlySet<Action> = new Set<Action>(['cut'])
/** Actions that have an end of their own. */
const LASTING: ReadonlySet<Action> = new Set<Action>([
  'partition',
  'crash',
  'cut',
  'bus',
  'apart',
  'skew',
  'withdraw',
])

type Path = LabProblem['path']

interface Known {
  readonly lab: Lab
  readonly links: ReadonlySet<string>
  readonly buses: ReadonlySet<string>
}

/** What is wrong with names in a lab: they lead nowhere, or do not go together. */
export function checkLab(draft: LabDraft, lab: Lab): readonly LabProblem[] {
  const links = new Set(lab.links.map(({ from, to }) => `${from} ${to}`))
  const buses = new Set(
    [...lab.organisations.values()].flatMap(({ gossip }) => (gossip === undefined ? [] : [gossip])),
  )
  const known: Known = { lab, links, buses }
  const size =
    lab.nodes.size === 0 ? [{ path: [], message: 'has no nodes: write "nodes" or "generate"' }] : []
  return [
    ...size,
    ...organisationProblems(draft, lab),
    ...upstreamProblems(draft, lab),
    ...linkProblems(draft, lab),
    ...clientProblems(draft, lab),
    ...lab.faults.flatMap((fault, at) => faultProblems(fault, ['faults', at], known)),
    ...lab.expect.flatMap((expect, at) => expectProblems(expect, ['expect', at])),
  ]
}

function noNode(id: string, path: Path, { nodes }: Lab): LabProblem[] {
  return nodes.has(id) ? [] : [{ path, message: `there is no node "${id}"` }]
}

function organisationProblems(draft: LabDraft, { organisations }: Lab): LabProblem[] {
  const look = (name: string | undefined, path: Path): LabProblem[] =>
    name === undefined || organisations.has(name)
      ? []
      : [{ path, message: `there is no organisation "${name}"` }]
  const nodes = Object.entries(draft.nodes ?? {})
  const rules = Object.entries(draft.organisations ?? {})
  return [
    ...nodes.flatMap(([id, of]) => look(of.organisation, ['nodes', id, 'organisation'])),
    ...(draft.generate ?? []).flatMap((of, at) =>
      look(of.organisation, ['generate', at, 'organisation']),
    ),
    ...rules.flatMap(([name, of]) => [
      ...(of.export ?? []).flatMap(({ to }, at) =>
        look(to, ['organisations', name, 'export', at, 'to']),
      ),
      ...(of.import ?? []).flatMap(({ from }, at) =>
        look(from, ['organisations', name, 'import', at, 'from']),
      ),
    ]),
  ]
}

function upstreamProblems({ nodes = {} }: LabDraft, lab: Lab): LabProblem[] {
  return Object.entries(nodes).flatMap(([id, { upstreams = [] }]) =>
    upstreams.flatMap((to, at) => {
      const path = ['nodes', id, 'upstreams', at]
      if (to === id) return [{ path, message: 'is the node itself' }]
      return noNode(to, path, lab)
    }),
  )
}

function linkProblems({ links = [] }: LabDraft, lab: Lab): LabProblem[] {
  const seen = new Set<string>()
  // Those that were written come last: what is there before them came of the rest of the file.
  for (const { from, to } of lab.links.slice(0, lab.links.length - links.length)) {
    seen.add(`${from} ${to}`)
  }
  return links.flatMap(({ from, to }, at) => {
    const path = ['links', at]
    const key = `${from} ${to}`
    const twice = seen.has(key)
    seen.add(key)
    if (from === to) return [{ path, message: 'leads from a node to itself' }]
    if (twice) return [{ path, message: `there is a link "${from}->${to}" already` }]
    return [...noNode(from, path, lab), ...noNode(to, path, lab)]
  })
}

function clientProblems({ clients = {} }: LabDraft, lab: Lab): LabProblem[] {
  return Object.entries(clients).flatMap(([name, { at }]) =>
    noNode(at, ['clients', name, 'at'], lab),
  )
}

/** What a fault does; undefined when that is nothing, or more than one thing. */
export function actionOf(fault: FaultDraft): Action | undefined {
  const found = ACTIONS.filter((action) => fault[action] !== undefined)
  return found.length === 1 ? found[0] : undefined
}

function faultProblems(fault: FaultDraft, path: Path, known: Known): LabProblem[] {
  const action = actionOf(fault)
  if (action === undefined) {
    return [{ path, message: `does not do one thing: write one of ${ACTIONS.join(', ')}` }]
  }
  const problem = (message: string): LabProblem[] => [{ path, message }]
  if ((fault.at === undefined) === (fault.every === undefined)) {
    return problem('needs either "at" or "every"')
  }
  if (fault.at !== undefined && (fault.from ?? fault.until) !== undefined) {
    return problem('"from" and "until" go with "every"')
  }
  if (fault.for !== undefined && !LASTING.has(action)) {
    return problem(`"for" does not go with ${action}: it has no end`)
  }
  const isDown = fault.down !== undefined
  const hasBus = action === 'bus'
  if (hasBus && isDown === (fault.drop !== undefined)) {
    return problem('a bus needs either "down" or "drop"')
  }
  if (!hasBus && (isDown || fault.drop !== undefined))
    return problem('"down" and "drop" go with "bus"')
  return [...pickProblems(fault, action, path), ...targetProblems(fault, path, known)]
}

function pickProblems(fault: FaultDraft, action: Action, path: Path): LabProblem[] {
  const wants = wantsPicked(fault)
  if (fault.pick === undefined) {
    return wants
      ? [{ path: [...path, action], message: 'does not say which, and nothing is picked' }]
      : []
  }
  const fits = fault.pick === 'random(node)' ? ON_NODE : ON_LINK
  if (!fits.has(action)) {
    return [{ path: [...path, 'pick'], message: `does not go with ${action}` }]
  }
  return wants ? [] : [{ path: [...path, 'pick'], message: `is of no use: ${action} says which` }]
}

function wantsPicked(fault: FaultDraft): boolean {
  const { crash, cut } = fault
  if (isDetailed(crash)) return crash.node === undefined
  if (cut !== undefined)
    return isDetailed<object>(cut) && !('from' in cut) && !('link' in cut && cut.link !== undefined)
  return nodesOf(fault).includes(PICKED)
}

export function listOf<T>(given: OneOrMore<T> | undefined): readonly T[] {
  if (given === undefined) return []
  return Array.isArray(given) ? (given as readonly T[]) : [given as T]
}

/** The nodes a fault names. */
export function nodesOf({
  crash,
  start,
  apart,
  publish,
  withdraw,
  drain,
}: FaultDraft): readonly string[] {
  const crashed = isDetailed(crash) ? crash.node : crash
  return [crashed, start, apart, publish, withdraw, drain].flatMap((one) => listOf(one))
}

/** The links a fault names. */
export function arrowsOf({ cut, mend }: FaultDraft): readonly Arrow[] {
  return [...listOf(cutLinks(cut)), ...listOf(mend)]
}

function cutLinks(cut: FaultDraft['cut']): OneOrMore<Arrow> | undefined {
  if (cut === undefined || Array.isArray(cut) || 'from' in cut) return cut as OneOrMore<Arrow>
  return 'link' in cut ? cut.link : undefined
}

function targetProblems(fault: FaultDraft, path: Path, { lab, links, buses }: Known): LabProblem[] {
  const { bus, byzantine = {}, partition = [], skew = {} } = fault
  const named = [...nodesOf(fault).filter((id) => id !== PICKED), ...Object.keys(skew)]
  const ids = [...named, ...Object.keys(byzantine)]
  const groups = partition.flat().filter((name) => !lab.organisations.has(name))
  return [
    ...[...ids, ...groups].flatMap((id) => noNode(id, path, lab)),
    ...arrowsOf(fault)
      .filter(({ from, to }) => !links.has(`${from} ${to}`))
      .map(({ from, to }) => ({ path, message: `there is no link "${from}->${to}"` })),
    ...(bus === undefined || buses.has(bus)
      ? []
      : [{ path: [...path, 'bus'], message: `there is no bus "${bus}"` }]),
  ]
}

function expectProblems(expect: ExpectDraft, path: Path): LabProblem[] {
  const { after, always, eventually, sometimes, within } = expect
  const kinds = [always, eventually, sometimes].filter((one) => one !== undefined)
  if (kinds.length !== 1) return [{ path, message: 'needs one of always, eventually, sometimes' }]
  const isTimed = after !== undefined || within !== undefined
  if (isTimed && eventually === undefined) {
    return [{ path, message: '"within" and "after" go with "eventually"' }]
  }
  return []
}

/** Links that cross a border where nothing may: what is doubtful about a lab. */
export function doubtfulLinks(lab: Lab): readonly string[] {
  const found = new Set<string>()
  for (const { from, to } of lab.links) {
    const [here, there] = [lab.nodes.get(from)?.organisation, lab.nodes.get(to)?.organisation]
    if (here === undefined || there === undefined || here === there) continue
    const offers = lab.organisations.get(there)?.exports ?? []
    const takes = lab.organisations.get(here)?.imports ?? []
    const offered = offers.some(({ allow, to: whom = here }) => allow && whom === here)
    const taken = takes.some(
      ({ from: whom = there, preference }) => preference !== undefined && whom === there,
    )
    if (!offered) found.add(`nothing passes ${from}->${to}: ${there} exports nothing to ${here}`)
    if (!taken) found.add(`nothing passes ${from}->${to}: ${here} imports nothing from ${there}`)
  }
  return [...found]
}
