import { z } from 'zod'
import { distinct, table } from './config-fields.ts'
import { anyScope } from './config-identity-fields.ts'

const SCOPE = /^(?:\*|ns:[^:/*]+(?::[^:/*]+)?|tool:[^:/*]+\/[^/*]+)$/

const GRAMMAR = 'must be a scope: ns:<namespace>, ns:<namespace>:<verb> or tool:<namespace>/<tool>'

/** One scope in the names of an endpoint of a node; `*` is all of them. */
export const ownScope: z.ZodString = anyScope.refine((input) => SCOPE.test(input), GRAMMAR)

/** One scope that may be asked of, or granted to, another organisation. */
export const borderScope: z.ZodString = ownScope.refine(
  (input) => !input.includes('*'),
  '"*" never crosses a border: name what may be called',
)

/** What one scope becomes on the other side of a link. */
export function scopeMap(from: z.ZodString, to: z.ZodString): z.ZodType<Record<string, string[]>> {
  return table(from, distinct(to, 1))
}
