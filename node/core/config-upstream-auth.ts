import { z } from 'zod'
import { EVERYTHING } from '../../protocol/token/scopes.ts'
import { addProblem, defined, distinct } from './config-fields.ts'
import { quotedChoice } from './config-hints.ts'
import { credentials, issuerId, secureUrl } from './config-identity-fields.ts'
import type { UpstreamAuth } from './config-identity-types.ts'
import { anyScope, foreignScope, ownScope, scopeMap } from './config-scope-fields.ts'

const MODES = ['none', 'exchange', 'chain', 'client_credentials'] as const

type Mode = (typeof MODES)[number]

const scopeTableFields = z
  .strictObject({
    map: scopeMap(ownScope, foreignScope).describe(
      'Scopes of callers, in the names of this node, to scopes of the upstream. What is not in it does not go over.',
    ),
    accept: distinct(foreignScope, 1)
      .optional()
      .describe(
        'With mode chain, scopes its tokens may have besides those asked for, where the trust record over there gives them other names. Default: none; a token with any other scope is refused.',
      ),
  })
  .describe('With modes exchange and chain, the caller’s scopes in the names of the upstream.')

const fields = z.strictObject({
  mode: z
    .enum(MODES)
    .prefault('none')
    .describe(
      'none: the upstream is not told who calls, beyond what http.headers say. exchange: a token made from the caller’s at the issuer of the organisation (RFC 8693), for upstreams inside it. chain: a grant of that issuer, redeemed at the issuer of the upstream (identity chaining), for other organisations. client_credentials: the node itself, whoever calls (RFC 6749). The token of the caller never goes on.',
    ),
  issuer: issuerId
    .optional()
    .describe(
      'Issuer of the upstream, exactly as it stands in its tokens; with modes chain and client_credentials, which need it.',
    ),
  tokenEndpoint: secureUrl
    .optional()
    .describe(
      'Token endpoint of issuer. Default: what its metadata says (RFC 8414), which must be on the host of the issuer.',
    ),
  client: credentials(
    'Who the node is there; with mode client_credentials, which needs it.',
  ).optional(),
  scopes: z
    .union([
      scopeTableFields,
      distinct(anyScope, 1).describe(
        'With mode client_credentials, the scopes asked for, in the names of the upstream.',
      ),
    ])
    .optional()
    .describe(
      'What goes over: a table with map for modes exchange and chain, a list for client_credentials. Nothing goes over by itself.',
    ),
  requires: distinct(ownScope, 1)
    .optional()
    .describe(
      'Scopes a caller must have, in the names of this node; with mode client_credentials, which needs it: else anybody would act as the node.',
    ),
  subject: z
    .enum(['pairwise', 'public'])
    .optional()
    .describe(
      'With mode chain, what the other organisation learns of who calls. pairwise: an opaque name that only it gets; public: the name here. Default: pairwise.',
    ),
  disclose: z
    .enum(['full', 'self', 'hashed'])
    .optional()
    .describe(
      'With mode chain, what it learns of who acted before. full: every node; self: this node, and hashes of the others; hashed: hashes of all but the node that calls. Default: full. The number of them is never hidden.',
    ),
  requireChain: z
    .boolean()
    .optional()
    .describe(
      'With modes exchange and chain, whether a token without the chain of actors and its budget is refused, as some external authorization servers make. Default: true.',
    ),
})

type Fields = z.output<typeof fields>
type Field = Exclude<keyof Fields, 'mode'>

/** Which fields a mode has; `needed` must be there. */
const FIELDS: Readonly<Record<Mode, { needed: readonly Field[]; possible: readonly Field[] }>> = {
  none: { needed: [], possible: [] },
  exchange: { needed: ['scopes'], possible: ['requireChain'] },
  chain: {
    needed: ['issuer', 'scopes'],
    possible: ['tokenEndpoint', 'subject', 'disclose', 'requireChain'],
  },
  client_credentials: {
    needed: ['issuer', 'client', 'scopes', 'requires'],
    possible: ['tokenEndpoint'],
  },
}

function modesWith(field: Field): readonly Mode[] {
  return MODES.filter((mode) => [...FIELDS[mode].needed, ...FIELDS[mode].possible].includes(field))
}

function checkFields(auth: Fields, context: z.RefinementCtx): void {
  const { needed, possible } = FIELDS[auth.mode]
  for (const field of Object.keys(auth) as (keyof Fields)[]) {
    if (field === 'mode' || [...needed, ...possible].includes(field)) continue
    const message = `is only for mode ${quotedChoice(modesWith(field))}`
    addProblem(context, { path: [field], message })
  }
  for (const field of needed) {
    if (auth[field] !== undefined) continue
    addProblem(context, { path: [field], message: `is missing: mode ${auth.mode} needs it` })
  }
}

const EMPTY_MAP =
  'say which scopes of callers become which there, like { "ns:sales:read": ["ns:crm:read"] }'

function checkScopeTable(
  { mode }: Fields,
  map: Record<string, string[]>,
  context: z.RefinementCtx,
): void {
  const path = ['scopes', 'map']
  if (Object.keys(map).length === 0) {
    addProblem(context, {
      path,
      message: 'is empty, so nothing would ever go over',
      hint: EMPTY_MAP,
    })
  }
  if (mode === 'chain' && Object.hasOwn(map, EVERYTHING)) {
    const message = '"*" never crosses a border: name what may be called'
    addProblem(context, { path: [...path, EVERYTHING], message })
  }
}

interface ScopeTable {
  readonly map: Record<string, string[]>
  readonly accept: readonly string[]
}

function scopeTable(auth: Fields, context: z.RefinementCtx): ScopeTable {
  const { scopes } = auth
  if (scopes === undefined || Array.isArray(scopes)) {
    addProblem(context, {
      path: ['scopes'],
      message: 'must be a table with "map"',
      hint: EMPTY_MAP,
    })
    return z.NEVER
  }
  checkScopeTable(auth, scopes.map, context)
  const { map, accept = [] } = scopes
  if (auth.mode !== 'chain' && accept.length > 0) {
    addProblem(context, { path: ['scopes', 'accept'], message: 'is only for mode "chain"' })
  }
  return { map, accept }
}

function withMode(auth: Fields, context: z.RefinementCtx): UpstreamAuth {
  const { mode, issuer, client, scopes, requires, requireChain = true } = auth
  const { tokenEndpoint, subject = 'pairwise', disclose = 'full' } = auth
  if (mode === 'none') return { mode }
  if (mode === 'exchange') {
    const { map } = scopeTable(auth, context)
    return { mode, scopes: { map }, requireChain }
  }
  const elsewhere = defined({ tokenEndpoint })
  if (issuer === undefined) return z.NEVER
  if (mode === 'chain') {
    const shared = { scopes: scopeTable(auth, context), subject, disclose, requireChain }
    return { mode, issuer, ...elsewhere, ...shared }
  }
  if (!Array.isArray(scopes) || client === undefined || requires === undefined) {
    const message = 'must be a list with mode "client_credentials"'
    addProblem(context, { path: ['scopes'], message })
    return z.NEVER
  }
  return { mode, issuer, ...elsewhere, client, scopes, requires }
}

/** The field `auth` of an upstream on the network. */
export const upstreamAuth: z.ZodOptional<z.ZodType<UpstreamAuth>> = fields
  .superRefine(checkFields)
  .transform(withMode)
  .describe(
    'How the upstream is told who calls; only for http and node upstreams. Default: mode none.',
  )
  .optional()
