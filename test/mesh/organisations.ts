// Three organisations in a row, each a node that believes only its neighbour.
import { randomBytes } from 'node:crypto'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode as BanyanNode } from '../../node/main/running-node.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { Mesh } from './mesh.ts'
import { Records } from './records.ts'

type Json = Readonly<Record<string, unknown>>

/** What alice comes with. */
export const KEY: string = randomBytes(32).toString('base64url')

interface Plan {
  readonly audit?: Json | undefined
  readonly upstreams: Readonly<Record<string, object>>
  readonly namespaces?: Readonly<Record<string, object>>
  readonly auth?: Json
  readonly trust?: readonly Json[]
  readonly issuer?: Json
}

/** The configuration of a node that is an organisation. */
export function configOf(
  name: string,
  { upstreams, namespaces = {}, auth = {}, trust = [], audit, issuer = {} }: Plan,
): object {
  return {
    node: { name, organisation: name, listen: '127.0.0.1:0', state: 'memory' },
    issuer,
    upstreams,
    namespaces,
    endpoints: { main: { namespaces: ['*'], auth } },
    ...(trust.length > 0 && { trust }),
    ...(audit && { audit }),
  }
}

/** An upstream in another organisation; its namespaces keep their names. */
export function across(node: BanyanNode, map: Json, link: 'auto' | 'http' = 'auto'): object {
  const { url } = node
  return {
    node: { url: node.endpointUrl('main'), as: '{namespace}', link },
    auth: { mode: 'chain', issuer: url, scopes: { map } },
  }
}

/** What one organisation believes of another. */
export function trustIn(caller: BanyanNode, callee: BanyanNode, more: Json = {}): Json {
  return {
    issuer: caller.url,
    keys: { jwksUri: `${caller.url}/oauth/jwks` },
    clients: [`${caller.url}/oauth/client.json`],
    resources: [callee.endpointUrl('main')],
    subjects: { anonymous: true },
    scopes: { map: { 'ns:fx': ['ns:fx'] }, max: ['ns:fx'] },
    ...more,
  }
}

/** Alice may call with her key. */
export function keyAuth(scopes: readonly string[]): Json {
  return { keys: [{ name: 'alice', hash: hashStaticKey(KEY), scopes }] }
}

export interface Chain {
  readonly a: BanyanNode
  readonly b: BanyanNode
  readonly c: BanyanNode
  readonly records: Readonly<Record<'a' | 'b' | 'c', Records>>
  /** Lets C believe B about other people from now on. */
  readonly transit: (allowed: readonly ('a' | 'b')[]) => Promise<void>
}

const FX = { 'ns:fx': ['ns:fx'] }

type Name = 'a' | 'b' | 'c'

export interface ChainOptions {
  /** Whom C lets B speak for; default A. */
  readonly transit?: readonly ('a' | 'b')[]
  /** `audit` of a node; default none, which is the log. */
  readonly audit?: (name: Name) => Json
}

/** A, B and C, each an organisation of its own, before one MCP server. */
export async function chainOf(
  mesh: Mesh,
  fixture: FixtureServer,
  { transit = ['a'], audit }: ChainOptions = {},
): Promise<Chain> {
  const records = { a: new Records(), b: new Records(), c: new Records() }
  const inC: Plan = {
    audit: audit?.('c'),
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(configOf('c', inC), { log: records.c.log })
  await c.ready()
  const inB: Plan = { audit: audit?.('b'), upstreams: { c: across(c, FX) } }
  const b = await mesh.startConfig(configOf('b', inB), { log: records.b.log })
  const inA: Plan = {
    audit: audit?.('a'),
    upstreams: { b: across(b, FX) },
    auth: keyAuth(['ns:fx']),
  }
  const a = await mesh.startConfig(configOf('a', inA), { log: records.a.log })
  const allow = async (allowed: readonly ('a' | 'b')[]): Promise<void> => {
    const relayed = allowed.map((name) => ({ a, b })[name].url)
    await c.reload(configOf('c', { ...inC, trust: [trustIn(b, c, { transit: relayed })] }))
  }
  await allow(transit)
  await b.reload(configOf('b', { ...inB, trust: [trustIn(a, b)] }))
  for (const [node, upstream] of [
    [b, 'c'],
    [a, 'b'],
  ] as const) {
    await node.refresh([upstream])
    // The link may have waited to try again.
    // Whom C does not let through is shown nothing of it, not even by B.
    if (node === a && !transit.includes('a')) continue
    await until(() => node.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
  }
  return { a, b, c, records, transit: allow }
}

/** Calls the tool of the server behind C. */
export function callEcho(
  node: BanyanNode,
  authorization: string | undefined,
  meta: Json = {},
): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  return callModern(node.endpointUrl('main'), 'tools/call', params, {
    meta,
    ...(authorization !== undefined && { headers: { authorization } }),
  })
}
