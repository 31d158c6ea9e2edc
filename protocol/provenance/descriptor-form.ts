/**
 * What of a tool's description a signature, or a pin, is over: all members but `name`, which nodes change and which is
 * signed apart; `_meta`, which holds what nodes tell each other; and `execution`, which only callers of the server's own
 * era are shown. Members nobody knows are part of it.
 *
 * Callers of era 2025 are not shown an output schema that describes no object, and whoever lists the tool through such
 * a link does not get it: there are two digests then, and the one without is good for a description without.
 */

import { members, memberOf } from '../json-bytes.ts'
import type { Listed } from '../listing.ts'
import { canonicalObject } from './canonical.ts'
import { digestOf, type Digest } from './result-form.ts'

const NOT_DESCRIBED: ReadonlySet<string> = new Set(['name', '_meta', 'execution'])
const NOR_OUTPUT: ReadonlySet<string> = new Set([...NOT_DESCRIBED, 'outputSchema'])

/** The digests of one description. */
export interface DescriptorDigests {
  readonly whole: Digest
  /** Without the output schema, where some callers are not shown it. */
  readonly withoutOutput?: Digest
}

/** The canonical text of what describes a tool. @throws Fault `parse_error`, `too_deep` when it has none */
export function descriptorText({ text }: Pick<Listed, 'text'>): Buffer {
  return canonicalObject(text, { start: 0, end: text.length }, { without: NOT_DESCRIBED })
}

/** @throws Fault as `descriptorText` */
export function descriptorDigests(listed: Pick<Listed, 'text' | 'looseOutput'>): DescriptorDigests {
  const whole = digestOf(descriptorText(listed))
  if (!listed.looseOutput) return { whole }
  const { text } = listed
  const span = { start: 0, end: text.length }
  return { whole, withoutOutput: digestOf(canonicalObject(text, span, { without: NOR_OUTPUT })) }
}

/** Whether a description is the one that was signed. @throws Fault as `descriptorText` */
export function isDescribed(listed: Pick<Listed, 'text'>, signed: DescriptorDigests): boolean {
  const digest = digestOf(descriptorText(listed))
  if (digest === signed.whole) return true
  const hasOutput = memberOf(members(listed.text, 0), 'outputSchema') !== undefined
  return !hasOutput && digest === signed.withoutOutput
}
