import { z } from 'zod'
import { Fault } from '../errors.ts'
import type { JsonObject } from '../jsonrpc.ts'
import { identifier, MAX_NAME, numericDate } from './fields.ts'

/** A token, a session or a delegation of one issuer that counts no more. */
export interface Revoked {
  readonly issuer: string
  readonly by: 'jti' | 'sid' | 'txn'
  readonly id: string
  /** When the last token it is about ends, seconds since 1970. */
  readonly until: number
}

/** What one node of an organisation tells another of revocations. No token is in it, only names of tokens. */
export interface RevocationList {
  readonly revoked: readonly Revoked[]
  /** Issuers none of whose tokens count until a time: there was no room to remember which. */
  readonly refused: readonly { readonly issuer: string; readonly until: number }[]
  /** What to ask for next: whatever came after this list. */
  readonly cursor: string
  /** Whether there is more already. */
  readonly more: boolean
}

/** Entries of one list at most: with ids of the longest kind it is no larger than a token response may be. */
export const MAX_REVOKED = 50

const MAX_REFUSED = 100

/** Ids are compared, and never shown. */
const id = z.string().min(1).max(MAX_NAME)

/** Opaque to whoever asks. */
const cursor = z.string().regex(/^[A-Za-z0-9._~-]{1,64}$/)

const entry = z.object({ iss: identifier, exp: numericDate })

const schema = z.object({
  revoked: z.array(entry.extend({ by: z.enum(['jti', 'sid', 'txn']), id })).max(MAX_REVOKED),
  refused: z.array(entry).max(MAX_REFUSED),
  cursor,
  more: z.boolean(),
})

/** As the body of an answer. */
export function writeRevocationList(list: RevocationList): JsonObject {
  return {
    revoked: list.revoked.map(({ issuer: iss, by, id: of, until: exp }) => ({
      iss,
      by,
      id: of,
      exp,
    })),
    refused: list.refused
      .slice(0, MAX_REFUSED)
      .map(({ issuer: iss, until: exp }) => ({ iss, exp })),
    cursor: list.cursor,
    more: list.more,
  }
}

/** @throws Fault `upstream_protocol` */
export function readRevocationList(body: unknown): RevocationList {
  const found = schema.safeParse(body)
  if (!found.success) throw new Fault('upstream_protocol', 'the list of revocations is malformed')
  const { revoked, refused, ...rest } = found.data
  return {
    ...rest,
    revoked: revoked.map(({ iss: issuer, exp: until, ...one }) => ({ issuer, until, ...one })),
    refused: refused.map(({ iss: issuer, exp: until }) => ({ issuer, until })),
  }
}
