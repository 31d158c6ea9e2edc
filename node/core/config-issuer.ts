import { z } from 'zod'
import type { IssuerDraft } from './config-drafts.ts'
import { addProblem, defined, distinct, duration } from './config-fields.ts'
import { quotedChoice } from './config-hints.ts'
import {
  ALGORITHMS,
  OWN_ALGORITHMS,
  algorithms,
  clientId,
  credentials,
  documentId,
  egress,
  issuerId,
  keySource,
  nonceDemand,
  resourceId,
  secureUrl,
  subject,
  tokenTypes,
} from './config-identity-fields.ts'
import type { ClientKeySource, GrantSigner, WorkloadClient } from './config-identity-types.ts'
import { ownScope } from './config-scope-fields.ts'

const MODES = ['embedded', 'node', 'external'] as const

const SIGNERS = ['embedded', 'node'] as const

const grantFields = z.strictObject({
  mode: z
    .enum(SIGNERS)
    .prefault('embedded')
    .describe(
      'Who signs them. embedded: this process; node: another node of the organisation, which lists this one under nodes. One such node an organisation, so that a caller is known to the others by one name.',
    ),
  url: issuerId
    .optional()
    .describe(
      'Issuer identifier of the grants: what the trust records of other organisations name. Never that of the authorization server, which has keys of its own. Default with mode embedded: the base URL of the node; needed with mode node.',
    ),
  tokenEndpoint: secureUrl
    .optional()
    .describe(
      'Where grants are asked for; only with mode node. Default: what the metadata of url says (RFC 8414), which must be on its host.',
    ),
})

function checkSigner(
  { mode, url, tokenEndpoint }: z.output<typeof grantFields>,
  context: z.RefinementCtx,
): void {
  if (mode === 'node' && url === undefined) {
    addProblem(context, { path: ['url'], message: 'is missing: mode node needs it' })
  }
  if (mode === 'embedded' && tokenEndpoint !== undefined) {
    const hint = 'with mode embedded it is this process that answers'
    addProblem(context, { path: ['tokenEndpoint'], message: 'is not for mode embedded', hint })
  }
}

const grants: z.ZodType<GrantSigner> = grantFields
  .superRefine(checkSigner)
  .transform((signer): GrantSigner => defined(signer))
  .describe(
    'Grants for other organisations, where the authorization server cannot make them, as Keycloak cannot: a node signs them, under an identifier of its own, from tokens of that server. Only with mode external. An empty table is this process with every default. Default: none; the authorization server is asked for them.',
  )

const fields = z.strictObject({
  mode: z
    .enum(MODES)
    .prefault('embedded')
    .describe(
      'Who runs the token service of the organisation. embedded: this process; node: another node of the organisation; external: an authorization server that is no node. One embedded service an organisation, so that every audience has one issuer.',
    ),
  url: issuerId
    .optional()
    .describe(
      'Issuer identifier, exactly as it stands in tokens: https, or http on loopback. Default with mode embedded: the base URL of the node; needed with the other modes.',
    ),
  tokenEndpoint: secureUrl
    .optional()
    .describe(
      'Token endpoint. Not with mode embedded. Default: what the metadata of the issuer says (RFC 8414), which must be on the host of the issuer.',
    ),
  jwksUri: secureUrl
    .optional()
    .describe(
      'URL of the keys of the issuer. Not with mode embedded. Default: what the metadata of the issuer says, which must be on the host of the issuer.',
    ),
  algs: algorithms
    .optional()
    .describe(
      'Signature algorithms of its tokens. Default: ES256, what nodes sign with; with mode external ES256, EdDSA, PS256, RS256 and ES384.',
    ),
  types: tokenTypes('only with mode external. Default: none.').optional(),
  client: credentials(
    'Who this node is there; only with mode external. Default: the URL of its client metadata document, with private_key_jwt.',
  ).optional(),
  grants: grants.optional(),
  tokenTtl: duration(
    { default: '120s', min: '10s', max: '1h' },
    'Longest life of an access token the embedded service issues, a duration. Short, because it bounds what a stolen or revoked one is good for.',
  ),
  grantTtl: duration(
    { default: '60s', min: '5s', max: '2m' },
    'Life of a grant for the issuer of another organisation, a duration. It is redeemed at once; the other side takes none that lives longer than 2m.',
  ),
  keyLifetime: duration(
    { default: '7d', min: '1h', max: '24d' },
    'How long the node signs tokens and grants with one key, a duration. The next is published well before, and the last kept until its tokens are over, so it costs nobody anything.',
  ),
  revocationPoll: duration(
    { default: '15s', min: '1s', max: '5m' },
    'How long the node waits before it asks again what was revoked, a duration; with mode node, or grants.mode node, where another node is told. A revoked token is good here for as long at most.',
  ),
  dpopNonces: nonceDemand(
    'Whether each proof at the token endpoint (RFC 9449 §8) must hold a nonce of this node, good for 5 minutes; only with mode embedded, or grants signed here. required: a proof that was made ahead is worth nothing; clients are asked with 400 use_dpop_nonce the first time, and given the next with each token. Default: off.',
  ).optional(),
  egress: egress(
    'Where the token service and the identity of this node may connect to, for keys, metadata and tokens. Default: private addresses only if the base URL of the node is on loopback, as in a laboratory.',
  ),
})

type Fields = z.output<typeof fields>

function checkMode(issuer: Fields, context: z.RefinementCtx): void {
  const { mode } = issuer
  if (mode !== 'embedded' && issuer.url === undefined) {
    addProblem(context, { path: ['url'], message: `is missing: mode ${mode} needs it` })
  }
  for (const key of ['tokenEndpoint', 'jwksUri'] as const) {
    if (mode !== 'embedded' || issuer[key] === undefined) continue
    const hint = 'with mode embedded it is this process that answers'
    addProblem(context, { path: [key], message: 'is not for mode embedded', hint })
  }
  const servesNothing = mode !== 'embedded' && issuer.grants?.mode !== 'embedded'
  if (servesNothing && issuer.dpopNonces !== undefined) {
    const message = 'is only for mode embedded, and where this node signs grants'
    addProblem(context, { path: ['dpopNonces'], message })
  }
  for (const key of ['client', 'types', 'grants'] as const) {
    if (mode === 'external' || issuer[key] === undefined) continue
    addProblem(context, { path: [key], message: 'is only for mode external' })
  }
}

/** The part `issuer`. */
export const issuerSchema: z.ZodType<IssuerDraft> = fields
  .superRefine(checkMode)
  .transform(({ algs, types = [], dpopNonces = 'off', ...rest }): IssuerDraft => ({
    ...defined(rest),
    types,
    dpopNonces,
    algs: algs ?? (rest.mode === 'external' ? ALGORITHMS : OWN_ALGORITHMS),
  }))
  .describe(
    'The token issuer of the organisation: callers of endpoints come with its tokens, and calls to other nodes go with tokens it made. An empty table is the embedded service with every default. Default: none; then endpoints are open, or name an issuer of their own.',
  )

/** Clients and their keys, as they are written in a trust record: a client id, or a table. */
export const trustedClient: z.ZodType<{ readonly id: string; readonly keys: ClientKeySource }> =
  z.union([
    documentId
      .transform((id) => ({ id, keys: { metadataUri: id } }))
      .meta({
        description: 'Client id of a node: the URL of its client metadata document, with its keys.',
      }),
    z
      .strictObject({
        id: clientId.describe('Client id, as its assertions say it.'),
        keys: keySource.describe('Public keys of its client assertions.'),
      })
      .describe('A client whose keys are elsewhere, or in this file.'),
  ])

/** Costs of one verification: 16 to 64 MiB of memory, since a caller decides when it is done. */
const MIN_SCRYPT_LOG2 = 14
const MAX_SCRYPT_BYTES = 64 * 1_024 ** 2

function isScryptHash(input: string): boolean {
  const [, n, r, p] =
    /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$[A-Za-z0-9_-]{22,86}\$[A-Za-z0-9_-]{43,86}$/.exec(
      input,
    ) ?? []
  const cost = Number(n)
  const log2 = Math.log2(cost)
  const affordable = 128 * cost * Number(r) <= MAX_SCRYPT_BYTES && Number(p) <= 4
  return (
    Number.isInteger(log2) &&
    log2 >= MIN_SCRYPT_LOG2 &&
    Number(r) >= 8 &&
    Number(p) >= 1 &&
    affordable
  )
}

/** Issuers of platforms: some are the name of a trust domain. */
const platformIssuer = z.string().superRefine((input, context) => {
  if (/^spiffe:\/\/[a-z0-9._-]{1,255}$/.test(input)) return
  const problem = issuerId.safeParse(input).error?.issues[0]?.message
  if (problem !== undefined) context.addIssue(`${problem}, or be spiffe://<trust domain>`)
})

const federated = z
  .strictObject({
    issuer: platformIssuer.describe(
      'Issuer of the tokens of the platform, exactly as it stands in them: an https URL, or spiffe://<trust domain>.',
    ),
    keys: keySource.describe('Its public keys.'),
    algs: algorithms
      .prefault([...ALGORITHMS])
      .describe('Signature algorithms of its tokens. Default: all that are known.'),
    subject: subject.describe(
      'The one subject that stands for this workload, exactly: a service account, a SPIFFE id.',
    ),
    audiences: distinct(clientId, 0)
      .prefault([])
      .describe(
        'Audiences its tokens may have, one of which they must. Default: the issuer identifier of this node alone.',
      ),
  })
  .describe(
    'Tokens of a platform (Kubernetes, SPIFFE, a build service) that stand for the workload (RFC 7523), so that it keeps no secret.',
  )

const PROOFS = ['keys', 'secretHash', 'federated'] as const

/** An item of the part `workloads`. */
export const workloadSchema: z.ZodType<WorkloadClient> = z
  .strictObject({
    client: clientId.describe('Client id of the workload; also the subject of its tokens.'),
    keys: keySource
      .optional()
      .describe('Public keys of its client assertions (private_key_jwt). No secret is shared.'),
    secretHash: z
      .string()
      .refine(
        isScryptHash,
        'must be scrypt$<N>$<r>$<p>$<salt>$<hash>: N a power of 2 from 16384, r from 8, p to 4, 128*N*r at most 64 MiB, salt and hash base64url',
      )
      .optional()
      .describe(
        'scrypt of its client secret: scrypt$<N>$<r>$<p>$<salt>$<hash>, salt and hash in base64url. The secret itself stands nowhere.',
      ),
    federated: federated.optional(),
    resources: distinct(resourceId, 1).describe('URLs of endpoints it may get tokens for.'),
    scopes: distinct(ownScope, 1).describe(
      'The most it may get, in the names of those endpoints, like ns:<namespace>:read, or "*".',
    ),
  })
  .superRefine((workload, context) => {
    if (PROOFS.filter((proof) => workload[proof] !== undefined).length === 1) return
    addProblem(context, { message: `needs exactly one of ${quotedChoice(PROOFS)}` })
  })
  .transform((workload): WorkloadClient => defined(workload))
  .describe('A program that gets tokens of its own from the embedded service.')
