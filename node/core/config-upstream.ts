import { z } from 'zod'
import {
  addProblem,
  count,
  defined,
  distinct,
  duration,
  httpUrl,
  nameGlob,
  secret,
  table,
  text,
} from './config-fields.ts'
import { quotedChoice } from './config-hints.ts'
import { egress, isSecure } from './config-identity-fields.ts'
import { placed, searchFields } from './config-node-search.ts'
import { problemsOfKind, provenance } from './config-provenance.ts'
import { upstreamAuth } from './config-upstream-auth.ts'
import { borderScope } from './config-scope-fields.ts'
import { privateByName } from './config-private-hosts.ts'
import { importedNamespace } from '../../protocol/names.ts'
import type {
  HttpSettings,
  PeerSettings,
  RemoteSettings,
  StdioSettings,
  UpstreamConfig,
  UpstreamSettings,
} from './config-types.ts'
import type { Secret } from './secret.ts'

const KINDS = ['stdio', 'http', 'node'] as const

/** Headers that the node itself sets on every request, or that belong to the connection. */
const OWN_HEADERS = new Set([
  'accept',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'dpop',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A field value of RFC 9110 §5.5, without obs-text. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/

const variableName = z
  .string()
  .regex(/^[^=\0]{1,256}$/, 'must be the name of an environment variable: no "=", no NUL')

const variableValue = secret.refine(
  (value) => !value.reveal().includes('\0'),
  'must not contain a NUL character',
)

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be the name of a header')
  .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'is set by the node itself')

const headerValue = secret.refine(
  (value) => HEADER_VALUE.test(value.reveal()),
  'must be printable ASCII, without line breaks',
)

const restart = z
  .strictObject({
    min: duration(
      { default: '250ms', min: '10ms', max: '1h' },
      'Wait before the first restart, a duration. Doubles with each crash in a row.',
    ),
    max: duration(
      { default: '30s', min: '10ms', max: '1h' },
      'Longest wait between restarts, a duration; never less than min.',
    ),
  })
  .refine(({ min, max }) => max >= min, { error: 'must not be less than min', path: ['max'] })
  .prefault({})
  .describe('Back-off between restarts of a child that ended by itself.')

const stdio: z.ZodType<StdioSettings> = z
  .strictObject({
    command: text.describe(
      'Program to run: a name to be found in PATH, or a path; a relative path starts from cwd. No shell is involved.',
    ),
    args: z
      .array(
        z.string().refine((value) => !value.includes('\0'), 'must not contain a NUL character'),
      )
      .prefault([])
      .describe(
        'Arguments, one item each. Visible to other users of the machine: put secrets into env.',
      ),
    env: table(variableName, variableValue)
      .prefault({})
      .describe(
        'Environment variables of the child, on top of a short list it inherits (PATH, HOME and the like). Values are secrets: ${NAME} is replaced from the environment of the node, $${ is a literal "${".',
      ),
    cwd: text
      .prefault('.')
      .describe('Working folder of the child, relative to the folder of the file.'),
    restart,
    startTimeout: duration(
      { default: '60s', min: '1s', max: '10m' },
      'Time a child gets to answer after it was started, a duration. Package runners fetch what they run the first time.',
    ),
    stopGrace: duration(
      { default: '5s', min: '0s', max: '10m' },
      'Time a child gets to end after its input closed, and again after SIGTERM, a duration.',
    ),
  })
  .describe('An MCP server run as a child process, spoken to over its standard input and output.')

function lowerCaseNames(headers: Record<string, Secret>): Record<string, Secret> {
  const lower = Object.create(null) as Record<string, Secret>
  for (const [name, value] of Object.entries(headers)) lower[name.toLowerCase()] = value
  return lower
}

/** Headers, by lower-case names. */
export const headerTable: z.ZodPrefault<z.ZodType<Record<string, Secret>>> = table(
  headerName,
  headerValue,
)
  .superRefine((record, context) => {
    const names = Object.keys(record).map((name) => name.toLowerCase())
    Object.keys(record).forEach((name, i) => {
      if (names.indexOf(name.toLowerCase()) === i) return
      context.addIssue({ code: 'custom', message: 'is in the table twice', path: [name] })
    })
  })
  .transform(lowerCaseNames)
  .prefault({})

const headers = headerTable.describe(
  'Headers sent with every request to this upstream. Values are secrets: ${NAME} is replaced from the environment of the node, $${ is a literal "${".',
)

const http: z.ZodType<HttpSettings> = z
  .strictObject({
    url: httpUrl.describe(
      'URL of the MCP endpoint, http or https, without credentials or fragment.',
    ),
    headers,
  })
  .describe('An MCP server reached over Streamable HTTP.')

function problemOfTemplate(template: string): string | undefined {
  if (!template.includes('{namespace}')) return 'must contain {namespace}'
  const filled = importedNamespace(template, 'u', 'n')
  if (/[{}]/.test(filled)) return 'only {upstream} and {namespace} are replaced'
  if (!/^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]*$/.test(filled)) {
    return 'must make namespace names: A-Z a-z 0-9 _ -, starting with a letter or digit, without "__"'
  }
  return undefined
}

const template = z
  .string()
  .max(128)
  .superRefine((value, context) => {
    const problem = problemOfTemplate(value)
    if (problem !== undefined) context.addIssue(problem)
  })

const node: z.ZodType<PeerSettings> = z
  .strictObject({
    url: httpUrl
      .optional()
      .describe(
        'URL of an endpoint of the other node, http or https, without credentials or fragment. This, or "id" or "name" with "endpoint".',
      ),
    ...searchFields,
    import: distinct(nameGlob, 1)
      .prefault(['*'])
      .describe('Which namespaces of the other node to import: globs over their names there.'),
    as: template
      .prefault('{upstream}-{namespace}')
      .describe(
        'Name of an imported namespace here. {upstream} is the label of this upstream, {namespace} the name over there. The default keeps imports of several nodes apart; "{namespace}" keeps names equal everywhere.',
      ),
    link: z
      .enum(['auto', 'http', 'websocket'])
      .prefault('auto')
      .describe(
        'Transport of the link: websocket (one connection for all calls), http (Streamable HTTP), or auto, which takes websocket and falls back to http where something on the way lets none through.',
      ),
  })
  .transform(placed)
  .describe('Another Banyan node, whose namespaces are imported.')

const settings = z.strictObject({
  timeout: duration(
    { default: '60s', min: '100ms', max: '24h' },
    'Deadline of one call, a duration. Progress of the call starts it anew, up to maxTimeout.',
  ),
  maxTimeout: duration(
    { default: '10m', min: '100ms', max: '24h' },
    'Hard end of one call, a duration, that no progress extends; never less than timeout.',
  ),
  listTtl: duration(
    { default: '30s', min: '0s', max: '24h' },
    'How long a list stays fresh when the upstream gives no ttl of its own, a duration. Bounds how late a change is seen when the upstream announces none.',
  ),
  isolate: z
    .enum(['principal', 'session'])
    .prefault('principal')
    .describe(
      'Who may share one upstream session or child process: all sessions of one principal, or one session alone (for a server that keeps state per session).',
    ),
  era: z
    .enum(['auto', '2025', '2026'])
    .prefault('auto')
    .describe(
      'Protocol era of the link: 2025 (initialize, sessions), 2026 (stateless), or auto, which asks the upstream. Fix it only for a server that answers the question wrongly.',
    ),
  concurrency: count(
    { default: 256, min: 1, max: 100_000 },
    'Calls in flight to this upstream. Calls beyond it are refused, so that one slow upstream cannot hold everything.',
  ),
})

const fields = settings.extend({
  stdio: stdio.optional(),
  http: http.optional(),
  node: node.optional(),
  auth: upstreamAuth,
  provenance,
  egress: egress(
    'Where the node may connect to for this upstream and its issuer; only for http and node upstreams. Default: private addresses only if the host of its URL is written as one: loopback, a private address, a name without dots or under .internal, .local, .home.arpa.',
  ),
})

type Fields = z.output<typeof fields>

function present(input: unknown): readonly string[] {
  if (typeof input !== 'object' || input === null) return KINDS.slice(0, 1)
  return KINDS.filter((kind) => Object.hasOwn(input, kind))
}

function remote(url: string, { auth, egress: allowed }: Fields): RemoteSettings {
  return {
    auth: auth ?? { mode: 'none' },
    egress: allowed ?? { allowPrivate: privateByName(new URL(url).hostname) },
  }
}

/** A node knows scopes of one grammar only: another would silently open nothing there. */
function checkPeerScopes({ node: peer, auth }: Fields, context: z.RefinementCtx): void {
  if (peer === undefined || auth === undefined) return
  if (auth.mode !== 'exchange' && auth.mode !== 'chain') return
  for (const [scope, images] of Object.entries(auth.scopes.map)) {
    images.forEach((image, i) => {
      const message = borderScope.safeParse(image).error?.issues[0]?.message
      const path = ['auth', 'scopes', 'map', scope, i]
      if (message !== undefined) addProblem(context, { path, message })
    })
  }
}

/** What only upstreams on the network have, and what two ways to say who calls would contradict. */
function checkRemote(upstream: Fields, context: z.RefinementCtx): void {
  const { stdio: child, http: server, node: peer, auth } = upstream
  for (const key of ['auth', 'egress'] as const) {
    if (child === undefined || upstream[key] === undefined) continue
    addProblem(context, { path: [key], message: 'is only for http and node upstreams' })
  }
  if (auth === undefined || auth.mode === 'none') return
  const kind = server === undefined ? 'node' : 'http'
  const url = server?.url ?? peer?.url
  if (peer?.find !== undefined && peer.find.urls === undefined) {
    const hint = 'list where it may be, like ["https://*.acme.example"]'
    const message = `is missing: with auth mode ${auth.mode} tokens go where a record says, and must not go anywhere`
    addProblem(context, { path: ['node', 'urls'], message, hint })
  }
  if (url !== undefined && !isSecure(url)) {
    const message = `must be https for auth mode ${auth.mode}, unless the host is loopback`
    addProblem(context, { path: [kind, 'url'], message })
  }
  if (server?.headers['authorization'] !== undefined) {
    addProblem(context, {
      path: ['http', 'headers'],
      message: `must not set "authorization" with auth mode ${auth.mode}`,
      hint: 'the node sets it to the token of each call',
    })
  }
}

function withKind(upstream: Fields, context: z.RefinementCtx): UpstreamConfig {
  checkRemote(upstream, context)
  checkPeerScopes(upstream, context)
  const { stdio: child, http: server, node: peer, auth: _, egress: __, ...shared } = upstream
  const base: UpstreamSettings = defined(shared)
  for (const { path, message } of problemsOfKind(
    peer === undefined ? 'server' : 'node',
    base.provenance,
  )) {
    addProblem(context, { path: ['provenance', ...path], message })
  }
  if (child !== undefined) return { kind: 'stdio', ...base, stdio: child }
  if (server !== undefined)
    return { kind: 'http', ...base, ...remote(server.url, upstream), http: server }
  if (peer !== undefined)
    return { kind: 'node', ...base, ...remote(peer.url, upstream), node: peer }
  context.addIssue(`needs one of ${quotedChoice(KINDS)}`)
  return z.NEVER
}

/** One upstream. */
export const upstreamSchema: z.ZodType<UpstreamConfig> = fields
  .refine(({ timeout, maxTimeout }) => maxTimeout >= timeout, {
    error: 'must not be less than timeout',
    path: ['maxTimeout'],
  })
  .refine((input) => present(input).length === 1, {
    error: `needs exactly one of ${quotedChoice(KINDS)}`,
    // Also when a field is wrong: the two mistakes are seen together.
    when: () => true,
  })
  .transform(withKind)
  .meta({
    description: 'One upstream: exactly one of stdio, http, node, and how to treat it.',
    oneOf: KINDS.map((kind) => ({
      type: 'object',
      properties: { [kind]: {} },
      required: [kind],
    })),
  })
