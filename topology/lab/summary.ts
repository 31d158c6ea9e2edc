import type { Counts } from '../sim/mesh-sim.ts'
import type { CallCounts } from './calls.ts'
import type { Trigger } from './lab-draft.ts'
import type { Lab } from './lab.ts'

/** Something that happened, and how long after it the last way changed before the next thing did, ms. */
export interface FaultTime {
  readonly at: number
  readonly fault: Trigger
  readonly what: string
  readonly took: number
}

export interface Spread {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** Figures of one run. Times in virtual ms. */
export interface LabSummary {
  readonly name: string
  readonly seed: number
  readonly nodes: number
  readonly links: number
  readonly duration: number
  readonly events: number
  readonly routeChanges: number
  /** Of messages; bytes as they would go over a wire, reckoned from what is in them. */
  readonly messages: Counts
  /** By kind of fault. */
  readonly convergence: Readonly<Record<string, Spread & { readonly count: number }>>
  readonly falseRouteSeconds: number
  readonly calls: CallCounts & { readonly success: number | null; readonly time: Spread }
  readonly faults: readonly FaultTime[]
}

interface Figures {
  readonly lab: Lab
  readonly counts: Counts
  readonly ended: number
  readonly faults: readonly FaultTime[]
  readonly calls: { readonly counts: CallCounts; readonly times: readonly number[] }
  readonly falseSeconds: number
  readonly events: number
  readonly changes: number
}

export function summarize(of: Figures): LabSummary {
  const { lab, counts, calls } = of
  const kinds = Map.groupBy(of.faults, ({ fault }) => fault)
  const convergence = [...kinds].map(([fault, times]) => {
    const spread = spreadOf(times.map(({ took }) => took))
    return [fault, { count: times.length, ...spread }] as const
  })
  const { asked, answered } = calls.counts
  return {
    name: lab.name,
    seed: lab.seed,
    nodes: lab.nodes.size,
    links: lab.links.length,
    duration: of.ended,
    events: of.events,
    routeChanges: of.changes,
    messages: { ...counts },
    convergence: Object.fromEntries(convergence),
    falseRouteSeconds: of.falseSeconds,
    calls: {
      ...calls.counts,
      success: asked === 0 ? null : answered / asked,
      time: spreadOf(calls.times),
    },
    faults: of.faults,
  }
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) * 1_000) / 1_000
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
