import { z } from 'zod'
import { isNodeId } from '../../protocol/federation.ts'
import type { ExportRule, ImportRule } from '../../topology/route-policy.ts'
import {
  addProblem,
  count,
  defined,
  distinct,
  isLoopback,
  label,
  nameGlob,
  secret,
  slug,
  table,
  text,
} from './config-fields.ts'
import type {
  GossipCredentials,
  GossipSettings,
  GossipTls,
  Members,
} from './config-gossip-types.ts'
import { publicKey } from './config-identity-fields.ts'

const SCHEMES = ['nats:', 'tls:', 'ws:', 'wss:']
const MAX_SERVERS = 32
const MAX_MEMBERS = 100_000
const MAX_RULES = 1_000
const MAX_COST = 1_000_000
const MAX_ISSUER_KEYS = 20

/** What is wrong with the URL of a NATS server. */
function problemOfServer(input: string): string | undefined {
  const url = URL.canParse(input) ? new URL(input) : undefined
  if (url === undefined || !SCHEMES.includes(url.protocol) || url.host === '') {
    return 'must be a URL of a NATS server: nats://host:port, tls://host:port or wss://host:port'
  }
  if (url.username !== '' || url.password !== '') return 'must not contain credentials'
  if (url.protocol === 'nats:' || url.protocol === 'tls:') {
    const bare = url.search === '' && url.hash === '' && /^\/?$/.test(url.pathname)
    if (!bare) return 'must have no path, query or fragment'
  }
  return undefined
}

const server = z
  .string()
  .max(512)
  .superRefine((input, context) => {
    const problem = problemOfServer(input)
    if (problem !== undefined) context.addIssue(problem)
  })

const servers = z
  .union([server.transform((one) => [one]), distinct(server, 1)])
  .refine((list) => list.length <= MAX_SERVERS, `must have at most ${MAX_SERVERS} items`)
  .default([])
  .describe(
    'Server of the bus, or several of one cluster, of one scheme: nats:// (not encrypted, only on loopback, unless tls is given), tls:// or wss://. Default: none; nodes then tell each other over their links alone.',
  )

/** The id of a node: the thumbprint of its key. */
export const nodeIdField: z.ZodType<string> = z
  .string()
  .refine(isNodeId, 'must be the id of a node, as "banyan status" shows it')

const credentials = z
  .strictObject({
    nkey: secret
      .refine((value) => /^SU[A-Z2-7]{56}$/.test(value.reveal()), 'must be the seed of a user nkey')
      .optional()
      .describe(
        'Seed of a user nkey (SU…). A secret: ${NAME} is replaced from the environment of the node.',
      ),
    creds: text
      .optional()
      .describe('File with a user JWT and its seed (.creds), relative to the folder of the file.'),
    user: text.optional().describe('Name of a user with a password.'),
    password: secret
      .optional()
      .describe('Its password. A secret: ${NAME} is replaced from the environment of the node.'),
    token: secret
      .optional()
      .describe(
        'Token of the server. A secret: ${NAME} is replaced from the environment of the node.',
      ),
  })
  .transform((given, context): GossipCredentials => {
    const { nkey, creds, user, password, token } = given
    const kinds = [nkey, creds, user ?? password, token].filter((one) => one !== undefined)
    if (kinds.length === 1) {
      if (nkey !== undefined) return { kind: 'nkey', seed: nkey }
      if (creds !== undefined) return { kind: 'creds', file: creds }
      if (token !== undefined) return { kind: 'token', token }
      if (user !== undefined && password !== undefined) return { kind: 'password', user, password }
    }
    context.addIssue('needs exactly one of "nkey", "creds", "user" with "password", "token"')
    return z.NEVER
  })
  .describe('How the node proves itself to the server. Default: not at all.')

const tls = z
  .strictObject({
    ca: text
      .optional()
      .describe(
        'PEM file of the certificates that sign that of the server, relative to the folder of the file. Default: those of the system.',
      ),
    cert: text
      .optional()
      .describe('PEM file of a certificate of the node, where the server asks for one.'),
    key: text.optional().describe('PEM file of its private key, without passphrase.'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: 'needs both or none of "cert" and "key"',
    path: ['key'],
  })
  .transform((files): GossipTls => defined(files))
  .describe(
    'TLS to the server, which is demanded then. Default: for tls:// and wss://, by the certificates of the system.',
  )

const listed = z.union([
  nodeIdField.transform((id) => ({ id, name: undefined })),
  z.strictObject({
    id: nodeIdField.describe('Its id.'),
    name: slug.describe('Its name, which no other node may use.'),
  }),
])

const listedMembers = z
  .array(listed)
  .min(1)
  .max(MAX_MEMBERS)
  .superRefine((items, context) => {
    for (const field of ['id', 'name'] as const) {
      const values = items.map((item) => item[field])
      values.forEach((value, i) => {
        if (value === undefined || values.indexOf(value) === i) return
        addProblem(context, { path: [i], message: `its ${field} is in the list twice` })
      })
    }
  })
  .transform((items): Members => {
    return { kind: 'listed', names: new Map(items.map(({ id, name }) => [id, name])) }
  })

const issuedMembers = z
  .strictObject({
    issuer: z
      .array(publicKey)
      .min(1)
      .max(MAX_ISSUER_KEYS)
      .describe(
        'Public keys (JWK: EC P-256 or OKP Ed25519) that sign membership tokens; "banyan member key" makes one.',
      ),
  })
  .transform(({ issuer }): Members => ({ kind: 'issued', keys: issuer }))

const members = z
  .union([
    z.literal('first-use').transform((): Members => ({ kind: 'first-use' })),
    listedMembers,
    issuedMembers,
  ])
  .optional()
  .describe(
    'Who belongs to the organisation: a list of node ids (or { id, name }), { issuer: keys } for nodes with a membership token, or first-use: whoever says so, for laboratories. Must be said where the bus is not on loopback. Default: first-use.',
  )

const globs = distinct(nameGlob, 1)
const tags = distinct(text, 1)

const importRule = z
  .strictObject({
    from: slug.optional().describe('Organisation of the upstream node. Default: any.'),
    peer: nodeIdField.optional().describe('Id of the upstream node. Default: any.'),
    namespaces: globs.optional().describe('Globs over namespaces, as their origin names them.'),
    tags: tags.optional().describe('One of these tags must be on it. Default: any or none.'),
    preference: count(
      { default: 0, min: -1_000, max: 1_000 },
      'Ways of higher preference are taken first, before all else.',
    ),
    deny: z.boolean().prefault(false).describe('Whether nothing of this is taken.'),
    behind: distinct(z.union([z.literal('*'), slug]), 1)
      .optional()
      .describe(
        'Other organisations the upstream node may speak for; "*" is any. Default: none but its own.',
      ),
  })
  .transform(({ deny, preference, ...rest }): ImportRule => ({
    ...defined(rest),
    preference: deny ? undefined : preference,
  }))

const exportRule = z
  .strictObject({
    to: slug.optional().describe('Organisation of the downstream node. Default: any.'),
    namespaces: globs.optional().describe('Globs over namespaces, as their origin names them.'),
    tags: tags.optional().describe('One of these tags must be on it. Default: any or none.'),
    allow: z.boolean().prefault(true).describe('Whether it is offered.'),
    transit: z
      .boolean()
      .prefault(false)
      .describe('Whether what another organisation gave may pass on. Default: it may not.'),
  })
  .transform((rule): ExportRule => defined(rule))

const cost = z.number().min(0).max(MAX_COST)

const gossipFields = z.strictObject({
  nats: servers,
  credentials: credentials.optional(),
  tls: tls.optional(),
  members,
  membership: text
    .optional()
    .describe(
      'File with the membership token of this node, which goes into its record, relative to the folder of the file. Default: none.',
    ),
  disclose: z
    .enum(['full', 'digest', 'none'])
    .prefault('digest')
    .describe(
      'What others are told of the namespaces of this node. full: name, number of tools and tags of those that no rule hides from anybody; digest: the same, with names that only who knows them recognises, and without tags; none: nothing. Links tell each node what it may see, whatever stands here.',
    ),
  imports: z
    .array(importRule)
    .max(MAX_RULES)
    .prefault([])
    .describe(
      'What ways are taken from upstream nodes; the first rule that fits decides. Default: all of the own organisation, none of others.',
    ),
  exports: z
    .array(exportRule)
    .max(MAX_RULES)
    .prefault([])
    .describe(
      'What ways are offered to nodes of other organisations; the first rule that fits decides. Never more than the endpoint shows them. Default: none.',
    ),
  borders: table(slug, distinct(nodeIdField, 1))
    .optional()
    .transform((given) => given && new Map(Object.entries(given)))
    .describe(
      'Where organisations share a bus: by organisation the ids of its nodes that speak for it there. This node then says there what its own organisation offers to all, and hears theirs. Default: organisations tell each other over the links between their nodes alone.',
    ),
  links: table(label, cost)
    .prefault({})
    .describe('Price of the link to an upstream node, by its label. Default: "cost".'),
  cost: cost
    .prefault(1)
    .describe('Price of a link that "links" does not name; the sum over a way decides late.'),
  leave: z
    .boolean()
    .prefault(false)
    .describe(
      'Whether the node says that it is gone for good when it is stopped. Off, because most stops are restarts; "banyan up --leave" does it once.',
    ),
})

type Fields = z.output<typeof gossipFields>

function isPlain(url: string): boolean {
  return /^(?:nats|ws):/.test(url)
}

function checkServers({ nats, tls: files }: Fields, context: z.RefinementCtx): void {
  const protocols = new Set(nats.map((one) => new URL(one).protocol))
  if (protocols.size > 1) {
    addProblem(context, { path: ['nats'], message: 'must be of one scheme, all of them' })
  }
  const isWeb = nats.some((one) => /^wss?:/.test(one))
  if (isWeb && files !== undefined) {
    const message = 'cannot be set for wss://, which goes by the certificates of the system'
    addProblem(context, { path: ['tls'], message })
  }
  nats.forEach((one, i) => {
    if (!isPlain(one) || isLoopback(new URL(one).hostname)) return
    if (files !== undefined && !isWeb) return
    const hint = isWeb ? 'write wss://' : 'write tls://, or add "tls"'
    const message = 'is not encrypted, which is only for loopback'
    addProblem(context, { path: nats.length === 1 ? ['nats'] : ['nats', i], message, hint })
  })
}

function checkUse(
  { nats, credentials: given, members: who, borders }: Fields,
  context: z.RefinementCtx,
): void {
  if (nats.length === 0 && given !== undefined) {
    addProblem(context, { path: ['credentials'], message: 'are for "nats", and there is none' })
  }
  if (nats.length === 0 && borders !== undefined) {
    addProblem(context, { path: ['borders'], message: 'is for "nats", and there is none' })
  }
  const isLocal = nats.every((one) => isLoopback(new URL(one).hostname))
  if (who === undefined && !isLocal) {
    const hint = 'list the ids of its nodes, or name the keys that sign membership tokens'
    const message = 'is missing: who belongs to the organisation is said by no bus'
    addProblem(context, { path: ['members'], message, hint })
  }
}

/** The part `gossip`. */
export const gossipSchema: z.ZodType<GossipSettings> = gossipFields
  .superRefine(checkServers)
  .superRefine(checkUse)
  .transform(({ members: who, ...rest }): GossipSettings => ({
    ...defined(rest),
    members: who ?? { kind: 'first-use' },
  }))
  .describe(
    'How the nodes of the organisation find each other and the ways to what they offer. An empty table tells over links alone. Default: nothing of it; links are for calls.',
  )
