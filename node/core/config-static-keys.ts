import { z } from 'zod'
import { addProblem } from './config-fields.ts'

/** How a static key stands in the file. */
export const keyHash: z.ZodString = z
  .string()
  .regex(/^sha256\$[A-Za-z0-9_-]{43}$/, 'must be sha256$<43 characters of base64url>')
  .describe(
    'sha256$ and the SHA-256 of the key in base64url; the key itself, at least 32 random bytes, stands nowhere.',
  )

/** No key twice, and no holder. */
export function checkKeys(
  keys: readonly { readonly name: string; readonly hash: string }[],
  context: z.RefinementCtx,
): void {
  for (const field of ['name', 'hash'] as const) {
    const values = keys.map((key) => key[field])
    values.forEach((value, i) => {
      if (values.indexOf(value) === i) return
      addProblem(context, { path: [i, field], message: 'is in the list twice' })
    })
  }
}
