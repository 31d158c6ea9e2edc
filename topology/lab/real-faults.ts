import type { Lab, LabProblem } from './lab.ts'
import { unrealIn } from './node-configs.ts'

const REASONS = {
  skew: 'processes of one machine have one clock: only "lab sim" can do that',
  byzantine: 'real nodes are not made to lie: only "lab sim" can do that',
  drop: 'over TCP a bus loses nothing: write "down"',
} as const
const FIELDS = ['skew', 'byzantine', 'drop'] as const

/** What of a lab can be simulated, and can neither be nor be done to real nodes: what they are called, and faults. */
export function unplayableIn(lab: Lab): readonly LabProblem[] {
  const faults = lab.faults.flatMap((fault, at): LabProblem[] => {
    const path = ['faults', at]
    return FIELDS.filter((field) => fault[field] !== undefined).map((field) => ({
      path: [...path, field],
      message: REASONS[field],
    }))
  })
  return [...unrealIn(lab), ...faults]
}
