import { z } from 'zod'
import { addProblem, count, defined, distinct, duration, table } from './config-fields.ts'
import {
  OWN_ALGORITHMS,
  algorithms,
  endTime,
  issuerId,
  keySource,
  resourceId,
  subject,
  thumbprint,
} from './config-identity-fields.ts'
import type { SubjectRule, TrustRecord } from './config-identity-types.ts'
import { trustedClient } from './config-issuer.ts'
import { borderScope, foreignScope, scopeMap } from './config-scope-fields.ts'

/** What a pairwise subject looks like: 256 bits in base64url. */
const PAIRWISE = '^[A-Za-z0-9_-]{43}$'

const MAX_PATTERN = 256

function problemOfPattern(pattern: string): string | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) {
    return 'must start with ^ and end with $: a part that fits is not enough'
  }
  return isRegExp(pattern) ? undefined : 'must be a regular expression of JavaScript (with flag u)'
}

function isRegExp(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').unicode
  } catch {
    return false
  }
}

const subjectFields = z.strictObject({
  mode: z
    .enum(['pairwise', 'mapped', 'public'])
    .prefault('pairwise')
    .describe(
      'How its subjects are taken over. pairwise: opaque, under its name; mapped: only those in map, as subjects of ours; public: as they come, under its name. pairwise tells neither side who the person is at the other.',
    ),
  pattern: z
    .string()
    .max(MAX_PATTERN)
    .superRefine((pattern, context) => {
      const problem = problemOfPattern(pattern)
      if (problem !== undefined) context.addIssue(problem)
    })
    .optional()
    .describe(
      `What a subject must look like with mode pairwise, a regular expression for all of it. Default: ${PAIRWISE}, which no name or address fits.`,
    ),
  map: table(subject, subject)
    .prefault({})
    .describe('Its subjects to ours, with mode mapped. Others are refused.'),
  anonymous: z
    .boolean()
    .prefault(false)
    .describe(
      'Whether the calling node itself may be the subject, for calls on nobody’s behalf. Off, because such calls cannot be told apart.',
    ),
})

function checkSubjects(
  { mode, pattern, map }: z.output<typeof subjectFields>,
  context: z.RefinementCtx,
): void {
  const mapped = Object.keys(map).length > 0
  if (mode === 'mapped' && !mapped) {
    const hint = 'without it every subject is refused'
    addProblem(context, { path: ['map'], message: 'must not be empty with mode mapped', hint })
  }
  if (mode !== 'mapped' && mapped) {
    addProblem(context, { path: ['map'], message: 'is only for mode mapped' })
  }
  if (mode !== 'pairwise' && pattern !== undefined) {
    addProblem(context, { path: ['pattern'], message: 'is only for mode pairwise' })
  }
}

const subjects: z.ZodType<SubjectRule> = subjectFields
  .superRefine(checkSubjects)
  .transform(({ pattern, ...rest }): SubjectRule => ({ ...rest, pattern: pattern ?? PAIRWISE }))
  .prefault({})
  .describe('Whom it may speak for.')

const EMPTY_MAP = 'say what each of its scopes is here, like { "ns:crm:read": ["ns:sales:read"] }'

const scopes = z
  .strictObject({
    map: scopeMap(foreignScope, borderScope)
      .superRefine((map, context) => {
        if (Object.keys(map).length > 0) return
        addProblem(context, {
          message: 'is empty, so nothing would ever be granted',
          hint: EMPTY_MAP,
        })
      })
      .describe('Its scopes in our names; what is not in it is nothing. "*" is not possible.'),
    max: distinct(borderScope, 0)
      .superRefine((max, context) => {
        if (max.length > 0) return
        const hint = 'list the most it may get, like ["ns:sales:read"]'
        addProblem(context, { message: 'is empty, so nothing would ever be granted', hint })
      })
      .describe('The most it may get whatever the map says, in our names. "*" is not possible.'),
  })
  .describe('What it may do: map, then cut down to max. Both deny what they do not name.')

const rate = z
  .strictObject({
    exchangesPerMin: count(
      { default: 600, min: 1, max: 1_000_000 },
      'Grants redeemed in a minute, over all its clients. Bounds what a loop or a thief over there costs here.',
    ),
  })
  .prefault({})
  .describe('How much it may ask.')

const fields = z.strictObject({
  issuer: issuerId.describe('Its issuer identifier, exactly as it stands in its grants.'),
  keys: keySource.describe('Its public keys. Never pooled with those of others.'),
  pins: distinct(thumbprint, 0)
    .prefault([])
    .describe(
      'Thumbprints (RFC 7638, SHA-256) of the only keys of it that count. Default: none, so any of its keys does and it can rotate them by itself.',
    ),
  algs: algorithms
    .prefault([...OWN_ALGORITHMS])
    .describe('Signature algorithms of its grants. Default: ES256, what nodes sign with.'),
  clients: z
    .array(trustedClient)
    .min(1)
    .describe(
      'Nodes of it that may redeem its grants here: client ids, whose keys are fetched from the client metadata document, or tables { id, keys }.',
    ),
  cnf: z
    .enum(['dpop', 'none'])
    .prefault('dpop')
    .describe(
      'What tokens are bound to. dpop: the key of its node, so that a stolen token is worth nothing; none: whoever holds it, for laboratories and third-party assertions.',
    ),
  profiles: distinct(z.enum(['mesh', 'id-jag']), 1)
    .prefault(['mesh'])
    .describe(
      'Which grants are taken. mesh: those of nodes; id-jag: identity assertions of an identity provider (enterprise-managed authorization).',
    ),
  resources: distinct(resourceId, 1).describe(
    'URLs of endpoints it may get tokens for: of this node, or what a node under nodes spends.',
  ),
  subjects,
  transit: distinct(issuerId, 0)
    .prefault([])
    .describe(
      'Issuers whose subjects it may relay. Default: none; it speaks for its own people only.',
    ),
  scopes,
  maxDepth: count(
    { default: 3, min: 1, max: 32 },
    'Longest chain of actors it may come with, its own node included. Also bounds how far calls go on from here.',
  ),
  maxTtl: duration(
    { default: '120s', min: '10s', max: '1h' },
    'Longest life of a token for it, a duration; never longer than issuer.tokenTtl.',
  ),
  notAfter: endTime(
    'When this ends: a day, to its end in UTC, or a time of RFC 3339. Nothing is granted from then on. Default: no end.',
  ).optional(),
  rate,
})

/** An item of the part `trust`. */
export const trustSchema: z.ZodType<TrustRecord> = fields
  .superRefine(({ issuer, transit }, context) => {
    transit.forEach((relayed, i) => {
      if (relayed !== issuer) return
      const message = 'is this issuer itself, whose subjects need no transit'
      addProblem(context, { path: ['transit', i], message })
    })
  })
  .transform(({ rate: { exchangesPerMin }, ...rest }): TrustRecord => ({
    ...defined(rest),
    exchangesPerMinute: exchangesPerMin,
  }))
  .describe('What the issuer of another organisation may make this one issue.')
