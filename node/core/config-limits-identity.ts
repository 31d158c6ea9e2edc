import type { LimitSpec } from './config-limits.ts'

/** Name of a limit on tokens, keys and who may ask for them, as in the file. */
export type IdentityLimitName =
  | 'tokenBytes'
  | 'actDepth'
  | 'clockSkew'
  | 'replayEntries'
  | 'verifiedTokens'
  | 'delegatedTokens'
  | 'revocations'
  | 'tokenRequestsPerMinute'
  | 'tokenResponseBytes'
  | 'fetchTimeout'
  | 'signIns'
  | 'signInTimeout'
  | 'refusedAssertion'

/** The part of the table of limits that identity needs. */
export const IDENTITY_LIMITS: Readonly<Record<IdentityLimitName, LimitSpec>> = {
  tokenBytes: {
    unit: 'bytes',
    default: '8KiB',
    min: '1KiB',
    max: '64KiB',
    meaning:
      'A credential in the headers of a request, and a DPoP proof. Refused before anything is verified; headerBytes holds both.',
  },
  actDepth: {
    unit: 'count',
    default: 8,
    min: 1,
    max: 32,
    meaning:
      'Actors in a token, the outermost included: organisations and nodes it passed. Counted before anything is verified; a token of 8 actors has about 1.5 KiB.',
  },
  clockSkew: {
    unit: 'milliseconds',
    default: '5s',
    min: '0s',
    max: '60s',
    meaning:
      'How far the clocks of issuers and callers may be off when times in tokens are compared. Every token lives that much longer.',
  },
  replayEntries: {
    unit: 'count',
    default: 100_000,
    min: 1_000,
    max: 10_000_000,
    meaning:
      'Proofs and grants remembered against replay, about 400 bytes each. When it is full, requests are refused until the oldest are over: nothing is forgotten early.',
  },
  verifiedTokens: {
    unit: 'count',
    default: 10_000,
    min: 100,
    max: 1_000_000,
    meaning:
      'Tokens of callers whose signature need not be verified again, about 2 KiB each. Beyond it the least used go and are verified anew.',
  },
  delegatedTokens: {
    unit: 'count',
    default: 8_192,
    min: 100,
    max: 1_000_000,
    meaning:
      'Tokens for upstreams kept for their next call, about 3 KiB each. Beyond it the least used go and are exchanged anew.',
  },
  revocations: {
    unit: 'count',
    default: 100_000,
    min: 1_000,
    max: 10_000_000,
    meaning:
      'Revoked tokens and ended sessions remembered until no token of theirs is valid, about 150 bytes each, and as many for each issuer. When it is full, tokens of that issuer are refused: none is forgotten early.',
  },
  tokenRequestsPerMinute: {
    unit: 'count',
    default: 600,
    min: 1,
    max: 1_000_000,
    meaning:
      'Requests of one client to the token service in a minute, also those that fail. A trust record has a rate of its own besides.',
  },
  tokenResponseBytes: {
    unit: 'bytes',
    default: '256KiB',
    min: '4KiB',
    max: '4MiB',
    meaning:
      'Keys, metadata, or an answer of a token or introspection endpoint. A larger one is not read, and what needs it fails.',
  },
  fetchTimeout: {
    unit: 'milliseconds',
    default: '5s',
    min: '100ms',
    max: '1m',
    meaning:
      'Time to fetch keys, metadata or a token, from the connection to the last byte. A call that needs one waits for it.',
  },
  signIns: {
    unit: 'count',
    default: 10_000,
    min: 10,
    max: 10_000_000,
    meaning:
      'Sign-ins of callers at upstreams (auth mode oauth) that are kept, sealed, one file of about 2 KiB each in the state folder. When it is full nobody else can sign in: none is forgotten early.',
  },
  signInTimeout: {
    unit: 'milliseconds',
    default: '10m',
    min: '1m',
    max: '1h',
    meaning:
      'How long the address of a sign-in at an upstream is good, from the question to the return of the browser. Long enough to find a password, short enough that a lost address is worthless.',
  },
  refusedAssertion: {
    unit: 'milliseconds',
    default: '1h',
    min: '10s',
    max: '1d',
    meaning:
      'How long a token of the platform (auth mode workload) that the issuer of an upstream refused is not shown again while its file stays the same. Another content of the file is shown at once, and the same after a reload.',
  },
}
