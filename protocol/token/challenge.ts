import { readScope } from './fields.ts'

/** Errors of a protected resource (RFC 6750 §3.1, RFC 9449 §7.1 and §9). */
export type ResourceError =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'

/** What a `WWW-Authenticate` header asks for. */
export interface ChallengeFacts {
  readonly scheme: 'Bearer' | 'DPoP'
  /** URL of the metadata of the resource (RFC 9728 §5.1). */
  readonly resourceMetadata: string
  /** Absent where there were no credentials (RFC 6750 §3.1). */
  readonly error?: ResourceError
  readonly description?: string
  /** All scopes that are needed. */
  readonly scopes?: readonly string[]
  /** Of DPoP proofs. */
  readonly algs?: readonly string[]
}

/** Outside of what `scope` and `error_description` may hold (RFC 6750 §3): a quote would end the value, a line the header. */
const UNSAFE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/gu

/** The value of a `WWW-Authenticate` header. What cannot stand in it is written as `_`. */
export function writeChallenge(facts: ChallengeFacts): string {
  const { scheme, resourceMetadata, error, description, scopes = [], algs = [] } = facts
  const params: readonly (readonly [string, string | undefined])[] = [
    ['error', error],
    ['error_description', description],
    ['scope', scopes.length > 0 ? scopes.join(' ') : undefined],
    ['resource_metadata', resourceMetadata],
    ['algs', scheme === 'DPoP' && algs.length > 0 ? algs.join(' ') : undefined],
  ]
  const written = params.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${value.replace(UNSAFE, '_')}"`],
  )
  return `${scheme} ${written.join(', ')}`
}

/** One challenge of a foreign server. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  /** By name in lower case. */
  readonly params: ReadonlyMap<string, string>
}

const MAX_LENGTH = 8_192
const MAX_CHALLENGES = 16
const MAX_PARAMS = 32

const SEPARATORS = /[ \t,]*/y
const SCHEME = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?= +|[ \t]*(?:,|$))/y
const TOKEN68 = / +[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y
const PARAM =
  /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*)")(?=[ \t]*(?:,|$))/y

interface Cursor {
  readonly text: string
  at: number
}

function take(cursor: Cursor, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.text)
  if (found === null) return undefined
  cursor.at = pattern.lastIndex
  return found
}

/**
 * Reads a `WWW-Authenticate` header of somebody else (RFC 9110 §11.6.1), all or nothing: no challenge when any of it is
 * malformed, says a parameter twice, or is too long.
 */
export function parseChallenges(text: string): readonly Challenge[] {
  if (text.length > MAX_LENGTH) return []
  const cursor: Cursor = { text, at: 0 }
  const challenges: Challenge[] = []
  take(cursor, SEPARATORS)
  while (cursor.at < text.length) {
    const challenge = readOne(cursor)
    if (challenge === undefined || challenges.length === MAX_CHALLENGES) return []
    challenges.push(challenge)
    take(cursor, SEPARATORS)
  }
  return challenges
}

function readOne(cursor: Cursor): Challenge | undefined {
  const scheme = take(cursor, SCHEME)?.[1]?.toLowerCase()
  if (scheme === undefined) return undefined
  const params = new Map<string, string>()
  if (take(cursor, TOKEN68) !== undefined) return { scheme, params }
  for (let found = take(cursor, PARAM); found !== undefined; found = takeNext(cursor)) {
    const [, name = '', token, quoted = ''] = found
    const key = name.toLowerCase()
    if (params.has(key) || params.size === MAX_PARAMS) return undefined
    params.set(key, token ?? quoted.replace(/\\(.)/g, '$1'))
  }
  return { scheme, params }
}

/** The next parameter of the same challenge; what follows a comma may as well be the next scheme. */
function takeNext(cursor: Cursor): RegExpExecArray | undefined {
  const before = cursor.at
  take(cursor, SEPARATORS)
  const found = take(cursor, PARAM)
  if (found === undefined) cursor.at = before
  return found
}

/** What a client may use of a challenge; it is read, and never relayed. */
export interface ResourceChallenge {
  readonly scheme: 'bearer' | 'dpop'
  readonly error?: string
  readonly scopes: readonly string[]
  readonly resourceMetadata?: string
}

/** The challenges of a foreign resource that ask for a token, scopes that are none left out. */
export function readResourceChallenges(text: string): readonly ResourceChallenge[] {
  return parseChallenges(text).flatMap(({ scheme, params }) => {
    if (scheme !== 'bearer' && scheme !== 'dpop') return []
    const error = params.get('error')
    const resourceMetadata = params.get('resource_metadata')
    const scopes = readScope(params.get('scope') ?? '') ?? []
    return [
      {
        scheme,
        scopes,
        ...(error === undefined ? {} : { error }),
        ...(resourceMetadata === undefined ? {} : { resourceMetadata }),
      },
    ]
  })
}
