import { z } from 'zod'
import type { EndpointAuthDraft } from './config-drafts.ts'
import { addProblem, defined, distinct, slug } from './config-fields.ts'
import {
  algorithms,
  credentials,
  egress,
  endTime,
  issuerId,
  nonceDemand,
  secureUrl,
  tokenTypes,
} from './config-identity-fields.ts'
import type { StaticKey } from './config-identity-types.ts'
import { anyScope, ownScope, scopeMap } from './config-scope-fields.ts'
import { checkKeys, keyHash } from './config-static-keys.ts'

const introspection = z
  .strictObject({
    url: secureUrl.describe('URL of the introspection endpoint: https, or http on loopback.'),
    client: credentials('Who this node is there.'),
  })
  .describe(
    'Where tokens that are no JWT are asked about (RFC 7662). Default: nowhere, they are refused. Each costs a request, remembered for 30 seconds at most.',
  )

const staticKey: z.ZodType<StaticKey> = z
  .strictObject({
    name: slug.describe('Who holds it: the subject of its calls, in logs and audit.'),
    hash: keyHash,
    scopes: distinct(ownScope, 1).describe(
      'What it may do: like ns:<namespace>, ns:<namespace>:read, tool:<namespace>/<tool>, or "*".',
    ),
    notAfter: endTime(
      'When it ends: a day, to its end in UTC, or a time of RFC 3339. Default: no end.',
    ).optional(),
  })
  .transform((key): StaticKey => defined(key))

const fields = z.strictObject({
  issuer: issuerId
    .optional()
    .describe(
      'The one issuer whose tokens are taken, exactly as it stands in them: the identity provider of people, at the edge. Default: the issuer of the organisation.',
    ),
  jwksUri: secureUrl
    .optional()
    .describe(
      'URL of its keys; only with issuer. Default: what its metadata says, which must be on the host of the issuer.',
    ),
  algs: algorithms
    .optional()
    .describe(
      'Signature algorithms of its tokens. Default: those of the issuer of the organisation; with issuer ES256, EdDSA, PS256, RS256 and ES384.',
    ),
  types: tokenTypes('only with issuer. Default: none.').optional(),
  introspection: introspection.optional(),
  dpop: z
    .enum(['required', 'accepted'])
    .optional()
    .describe(
      'Whether tokens must be bound to a key of the caller (RFC 9449). required: a bearer token is refused, so that a stolen one is worth nothing; accepted: a token that is bound must be proved, and one that is not is taken. Default: required, but accepted where the issuer is no node, since few clients of people can do it.',
    ),
  dpopNonces: nonceDemand(
    'Whether each proof (RFC 9449 §9) must hold a nonce of this node, good for 5 minutes. required: a proof that was made ahead is worth nothing, and proofs need be remembered for half a minute only; callers are asked with 401 use_dpop_nonce, which costs them a second request now and then. off: proofs of the last 5 minutes are taken, each once. Default: off.',
  ).optional(),
  scopeMap: scopeMap(anyScope, ownScope)
    .prefault({})
    .describe(
      'Scopes of foreign tokens in the names of this endpoint. Default: none; a scope is taken as it is written if it is one of a node, like ns:<namespace>:read, and dropped if not.',
    ),
  keys: z
    .array(staticKey)
    .max(1_000)
    .superRefine(checkKeys)
    .prefault([])
    .describe(
      'Keys for small set-ups, sent as bearer tokens. They cannot be exchanged: upstreams that ask who calls refuse them. Default: none.',
    ),
  egress: egress(
    'Where the node may connect to for keys, metadata and introspection of issuer. Default: private addresses only if the host of issuer is written as one; without issuer as issuer.egress of the node.',
  ),
})

function checkFields(auth: z.output<typeof fields>, context: z.RefinementCtx): void {
  if (auth.issuer !== undefined) return
  for (const key of ['jwksUri', 'types', 'egress'] as const) {
    if (auth[key] === undefined) continue
    const hint = 'for the issuer of the organisation it stands under "issuer"'
    addProblem(context, {
      path: [key],
      message: 'is only for an endpoint with an issuer of its own',
      hint,
    })
  }
}

const table: z.ZodType<EndpointAuthDraft> = fields
  .superRefine(checkFields)
  .transform((auth): EndpointAuthDraft => defined(auth))
  .describe('Callers need a token for this endpoint. An empty table has every default.')

/** The field `auth` of an endpoint. */
export const endpointAuth: z.ZodOptional<z.ZodType<'none' | EndpointAuthDraft>> = z
  .union([z.literal('none').describe('Whoever reaches it may call it; only on loopback.'), table])
  .describe(
    'Who may call the endpoint. Default: an empty table, tokens of the issuer of the organisation; "none" in a node without issuer.',
  )
  .optional()
