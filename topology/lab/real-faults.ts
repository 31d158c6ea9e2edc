import { actionOf } from './check-lab.ts'
import type { Lab, LabProblem } from './lab.ts'
import { unrealIn } from './node-configs.ts'

/** What of a lab can be simulated, and can neither be nor be done to real nodes: what they are called, and faults. */
export function unplayableIn(lab: Lab): readonly LabProblem[] {
  const faults = lab.faults.flatMap((fault, at): LabProblem[] => {
    const path = ['faults', at]
    switch (actionOf(fault)) {
      case 'skew':
        return [{ path: [...path, 'skew'], message: 'processes of one machine have one clock' }]
      case 'byzantine': {
        const message = 'real nodes are not made to lie: only "lab sim" does that'
        return [{ path: [...path, 'byzantine'], message }]
      }
      case 'bus':
        if (fault.drop === undefined) return []
        return [
          { path: [...path, 'drop'], message: 'over TCP a bus loses nothing: write "down"' },
        ]
      default:
        return []
    }
  })
  return [...unrealIn(lab), ...faults]
}
