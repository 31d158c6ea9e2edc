// Reads a V8 CPU profile: where the time went, by function and by whose code it is.

/** The parts of a .cpuprofile file that are read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      /** Counted from 0. */
      readonly lineNumber: number
    }
  }[]
  /** The node on top of the stack at each sample, and the microseconds since the sample before. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Time spent in one place itself, callees left out. */
export interface SelfTime {
  readonly where: string
  readonly microseconds: number
  /** Of the time the process was busy, 0 to 1. */
  readonly share: number
}

/** Pseudo-functions in which the process waits, and so does not spend anything. */
const WAITING = new Set(['(idle)'])

type Frame = CpuProfile['nodes'][number]['callFrame']

/** Whose code a frame is: a package, Node, the engine, or a folder of the project. */
export function ownerOf({ functionName, url }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  if (url.startsWith('node:')) return 'node'
  const packages = url.split('/node_modules/')
  if (packages.length > 1) {
    const parts = (packages.at(-1) ?? '').split('/')
    return parts.slice(0, parts[0]?.startsWith('@') === true ? 2 : 1).join('/')
  }
  return /\/((?:node|protocol|topology|test)\/(?:[a-z-]+\/)?)[^/]+$/.exec(url)?.[1] ?? url
}

function placeOf({ functionName, url, lineNumber }: Frame): string {
  const file = url.split('/').slice(-2).join('/')
  return file === ''
    ? functionName || '(native)'
    : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}

/** Sums self time by the name that `key` gives a frame; most expensive first, waiting left out. */
export function selfTimes(profile: CpuProfile, key: (frame: Frame) => string): SelfTime[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const sums = new Map<string, number>()
  let busy = 0
  for (const [at, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    // The delta at an index is the time before that sample; a sample stands for the time until the next.
    const microseconds = profile.timeDeltas[at + 1] ?? 0
    if (frame === undefined || WAITING.has(frame.functionName)) continue
    const name = key(frame)
    busy += microseconds
    sums.set(name, (sums.get(name) ?? 0) + microseconds)
  }
  return [...sums]
    .map(([where, microseconds]) => ({ where, microseconds, share: microseconds / busy }))
    .toSorted((a, b) => b.microseconds - a.microseconds)
}

/** Self time by function and line. */
export function byFunction(profile: CpuProfile): SelfTime[] {
  return selfTimes(profile, placeOf)
}

/** Self time by package or folder. */
export function byOwner(profile: CpuProfile): SelfTime[] {
  return selfTimes(profile, ownerOf)
}
