import { z } from 'zod'
import { EVERYTHING } from '../../protocol/token/scopes.ts'
import { addProblem, defined, distinct, text } from './config-fields.ts'
import { quotedChoice } from './config-hints.ts'
import {
  credentials,
  issuerId,
  secureUrl,
  subject as callerSubject,
} from './config-identity-fields.ts'
import type { ConsentAuth, EnterpriseAuth, UpstreamAuth } from './config-identity-types.ts'
import { anyScope, foreignScope, ownScope, scopeMap } from './config-scope-fields.ts'

const MODES = [
  'none',
  'exchange',
  'chain',
  'client_credentials',
  'oauth',
  'workload',
  'xaa',
] as const

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

const file = text.describe('A file, relative to the folder of this file.')

const fields = z.strictObject({
  mode: z
    .enum(MODES)
    .prefault('none')
    .describe(
      'none: the upstream is not told who calls, beyond what http.headers say. exchange: a token made from the caller’s at the issuer of the organisation (RFC 8693), for upstreams inside it. chain: a grant of that issuer, redeemed at the issuer of the upstream (identity chaining), for other organisations. client_credentials: the node itself, whoever calls (RFC 6749). oauth: each caller signs in there itself, asked by URL elicitation, and its token is kept here, sealed. workload: the node itself, by a token its platform gives it (RFC 7523). xaa: the node itself, by a grant of its identity provider (ID-JAG). The token of the caller never goes on.',
    ),
  issuer: issuerId
    .optional()
    .describe(
      'Issuer of the upstream, exactly as it stands in its tokens; mode chain needs it. Default with modes client_credentials, workload and xaa: the authorization server the upstream names (RFC 9728), which must be exactly one and stay the same while the node runs, because it is sent what proves who the node is. With mode oauth, the one of those it names that is used. Default there: the first.',
    ),
  tokenEndpoint: secureUrl
    .optional()
    .describe(
      'Token endpoint of issuer. Default: what its metadata says (RFC 8414), which must be on the host of the issuer.',
    ),
  client: credentials(
    'Who the node is there; modes client_credentials and xaa need it. With mode oauth, a client that was registered by hand. Default there: the client metadata document of the node where the server takes such, else the node registers itself (RFC 7591).',
  ).optional(),
  scopes: z
    .union([
      scopeTableFields,
      distinct(anyScope, 1).describe(
        'With the other modes, the scopes asked for, in the names of the upstream.',
      ),
    ])
    .optional()
    .describe(
      'What goes over: a table with map for modes exchange and chain, a list for the others. Nothing goes over by itself. Mode oauth can do without: it asks for what the upstream says it needs.',
    ),
  requires: distinct(ownScope, 1)
    .optional()
    .describe(
      'Scopes a caller must have, in the names of this node; who lacks one sees nothing of the upstream. Modes client_credentials, workload and xaa need it: else anybody would act as the node. With mode oauth, who may sign in at all. Default there: whoever sees what the upstream has.',
    ),
  lists: z
    .strictObject({
      issuer: issuerId
        .optional()
        .describe('Issuer of that caller, as its tokens name it. Default: any.'),
      subject: callerSubject.describe('Subject of that caller; of a static key, its name.'),
    })
    .optional()
    .describe(
      'With mode oauth, the caller whose sign-in the node lists with: what that user sees there is what everybody sees listed, and each calls with the own token. Default: the one caller of a node without authentication; elsewhere nobody, and then the upstream must list without a token.',
    ),
  assertion: file
    .optional()
    .describe(
      'With mode workload, which needs it: file of the token of the platform (Kubernetes, SPIFFE, CI) whose audience is issuer, relative to the folder of this file. Read for each request, because platforms renew it.',
    ),
  provider: z
    .strictObject({
      issuer: issuerId.describe('Issuer of the identity provider, which makes the grants.'),
      tokenEndpoint: secureUrl
        .optional()
        .describe('Its token endpoint. Default: what its metadata says (RFC 8414, OpenID).'),
      client: credentials('Who the node is at the identity provider.'),
      idToken: file.describe(
        'File of an ID token that the provider issued to this very client, relative to the folder of this file. Never one of a caller: those are not exchanged.',
      ),
    })
    .transform((provider): EnterpriseAuth['provider'] => defined(provider))
    .optional()
    .describe('With mode xaa, which needs it: the identity provider that vouches for the node.'),
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
    needed: ['client', 'scopes', 'requires'],
    possible: ['issuer', 'tokenEndpoint'],
  },
  oauth: {
    needed: [],
    possible: ['issuer', 'tokenEndpoint', 'client', 'scopes', 'requires', 'lists'],
  },
  workload: {
    needed: ['assertion', 'scopes', 'requires'],
    possible: ['issuer', 'tokenEndpoint'],
  },
  xaa: {
    needed: ['client', 'provider', 'scopes', 'requires'],
    possible: ['issuer', 'tokenEndpoint'],
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

/** The scopes of a mode that asks for them by name. */
function scopeNames({ scopes, mode }: Fields, context: z.RefinementCtx): readonly string[] {
  if (Array.isArray(scopes)) return scopes
  addProblem(context, { path: ['scopes'], message: `must be a list with mode "${mode}"` })
  return z.NEVER
}

/** Where the upstream says who its issuer is, only that one can say where its token endpoint is. */
function checkTokenEndpoint({ issuer, tokenEndpoint }: Fields, context: z.RefinementCtx): void {
  if (tokenEndpoint === undefined || issuer !== undefined) return
  const message = 'is missing: tokenEndpoint is that of one issuer'
  addProblem(context, { path: ['issuer'], message })
}

function consentAuth(auth: Fields, context: z.RefinementCtx): ConsentAuth {
  const { issuer, tokenEndpoint, client, scopes, requires = [], lists } = auth
  const names = scopes === undefined ? {} : { scopes: scopeNames(auth, context) }
  checkTokenEndpoint(auth, context)
  const who = lists === undefined ? {} : { lists: defined(lists) }
  return {
    mode: 'oauth',
    ...defined({ issuer, tokenEndpoint, client }),
    ...names,
    requires,
    ...who,
  }
}

/** The modes in which the node goes in its own name. */
function ownName(auth: Fields, context: z.RefinementCtx): UpstreamAuth {
  const { mode, issuer, tokenEndpoint, client, requires, assertion, provider } = auth
  const scopes = scopeNames(auth, context)
  checkTokenEndpoint(auth, context)
  // What is missing has been said.
  if (requires === undefined) return z.NEVER
  const shared = { ...defined({ issuer, tokenEndpoint }), scopes, requires }
  if (mode === 'workload' && assertion !== undefined) return { mode, ...shared, assertion }
  if (client === undefined) return z.NEVER
  if (mode === 'xaa' && provider !== undefined) return { mode, ...shared, client, provider }
  return { mode: 'client_credentials', ...shared, client }
}

function withMode(auth: Fields, context: z.RefinementCtx): UpstreamAuth {
  const { mode, issuer, requireChain = true } = auth
  const { tokenEndpoint, subject = 'pairwise', disclose = 'full' } = auth
  if (mode === 'none') return { mode }
  if (mode === 'oauth') return consentAuth(auth, context)
  if (mode === 'exchange') {
    const { map } = scopeTable(auth, context)
    return { mode, scopes: { map }, requireChain }
  }
  if (mode !== 'chain') return ownName(auth, context)
  if (issuer === undefined) return z.NEVER
  const shared = { scopes: scopeTable(auth, context), subject, disclose, requireChain }
  return { mode, issuer, ...defined({ tokenEndpoint }), ...shared }
}

/** The field `auth` of an upstream on the network. */
export const upstreamAuth: z.ZodOptional<z.ZodType<UpstreamAuth>> = fields
  .superRefine(checkFields)
  .transform(withMode)
  .describe(
    'How the upstream is told who calls; only for http and node upstreams. Default: mode none.',
  )
  .optional()
