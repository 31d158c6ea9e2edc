// Whether processes hold ever more memory.
import { spread } from '../bench/stats.ts'
import type { MeshWorld } from './mesh-world.ts'
import { ProcessMember } from './mesh-process.ts'

/** What one process held, by time. */
interface Series {
  readonly name: string
  readonly pid: number
  readonly points: (readonly [minutes: number, mebibytes: number])[]
}

/** What became of the memory of one process. */
export interface Trend {
  readonly name: string
  /** For how long it was looked at, minutes. */
  readonly minutes: number
  /** Mebibytes in the middle of what was seen. */
  readonly held: number
  /** Mebibytes a minute. */
  readonly slope: number
}

/** Looks at each process of a mesh again and again. */
export class MemoryWatch {
  readonly #world: MeshWorld
  readonly #series = new Map<number, Series>()
  readonly #began = performance.now()

  constructor(world: MeshWorld) {
    this.#world = world
  }

  async look(): Promise<void> {
    for (const member of this.#world.members.values()) {
      if (!(member instanceof ProcessMember)) continue
      const { pid, plan } = member
      const bytes = await member.memory()
      if (pid === undefined || bytes === undefined) continue
      const known = this.#series.get(pid) ?? { name: plan.name, pid, points: [] }
      this.#series.set(pid, known)
      known.points.push([(performance.now() - this.#began) / 60_000, bytes / 2 ** 20])
    }
  }

  /** What has been seen so far does not count: code has been compiled, caches have filled. */
  restart(): void {
    this.#series.clear()
  }

  /** Of each process that is still there, by name. */
  trends(): readonly Trend[] {
    return [...this.#series.values()]
      .filter(({ name, pid }) => (this.#world.member(name) as ProcessMember).pid === pid)
      .map(({ name, points }) => trendOf(name, points))
  }
}

/** By the median of the slopes between all pairs of points (Theil–Sen): what comes and goes is none. */
export function trendOf(name: string, points: Series['points']): Trend {
  const slopes = points.flatMap(([at, held], index) =>
    points.slice(index + 1).map(([later, more]) => (more - held) / (later - at)),
  )
  const first = points[0]?.[0] ?? 0
  const last = points.at(-1)?.[0] ?? 0
  return {
    name,
    minutes: round(last - first),
    held: round(spread(points.map(([, held]) => held)).median),
    slope: round(slopes.length === 0 ? 0 : spread(slopes).median),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
