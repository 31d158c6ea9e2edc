import type { FaultDraft, LabDraft } from './lab-draft.ts'
import { EVERY_FROM_MS, EVERY_SPAN_MS, SILENCE_MS, WITHIN_MS } from './lab.ts'

/** When a fault that comes again does so for the first and for the last time, ms. */
export function spanOf({ from = EVERY_FROM_MS, until }: FaultDraft): {
  readonly from: number
  readonly until: number
} {
  return { from, until: until ?? from + EVERY_SPAN_MS }
}

/** How long one fault lasts, ms. */
export function lengthOf(fault: FaultDraft): number {
  const { crash } = fault
  const restart = isDetailed(crash) ? crash.restart : undefined
  return restart ?? fault.down ?? fault.for ?? 0
}

/** Whether a value that may be written short is written long. */
export function isDetailed<T extends object>(
  value: string | readonly unknown[] | T | undefined,
): value is T {
  return typeof value === 'object' && !Array.isArray(value)
}

/** How long a lab that does not say it has to run: until its last expectation is due. */
export function durationOf({ faults = [], expect = [] }: LabDraft): number {
  const ends = faults.map((fault) => (fault.at ?? spanOf(fault).until) + lengthOf(fault))
  const waits = expect.flatMap(({ eventually, within = WITHIN_MS }) => {
    if (eventually === undefined) return []
    return [within + (eventually === 'silent' ? SILENCE_MS : 0)]
  })
  return Math.max(0, ...ends) + Math.max(EVERY_FROM_MS, ...waits) + 1_000
}
