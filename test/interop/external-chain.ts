// Three organisations in a row, the middle one with an authorization server that is no node.
import { randomBytes } from 'node:crypto'
import type { AuditLine } from '../../node/core/audit-chain.ts'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, send, type RawReply } from '../fixtures/raw-client.ts'
import type { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import type { Json } from '../security/forge.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { addChaining, JWT_BEARER, TOKEN_EXCHANGE } from './grant-types.ts'

/** What alice comes with. */
export const KEY: string = randomBytes(32).toString('base64url')
const FX = { 'ns:fx': ['ns:fx'] }

type Name = 'a' | 'b' | 'c'

export interface Chain {
  readonly a: RunningNode
  readonly b: RunningNode
  readonly c: RunningNode
  readonly server: AuthorizationServer
  readonly records: Readonly<Record<Name, Records>>
}

/** Another client of B's organisation, whose keys a test has. */
export const HELPER = 'https://helper.b.example/oauth/client.json'

export interface Ways {
  /** Whether the server writes chains. */
  readonly chains: boolean
  /** Whether A and B demand them. */
  readonly requireChain: boolean
  /** Where the node of B keeps its keys and signs grants itself. Default: the server makes them. */
  readonly state?: string
  /** More of the trust record at C. */
  readonly trust?: Json
  /** More of what a node is. */
  readonly more?: Readonly<Partial<Record<Name, Json>>>
  /** Public key of the assertions of {@link HELPER}, from whom C takes grants then. */
  readonly helperKey?: Json
  /** Whether C also takes grants of the authorization server itself. Default: only where it makes them. */
  readonly trustsServer?: boolean
}

interface World {
  readonly mesh: Mesh
  readonly fixture: FixtureServer
}

/** Writes the configurations of one chain. */
class Writer {
  readonly #url: string
  readonly #ways: Ways

  constructor({ fixture }: World, ways: Ways) {
    this.#url = fixture.url
    this.#ways = ways
  }

  config(name: Name, issuer: Json, rest: Json = {}, auth: Json = {}): object {
    const { state = 'memory', more = {} } = this.#ways
    const kept = name === 'b' ? state : 'memory'
    return {
      node: { name, organisation: name, listen: '127.0.0.1:0', state: kept },
      issuer,
      endpoints: { main: { namespaces: ['*'], auth } },
      // Something of its own, until there is somebody to call.
      upstreams: { own: { http: { url: this.#url } } },
      namespaces: { own: { from: ['own'] } },
      ...rest,
      ...more[name],
    }
  }

  /** The issuer of B. */
  external(url: string): Json {
    return { mode: 'external', url, ...(this.#ways.state !== undefined && { grants: {} }) }
  }
}

function across(url: string, issuer: string, requireChain: boolean): Json {
  const auth = { mode: 'chain', issuer, scopes: { map: FX }, requireChain }
  return { upstreams: { next: { node: { url, as: '{namespace}' }, auth } }, namespaces: {} }
}

export function clientOf(node: RunningNode): string {
  return `${node.url}/oauth/client.json`
}

/** A node as a client of the authorization server, which fetches nothing from loopback itself. */
async function registered(node: RunningNode, { state }: Ways): Promise<Json> {
  const { raw } = await send(`${node.url}/oauth/client-jwks`)
  return {
    client_id: clientOf(node),
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: JSON.parse(raw) as Json,
    grant_types: [
      'client_credentials',
      JWT_BEARER,
      ...(state === undefined ? [TOKEN_EXCHANGE] : []),
    ],
    redirect_uris: [],
    response_types: [],
  }
}

/** Starts the chain; the server is the caller's to close. */
export async function externalChain(world: World, ways: Ways): Promise<Chain> {
  const records = { a: new Records(), b: new Records(), c: new Records() }
  const { mesh, fixture } = world
  const writer = new Writer(world, ways)
  const start = (name: Name, config: object): Promise<RunningNode> =>
    mesh.startConfig(config, { log: records[name].log })
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await start('c', writer.config('c', {}, inC))
  await c.ready()
  const keys = [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['ns:fx'] }]
  const a = await start('a', writer.config('a', {}, {}, { keys }))
  let b: RunningNode | undefined
  const server = await AuthorizationServer.start(async (url) => {
    b = await start('b', writer.config('b', writer.external(url)))
    return { clients: [await registered(a, ways), await registered(b, ways)] }
  })
  if (b === undefined) throw new Error('was not started')
  const atB = b.endpointUrl('main')
  server.serve(atB, { scopes: ['ns:fx', '*'] })
  addChaining(server, {
    trusts: { [a.url]: `${a.url}/oauth/jwks` },
    spends: { [clientOf(b)]: [atB] },
    chains: ways.chains,
    exchanges: ways.state === undefined,
  })
  const trust = trustAtC({ b, server, ways, resource: c.endpointUrl('main'), relayed: a.url })
  await c.reload(writer.config('c', {}, { ...inC, trust }))
  const toC = across(c.endpointUrl('main'), c.url, true)
  await b.reload(writer.config('b', writer.external(server.issuer), toC))
  const toB = across(atB, server.issuer, ways.requireChain)
  await a.reload(writer.config('a', {}, toB, { keys }))
  await b.refresh(['next'])
  await a.refresh(['next'])
  return { a, b, c, server, records }
}

/** What C believes of the organisation in the middle: of whoever signs its grants. */
function trustAtC({
  b,
  server: { issuer },
  ways,
  resource,
  relayed,
}: {
  readonly b: RunningNode
  readonly server: AuthorizationServer
  readonly ways: Ways
  readonly resource: string
  readonly relayed: string
}): readonly Json[] {
  const { state, helperKey, chains, trust, trustsServer = state === undefined } = ways
  const other = helperKey && { id: HELPER, keys: { static: [helperKey] } }
  const shared = {
    clients: [clientOf(b), ...(other ? [other] : [])],
    resources: [resource],
    subjects: { anonymous: true },
    scopes: { map: FX, max: ['ns:fx'] },
    ...(chains && { transit: [relayed] }),
    ...trust,
  }
  const ofServer = { issuer, keys: { jwksUri: `${issuer}/jwks` }, ...shared }
  const ofNode = { issuer: b.url, keys: { jwksUri: `${b.url}/oauth/jwks` }, ...shared }
  return [...(state === undefined ? [] : [ofNode]), ...(trustsServer ? [ofServer] : [])]
}

/** Calls the tool behind C. */
export function callEcho(node: RunningNode, authorization = `Bearer ${KEY}`): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  return callModern(node.endpointUrl('main'), 'tools/call', params, { headers: { authorization } })
}

/** The last grant a node redeemed. */
export function lastIssued({ audit }: Records): AuditLine | undefined {
  return audit.findLast(({ kind, decision }) => kind === 'jwt_bearer' && decision === 'issued')
}

/** A node among the actors. */
export function actor(issuer: string, node: RunningNode): string {
  return `${issuer} ${clientOf(node)}`
}
