import { createInterface } from 'node:readline/promises'
import { EVERYTHING, formatScope, parseScope } from '../../protocol/token/scopes.ts'
import { privateByName } from '../core/config-private-hosts.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { OWN_ALGORITHMS } from '../core/config-identity-fields.ts'
import { makesTokens } from '../identity/own-issuer.ts'
import { keysAt, lookUpPeer, whatIsAt, type PeerFacts } from '../identity/trust/peer.ts'
import type { ResourceMetadata } from '../../protocol/token/metadata-read.ts'
import type { Network } from '../identity/verifier/networks.ts'
import { EXIT, UsageError, type CommandContext } from './cli-command.ts'
import { checkSide } from './cli-trust-check.ts'
import { readSide, withNetworks, type Side } from './trust-file.ts'
import { putInto } from './config-edit.ts'
import { fragment, type Insertion } from './yaml-insert.ts'

/** What is put into the file, what a person should know of it first, and what the other side does next. */
interface Plan {
  readonly insertion: Insertion
  readonly told: readonly string[]
  readonly next: string
  /** Thumbprints of the keys the other side signs with. */
  readonly keys: readonly string[]
}

/** What nodes sign with. */
const RULES = { algs: OWN_ALGORITHMS, pins: [] } as const

/** A scope by the name that goes over the border, and by ours where that was said. */
interface Crossing {
  readonly scope: string
  readonly ours: string | undefined
}

/** @param offered what the other side says it has */
function crossings({ options }: CommandContext, offered: readonly string[]): readonly Crossing[] {
  const given = options.texts('scope')
  if (given.length === 0) {
    const hint = offered.length === 0 ? 'like --scope ns:docs' : `they offer ${offered.join(', ')}`
    throw new UsageError(`--scope is missing: what may be called; ${hint}`)
  }
  return given.map((text) => {
    const [scope = '', ours, ...more] = text.split('=')
    if (more.length === 0 && isScope(scope) && (ours === undefined || isScope(ours))) {
      return { scope, ours }
    }
    throw new UsageError(`--scope ${text}: must be like ns:docs, or ns:docs=ns:papers`)
  })
}

function isScope(text: string): boolean {
  return parseScope(text) !== undefined && text !== EVERYTHING
}

function mapOf(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const map = new Map<string, string[]>()
  for (const [from, to] of pairs) map.set(from, [...(map.get(from) ?? []), to])
  return Object.fromEntries(map)
}

/** What a scope of an endpoint is called where its namespaces are imported by the usual rule. */
function imported(scope: string, label: string): string {
  const parsed = parseScope(scope)
  if (parsed?.namespace === undefined) return scope
  return formatScope({ ...parsed, namespace: `${label}-${parsed.namespace}` }) ?? scope
}

function scopeArguments(scopes: readonly Crossing[]): string {
  return scopes.map(({ scope }) => ` --scope ${scope}`).join('')
}

/** Who decides in our place whom to believe. */
function decidedBy({ issuer }: NodeConfig): string {
  return issuer?.mode === 'external'
    ? `who may call is for the authorization server to say: have ${issuer.url} take their grants`
    : 'trust stands where the token service of the organisation runs'
}

/** They call us: a trust record. */
async function planRecord(issuer: string, { side, context, network }: Job): Promise<Plan> {
  const { config, base } = side
  const { options } = context
  if (!makesTokens(config.issuer)) throw new Error(`${side.file}: ${decidedBy(config)}`)
  const guarded = Object.entries(config.endpoints).filter(([, { auth }]) => auth !== 'none')
  const names = options.texts('endpoint')
  const known = guarded.map(([name]) => name)
  if (names.length === 0) throw new UsageError(`--endpoint is missing: one of ${known.join(', ')}`)
  const odd = names.find((name) => !known.includes(name))
  if (odd !== undefined)
    throw new UsageError(`--endpoint ${odd}: no such endpoint that asks for tokens`)
  const scopes = crossings(context, [])
  const asked = options.texts('client')
  const clients = asked.length > 0 ? asked : undefined
  const facts = await lookUpPeer(issuer, network, { ...RULES, clients })
  const record = recordOf(facts, { context, base, names, scopes })
  const url = `${base}/mcp/${names[0] ?? ''}`
  return {
    insertion: { part: 'trust', value: record },
    keys: facts.issuer.thumbprints,
    told: [
      `${issuer} vouches for people who call ${names.join(', ')}, and its node lists what is there`,
      ...facts.issuer.thumbprints.map((key) => `its key ${key}`),
      ...facts.clients.flatMap(({ of, thumbprints }) =>
        thumbprints.map((key) => `of its node ${of} the key ${key}`),
      ),
    ],
    next: `there: banyan trust add FILE ${url}${scopeArguments(scopes)}`,
  }
}

function recordOf(
  { issuer, clients }: PeerFacts,
  {
    context: { options },
    base,
    names,
    scopes,
  }: {
    readonly context: CommandContext
    readonly base: string
    readonly names: readonly string[]
    readonly scopes: readonly Crossing[]
  },
): object {
  const map = mapOf(scopes.map(({ scope, ours = scope }) => [scope, ours]))
  const [transit, until] = [options.texts('transit'), options.text('until')]
  return {
    issuer: issuer.of,
    keys: { jwksUri: issuer.jwksUri },
    ...(options.has('pin') ? { pins: issuer.thumbprints } : {}),
    clients: clients.map(({ of }) => of),
    resources: names.map((name) => `${base}/mcp/${name}`),
    // It lists what is there in its own name.
    subjects: { anonymous: true },
    ...(transit.length > 0 ? { transit } : {}),
    scopes: { map, max: [...new Set(Object.values(map).flat())] },
    ...(until === undefined ? {} : { notAfter: until }),
  }
}

/** We call them: an upstream. */
async function planLink(
  resource: ResourceMetadata,
  { side, context, network }: Job,
): Promise<Plan> {
  const [issuer, ...others] = resource.issuers
  if (issuer === undefined || others.length > 0) {
    throw new Error(
      `${resource.resource} takes tokens of several issuers; only nodes with one are supported`,
    )
  }
  const scopes = crossings(context, resource.scopes)
  const metadata = await network.discovery.issuer(issuer)
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  if (!metadata.grantTypes.includes(grant)) {
    throw new Error(`${issuer} does not take grants of other issuers (${grant})`)
  }
  const label = context.options.text('as') ?? labelOf(issuer)
  const { jwksUri } = metadata
  const keys = jwksUri === undefined ? [] : await keysAt(jwksUri, RULES, network)
  const map = mapOf(scopes.map(({ scope, ours }) => [ours ?? imported(scope, label), scope]))
  const auth = { mode: 'chain', issuer, scopes: { map } }
  const value = { node: { url: resource.resource }, auth }
  return {
    insertion: { part: 'upstreams', key: label, value },
    keys,
    told: [
      `"${label}" is ${resource.resource}, which takes tokens of ${issuer}`,
      `callers go there as pseudonyms: ${passing(map)}`,
      ...keys.map((key) => `its key ${key}`),
    ],
    next: `there: banyan trust add FILE ${side.issuer} --endpoint ${lastSegment(resource.resource)}${scopeArguments(scopes)}`,
  }
}

function passing(map: Readonly<Record<string, readonly string[]>>): string {
  const pairs = Object.entries(map).map(([ours, theirs]) => `${ours} as ${theirs.join(', ')}`)
  return pairs.join('; ')
}

function lastSegment(url: string): string {
  return new URL(url).pathname.split('/').at(-1) ?? ''
}

/** A label of the host: the name of the organisation in most domains. */
function labelOf(issuer: string): string {
  const parts = new URL(issuer).hostname.split('.').filter((part) => /^[a-z][a-z0-9-]*$/.test(part))
  return parts.at(-2) ?? parts.at(0) ?? 'peer'
}

interface Job {
  readonly side: Side
  readonly context: CommandContext
  readonly network: Network
}

async function confirmed(plan: Plan, { options, stdin, stderr }: CommandContext): Promise<boolean> {
  const expected = options.texts('expect')
  const missing = expected.find((key) => !plan.keys.includes(key))
  if (missing !== undefined) throw new Error(`they publish no key ${missing}; nothing was written`)
  if (options.has('yes') || expected.length > 0) return true
  if (!('isTTY' in stdin) || stdin.isTTY !== true) {
    throw new UsageError('nobody can be asked here: compare the keys, then use --expect or --yes')
  }
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    return /^y(es)?$/i.test((await lines.question('Do the keys agree with theirs? [y/N] ')).trim())
  } finally {
    lines.close()
  }
}

/**
 * `banyan trust add`: looks the other organisation up, shows what it found, and writes our side of the record. What is at
 * the URL tells the direction: an endpoint of theirs is called, an issuer of theirs may call.
 */
export async function addTrust(context: CommandContext): Promise<number> {
  const { args, options, stdout } = context
  const [, file, url] = args
  const side = await readSide(file)
  if (url === undefined) throw new UsageError('a URL is missing: their issuer, or their endpoint')
  if (!URL.canParse(url)) throw new UsageError(`${url} is no URL`)
  const plan = await withNetworks(side, async (networks) => {
    const network = networks(privateByName(new URL(url).hostname))
    const found = await whatIsAt(url, network)
    const job = { side, context, network }
    return found.kind === 'issuer' ? planRecord(found.issuer, job) : planLink(found.resource, job)
  })
  for (const line of plan.told) stdout.write(`${line}\n`)
  stdout.write(`\n${fragment(plan.insertion)}\n`)
  if (options.has('dry-run')) return EXIT.ok
  if (!(await confirmed(plan, context))) {
    stdout.write('nothing was written\n')
    return EXIT.failed
  }
  await putInto(side.file, [plan.insertion])
  stdout.write(`written to ${side.file}; a running node takes it on SIGHUP\n${plan.next}\n`)
  // What the other side has not done yet shows here, and is no failure of this one.
  if (plan.insertion.part === 'upstreams') await checkSide(await readSide(file), context)
  return EXIT.ok
}
