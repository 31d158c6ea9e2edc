import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import type { Confirmation, MeshClaims } from './claims.ts'
import { TokenFault, type TokenProblem } from './faults.ts'
import { isScopeToken } from './scopes.ts'

/** Longest issuer, client id and other URL, characters. */
const MAX_URL = 512
/** Longest subject, session or token id, characters. */
export const MAX_NAME: number = 1_024
/** Scopes of one token at most. */
const MAX_SCOPES = 256

/** Control, format (bidi, zero width), private, unassigned and separating characters: what a person cannot see in a log. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u

/** Printable ASCII without space (VSCHAR of RFC 6749 without space): what identifies is compared byte by byte. */
const IDENTIFIER = /^[\x21-\x7e]+$/

/** An issuer, client id, audience or resource. */
export const identifier: z.ZodString = z.string().max(MAX_URL).regex(IDENTIFIER)

/** A subject, or another name somebody else chose: visible characters, in their composed form. */
export const visibleName: z.ZodString = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .refine((name) => !INVISIBLE.test(name) && name.normalize('NFC') === name)

/** NumericDate (RFC 7519 §2): seconds since 1970, fractions allowed. */
export const numericDate: z.ZodNumber = z.number().min(0).max(Number.MAX_SAFE_INTEGER)

/** One audience; an array of one means the same (RFC 7519 §4.1.3), a longer one is never taken. */
export const soleAudience: z.ZodType<string> = z
  .union([identifier, z.tuple([identifier])])
  .transform((aud) => (typeof aud === 'string' ? aud : aud[0]))

/** Scope tokens separated by single spaces (RFC 6749 §3.3), each once, in order; none when absent or empty. */
export const scopeList: z.ZodType<readonly string[]> = z
  .string()
  .optional()
  .transform((text, context) => {
    const scopes = readScope(text ?? '')
    if (scopes !== undefined) return scopes
    context.addIssue({ code: 'custom', message: 'no scopes' })
    return z.NEVER
  })

/** The tokens of a `scope` parameter, each once, in order; undefined when it breaks RFC 6749 §3.3, or has too many. */
export function readScope(text: string): readonly string[] | undefined {
  if (text === '') return []
  const scopes = text.split(' ')
  const sound = scopes.length <= MAX_SCOPES && scopes.every(isScopeToken)
  return sound ? [...new Set(scopes)] : undefined
}

/** SHA-256, base64url. */
const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

export const confirmation: z.ZodType<Confirmation> = z
  .object({ jkt: digest.optional(), 'x5t#S256': digest.optional() })
  .transform(present)

export const meshClaims: z.ZodType<MeshClaims> = z.object({
  v: z.literal(1),
  budget: z.number().int().min(0).max(255),
})

interface DelegationFields {
  readonly nbf: z.ZodOptional<z.ZodNumber>
  readonly scope: z.ZodType<readonly string[]>
  readonly cnf: z.ZodOptional<z.ZodType<Confirmation>>
  readonly txn: z.ZodOptional<z.ZodString>
  readonly session_expiry: z.ZodOptional<z.ZodNumber>
  readonly sid: z.ZodOptional<z.ZodString>
  readonly mesh: z.ZodOptional<z.ZodType<MeshClaims>>
}

/** The claims every token of a delegation may have. */
export const delegation: DelegationFields = {
  nbf: numericDate.optional(),
  scope: scopeList,
  cnf: confirmation.optional(),
  txn: visibleName.optional(),
  session_expiry: numericDate.optional(),
  sid: visibleName.optional(),
  mesh: meshClaims.optional(),
}

/** A value of which the members that are undefined are left out. */
type Present<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }

/** Leaves out members that are undefined. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Present<T>
}

/** Claims whose refusal is told apart; any other is `claims`. */
const PROBLEMS: Readonly<Record<string, TokenProblem>> = { aud: 'audience', scope: 'scope' }

/**
 * Reads claims by a schema.
 *
 * @throws TokenFault naming the claim, never its value
 */
export function readClaims<T>(schema: z.ZodType<T>, payload: JsonObject): T {
  const result = schema.safeParse(payload)
  if (result.success) return result.data
  const claim = String(result.error.issues[0]?.path[0] ?? 'claims')
  const problem = Object.hasOwn(PROBLEMS, claim) ? PROBLEMS[claim] : undefined
  throw new TokenFault(problem ?? 'claims', `the claim "${claim}" is missing or not acceptable`)
}

/** A subject under the name of who vouches for it, so that two issuers never speak of the same one. */
export function qualifiedSubject(issuer: string, subject: string): string {
  return `${issuer}|${subject}`
}
