import { z } from 'zod'
import { SERVER_NAME, type PublicCard } from '../../protocol/discovery/server-card.ts'
import {
  baseUrl,
  count,
  defined,
  distinct,
  duration,
  hostValue,
  label,
  listenAddress,
  nameGlob,
  secret,
  size,
  slug,
  table,
  text,
  toolGlob,
  type NumberField,
} from './config-fields.ts'
import { LIMITS, type LimitName, type LimitSpec, type Limits } from './config-limits.ts'
import type { ConfigDraft, EndpointDraft } from './config-drafts.ts'
import { adminSchema } from './config-admin.ts'
import { auditSchema } from './config-audit.ts'
import { endpointAuth } from './config-endpoint-auth.ts'
import { gossipSchema } from './config-gossip.ts'
import { isSecure } from './config-identity-fields.ts'
import { issuerSchema, workloadSchema } from './config-issuer.ts'
import { nodeClientSchema } from './config-nodes.ts'
import { clientsSchema, expectSchema, tagsSchema, visibilitySchema } from './config-policy.ts'
import { quotasSchema } from './config-quotas.ts'
import { trustSchema } from './config-trust.ts'
import type { NamespaceConfig, NodeSettings, TlsSettings } from './config-types.ts'
import { telemetrySchema } from './config-telemetry.ts'
import { upstreamSchema } from './config-upstream.ts'

const SESSION_KEY_BYTES = 32

const originValue = z
  .string()
  .regex(
    /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/,
    'must be an origin: scheme://host or scheme://host:port, without path or wildcard',
  )

const sessionKey = secret.refine((value) => {
  const key = value.reveal()
  return (
    /^[A-Za-z0-9_-]{43}$/.test(key) && Buffer.from(key, 'base64url').length === SESSION_KEY_BYTES
  )
}, `must be ${SESSION_KEY_BYTES} bytes in base64url without padding (43 characters)`)

const tls = z
  .strictObject({
    cert: text.describe(
      'PEM file of the certificate, then those between it and a root; relative to the folder of the file.',
    ),
    key: text.describe(
      'PEM file of its private key, without passphrase; relative to the folder of the file.',
    ),
    clientCa: text
      .optional()
      .describe(
        'PEM file of the certificates that sign those of clients; relative to the folder of the file. Clients are asked for one then, and tokens bound to a certificate can be used (RFC 8705). Default: clients are not asked.',
      ),
  })
  .transform((files): TlsSettings => defined(files))
  .describe(
    'TLS that ends in the node. Default: none; plain HTTP, for loopback and for a proxy in front.',
  )

/** The part `node`. Paths are still as written. */
export const nodeSchema: z.ZodType<NodeSettings> = z
  .strictObject({
    name: slug.describe(
      'Name of the node, for people: in logs, status and the default state folder.',
    ),
    organisation: slug.describe('The organisation (trust boundary) the node belongs to.'),
    listen: listenAddress
      .prefault('127.0.0.1:7400')
      .meta({ type: 'string' })
      .describe(
        'Where to listen, host:port; port 0 is any free one. Another address than loopback only when every endpoint has auth, and with url.',
      ),
    url: baseUrl
      .refine(isSecure, 'must be https, unless the host is loopback')
      .optional()
      .describe(
        'Public base URL, as clients see it: https, or http on loopback. Tokens name endpoints by it. Default: http://<listen> with the real port (https with tls). Set it when a proxy stands in front, or when other machines call.',
      ),
    tls: tls.optional(),
    state: text
      .optional()
      .describe(
        'Folder for the node key and the session key, relative to the folder of the file. Default: .banyan/<name>. "memory" keeps nothing: sessions end with the process.',
      ),
    sessionKey: sessionKey
      .optional()
      .describe(
        'Key that seals session ids: 32 bytes, base64url. A secret: ${NAME} is replaced from the environment. Default: generated and kept in state. Set it to the same value on nodes that share sessions.',
      ),
    allowedHosts: z
      .array(hostValue)
      .prefault([])
      .describe(
        'Further values of the Host header to accept, host or host:port. Others are refused: DNS rebinding.',
      ),
    allowedOrigins: z
      .array(originValue)
      .prefault([])
      .describe(
        'Values of the Origin header to accept, besides none at all. Others are refused: a web page must not reach the node.',
      ),
    pins: text
      .optional()
      .describe(
        'File "banyan pin" writes descriptions of tools to, for upstreams with provenance.pin, relative to the folder of the file. Default: <name>.pins.json, next to the file: keep it with it.',
      ),
  })
  .transform(({ state, pins, ...rest }) => ({
    ...defined(rest),
    state: state ?? `.banyan/${rest.name}`,
    pins: pins ?? `${rest.name}.pins.json`,
  }))
  .describe('The node itself.')

function limitField(spec: LimitSpec): NumberField {
  if (spec.unit === 'bytes')
    return size(spec, `${spec.meaning} A size: bytes, or text with KiB, MiB, GiB.`)
  if (spec.unit === 'milliseconds') return duration(spec, `${spec.meaning} A duration.`)
  const { default: preset, min, max } = spec
  const bounds = { default: Number(preset), min: Number(min), max: Number(max) }
  return count(bounds, `${spec.meaning} A count.`)
}

const limitFields = Object.fromEntries(
  Object.entries(LIMITS).map(([name, spec]) => [name, limitField(spec)]),
) as Record<LimitName, NumberField>

/** The part `limits`. */
export const limitsSchema: z.ZodType<Limits> = z
  .strictObject(limitFields)
  .refine((limits) => limits.requestReadTimeout >= limits.headersReadTimeout, {
    error: 'must not be less than headersReadTimeout',
    path: ['requestReadTimeout'],
  })
  .prefault({})
  .describe('Every limit of the node. Each has a default; most configurations set none.')

/** One namespace. */
export const namespaceSchema: z.ZodType<NamespaceConfig> = z
  .strictObject({
    from: distinct(label, 1).describe(
      'Labels of the stdio and http upstreams that feed the namespace. Of two capabilities with one name the earlier upstream wins, and the loser is reported.',
    ),
  })
  .describe('A named set of capabilities.')

/** What the endpoint lists of its tools. */
const toolListing = z
  .union([
    z.enum(['list', 'search']).transform((word) => (word === 'list' ? 'all' : { listed: [] })),
    z
      .strictObject({
        search: z.literal(true).describe('Says that the others are found by searching.'),
        listed: distinct(toolGlob, 1).describe(
          'What is listed all the same: globs over <namespace>__<name>.',
        ),
      })
      .transform(({ listed }) => ({ listed })),
  ])
  .prefault('list')
  .describe(
    'What tools/list answers: list (every tool the caller sees), search (only search_tools, describe_tools and call_tool, which find and call all the others: for endpoints with so many tools that their definitions would fill the context of a model), or a table that keeps some listed. It hides nothing: a tool that is not listed can be found, and called by its name. Other nodes are always told of all. Not with names: plain, where the three names could be taken.',
  )

/** What anybody may read of an endpoint. */
const endpointCard: z.ZodType<PublicCard> = z
  .strictObject({
    name: z
      .string()
      .min(3)
      .max(200)
      .regex(SERVER_NAME, { error: 'must be a name in reverse DNS form, like com.example/weather' })
      .describe('Name of the server in reverse DNS form, like com.example/weather.'),
    description: z.string().min(1).max(100).describe('What it is for, at most 100 characters.'),
    websiteUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Page about it. Default: none.'),
  })
  .transform((card): PublicCard => defined(card))
  .describe(
    'Publishes the endpoint: its server card (SEP-2127) at <its URL>/server-card, its entry in /.well-known/ai-catalog.json and in a registry API that can be read at /v0.1/servers. Anybody who reaches the node may read these without a token, pages of any site too. They say name, description, version and URL, and never what is offered. Default: nothing is published.',
  )

/** One endpoint. */
export const endpointSchema: z.ZodType<EndpointDraft> = z
  .strictObject({
    namespaces: distinct(nameGlob, 1).describe(
      'What the endpoint offers: globs over the names of own and imported namespaces.',
    ),
    names: z
      .enum(['prefixed', 'plain'])
      .prefault('prefixed')
      .describe(
        'How tools are named: prefixed (<namespace>__<tool>, so that namespaces never collide), or plain (as the upstream names them; only with exactly one namespace and no glob).',
      ),
    nameLength: count(
      { default: 48, min: 16, max: 128 },
      'Longest exposed name, characters; longer ones are cut and hashed. Model providers cut at 64 and clients add prefixes of their own.',
    ),
    pageSize: count(
      { default: 1_000, min: 1, max: 10_000 },
      'Items on one page of a list. Large, because many clients read only the first page.',
    ),
    tools: toolListing,
    title: text.optional().describe('Title shown to people by clients. Default: none.'),
    instructions: text
      .optional()
      .describe('Instructions given to the model by clients that support it. Default: none.'),
    card: endpointCard.optional(),
    auth: endpointAuth,
    explainTo: distinct(slug, 0)
      .prefault([])
      .describe(
        'Classes of "clients" whose members, nodes in front, may ask why they, and callers they pass on, see something here or not; that tells them of what is hidden from them, and places of rules. They may also ask which way a call takes from here (banyan probe). Default: nobody.',
      ),
  })
  .refine(
    ({ names, namespaces }) =>
      names !== 'plain' || (namespaces.length === 1 && namespaces[0]?.includes('*') === false),
    {
      error:
        'plain needs exactly one namespace and no glob: without prefixes, two namespaces could collide',
      path: ['names'],
    },
  )
  .refine(({ names, tools }) => names !== 'plain' || tools === 'all', {
    error:
      'needs names: prefixed: without prefixes, tools could have the names of those that search',
    path: ['tools'],
  })
  .transform((endpoint): EndpointDraft => defined(endpoint))
  .describe('A path of the node, /mcp/<endpoint>, that clients connect to.')

/**
 * The whole configuration, as {@link substitute} leaves it. In the result paths are still as written, and defaults that
 * depend on other parts are missing.
 */
export const configSchema: z.ZodType<ConfigDraft> = z
  .strictObject({
    node: nodeSchema,
    limits: limitsSchema,
    issuer: issuerSchema.optional(),
    nodes: z
      .array(nodeClientSchema)
      .prefault([])
      .describe(
        'Nodes of the organisation that may use token exchange here, and for what; only where this process issues tokens, or signs grants. This node needs no entry.',
      ),
    workloads: z
      .array(workloadSchema)
      .prefault([])
      .describe(
        'Programs that get tokens of their own here (client credentials, tokens of a platform); only with an embedded issuer.',
      ),
    trust: z
      .array(trustSchema)
      .prefault([])
      .describe(
        'Issuers of other organisations whose grants are taken here, and how far; only with an embedded issuer. Trust comes from here alone.',
      ),
    upstreams: table(label, upstreamSchema)
      .prefault({})
      .describe('What feeds namespaces: MCP servers and other nodes, by label.'),
    namespaces: table(label, namespaceSchema)
      .prefault({})
      .describe('Named sets of capabilities, each fed by upstreams of this node.'),
    endpoints: table(slug, endpointSchema)
      .prefault({})
      .describe('The paths /mcp/<endpoint> of the node, and what each offers.'),
    clients: clientsSchema.prefault({}),
    tags: tagsSchema.prefault({}),
    visibility: visibilitySchema.prefault('open'),
    expect: expectSchema.prefault([]),
    quotas: quotasSchema.prefault({}),
    audit: auditSchema.optional(),
    admin: adminSchema.optional(),
    gossip: gossipSchema.optional(),
    telemetry: telemetrySchema.optional(),
  })
  .transform((config): ConfigDraft => defined(config))
  .meta({ title: 'Banyan node configuration' })
  .describe('Configuration of one Banyan node (banyan.yaml).')
