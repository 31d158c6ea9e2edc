import { z } from 'zod'
import { EVERYTHING, MAX_SCOPE, isScopeToken, parseScope } from '../../protocol/token/scopes.ts'
import { distinct, table } from './config-fields.ts'

const GRAMMAR =
  'must be a scope: ns:<namespace>, tool:<namespace>/<tool>, prompt:<namespace>/<prompt>, resource:<namespace>, or a part or :read of one'

const NO_BORDER =
  '"*" means another thing at each endpoint and never goes over: name what may be called'

/** One scope in anybody's names (RFC 6749 §3.3). */
export const anyScope: z.ZodString = z
  .string()
  .max(MAX_SCOPE)
  .refine(
    isScopeToken,
    'must be a scope: printable ASCII characters, without space, quote or backslash',
  )

/** One scope in anybody's names that goes from one endpoint to another. */
export const foreignScope: z.ZodString = anyScope.refine((scope) => scope !== EVERYTHING, NO_BORDER)

/** One scope in the names of an endpoint of a node; `*` is all of them. */
export const ownScope: z.ZodString = z
  .string()
  .max(MAX_SCOPE)
  .refine((scope) => parseScope(scope) !== undefined, GRAMMAR)

/** One scope in the names of an endpoint of a node that may be given away. */
export const borderScope: z.ZodString = ownScope.refine((scope) => scope !== EVERYTHING, NO_BORDER)

/** Scopes to what each becomes on the other side. */
export function scopeMap(from: z.ZodString, to: z.ZodString): z.ZodType<Record<string, string[]>> {
  return table(from, distinct(to, 1))
}
