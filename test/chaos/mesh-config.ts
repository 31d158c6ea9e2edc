// What the nodes of the mesh that is broken are configured with: open inside an organisation, tokens at its borders.
import { join } from 'node:path'
import { namespacesBehind, organisationOf, type PlannedNode } from './mesh-shape.ts'
import type { Strand } from './mesh-parts.ts'

/** How long things may take. */
export interface Patience {
  /** Between pings on a link: silence is noticed after two. A machine that runs many processes comes late itself. */
  readonly keepAlive: string
  /** Of a server, and of an upstream node: durations. */
  readonly server: string
  readonly node: string
}

const LIMITS = {
  connectTimeout: '1s',
  listTimeout: '2s',
  shutdownGrace: '2s',
}

/** All is offered to everybody, and all is taken. */
const RULES = { exports: [{ transit: true }], imports: [{ behind: ['*'] }] }

/** Where a node is, and what it uses. */
export interface Surroundings {
  readonly folder: string
  /** The port each node listens on. */
  readonly ports: ReadonlyMap<string, number>
  /** Port for its operators; undefined: it has none. */
  readonly admin?: number | undefined
  readonly nats: string
  /** URLs of servers, by namespace. */
  readonly servers: ReadonlyMap<string, string>
  /** All there are. */
  readonly strands: readonly Strand[]
  readonly patience: Patience
  /** Whether borders ask for tokens. */
  readonly guarded: boolean
}

/** The configuration of a node of the mesh. */
export function configOf(plan: PlannedNode, around: Surroundings): object {
  const { name, organisation, namespaces } = plan
  const { folder, ports, nats, servers, strands, patience, admin } = around
  const own = namespaces.map((space) => {
    return [`of-${space}`, { http: { url: servers.get(space) }, timeout: patience.server }] as const
  })
  const others = strands
    .filter(({ plan: [from] }) => from === name)
    .map((strand) => [strand.plan[1], upstream(strand, around)] as const)
  const isBorder =
    around.guarded && strands.some((strand) => strand.plan.includes(name) && crosses(strand))
  const listen = `127.0.0.1:${ports.get(name)}`
  return {
    node: { name, organisation, listen, url: urlOf(name, around), state: join(folder, name) },
    ...(isBorder && { issuer: {}, trust: trusted(name, around) }),
    limits: { ...LIMITS, keepAlive: patience.keepAlive },
    visibility: 'open',
    upstreams: Object.fromEntries([...own, ...others]),
    namespaces: Object.fromEntries(namespaces.map((space) => [space, { from: [`of-${space}`] }])),
    endpoints: {
      main: { namespaces: ['*'], auth: 'none' },
      ...(isBorder && { partners: { namespaces: ['*'], auth: {} } }),
    },
    gossip: { nats, members: 'first-use', disclose: 'full', ...RULES },
    ...(admin !== undefined && { admin: { listen: `127.0.0.1:${admin}`, auth: 'none' } }),
  }
}

function upstream(strand: Strand, { patience, guarded }: Surroundings): object {
  const timeout = patience.node
  const [, to] = strand.plan
  const { url, link } = strand
  const at = { as: '{namespace}', link }
  if (!guarded || !crosses(strand)) return { node: { url: `${url}/mcp/main`, ...at }, timeout }
  const auth = { mode: 'chain', issuer: url, scopes: { map: scopesOf(to) } }
  return { node: { url: `${url}/mcp/partners`, ...at }, auth, timeout }
}

/** Over a border tokens are made for a URL: the one it is called by there, which leads over the link. */
function urlOf(name: string, { ports, strands, guarded }: Surroundings): string {
  const own = `http://127.0.0.1:${ports.get(name)}`
  if (!guarded) return own
  const inbound = strands.find((strand) => strand.plan[1] === name && crosses(strand))
  return inbound?.url ?? own
}

/** What a border believes of those that call it: that they are who they are, and may speak for those before them. */
function trusted(name: string, around: Surroundings): readonly object[] {
  const { ports, strands } = around
  const callers = strands
    .filter((strand) => strand.plan[1] === name && crosses(strand))
    .map(({ plan: [from] }) => from)
  return callers.map((from) => {
    const issuer = urlOf(from, around)
    // Keys do not go over the link that tokens are for.
    const keysAt = (path: string): object => {
      return { jwksUri: `http://127.0.0.1:${ports.get(from)}/oauth/${path}` }
    }
    const before = strands.filter(({ plan: [, to] }) => organisationOf(to) === organisationOf(from))
    return {
      issuer,
      keys: keysAt('jwks'),
      clients: [{ id: `${issuer}/oauth/client.json`, keys: keysAt('client-jwks') }],
      resources: [`${urlOf(name, around)}/mcp/partners`],
      subjects: { anonymous: true },
      transit: before.filter(crosses).map(({ plan: [origin] }) => urlOf(origin, around)),
      scopes: { map: scopesOf(name), max: Object.keys(scopesOf(name)) },
      maxDepth: 8,
      rate: { exchangesPerMin: 100_000 },
    }
  })
}

function scopesOf(name: string): Record<string, string[]> {
  return Object.fromEntries(namespacesBehind(name).map((space) => [`ns:${space}`, [`ns:${space}`]]))
}

function crosses({ plan: [from, to] }: Strand): boolean {
  return organisationOf(from) !== organisationOf(to)
}
