// The ways to a token for an upstream: who makes it, and who is asked.
import type {
  NodeClient,
  TrustRecord,
  UpstreamAuth,
} from '../../node/core/config-identity-types.ts'
import type { ServiceSettings, SubjectIssuer } from '../../node/identity/service/settings.ts'
import type { SigningKey } from '../../node/identity/signing-key.ts'
import { PSEUDONYMS, type Telling } from '../../node/identity/telling.ts'
import {
  EDGE,
  EDGE_MAIN,
  jwk,
  KEYS,
  PEER,
  PEER_CLIENT,
  PROVIDER,
  TokenLab,
} from '../node/identity/service/token-lab.ts'
import { bench, type Bench, type Own, type Way, type WayChange } from './delegators.ts'

/** A node of the peer that is its token service too. */
const PEERS: Own = {
  issuer: PEER,
  sts: KEYS.peer,
  client: PEER_CLIENT,
  key: KEYS.peerClient,
  home: `${PEER}/mcp/main`,
  mode: 'embedded',
}

const WITHIN = { 'ns:sales': ['ns:sales'], 'ns:crm': ['ns:crm:read'] }
const ACROSS = { 'ns:crm:read': ['ns:crm:read'], 'ns:docs': ['ns:crm'] }

/** A trust record that takes the scopes by the names they come under, and whatever acted before. */
const OPEN = {
  transit: ['*'],
  maxDepth: 8,
  scopes: {
    map: { 'ns:crm': ['ns:crm'], 'ns:crm:read': ['ns:crm:read'] },
    max: ['ns:crm', 'ns:sales'],
  },
}

function openTo(map: Bench['map'] = OPEN.scopes.map): Partial<TrustRecord> {
  const max = [...OPEN.scopes.max, ...Object.values(map).flat()]
  return { ...OPEN, scopes: { map, max } }
}

/** The token service of this process; nothing is sent. */
const inProcess: Way = {
  name: 'in this process',
  asks: false,
  async make({ resource, map = WITHIN } = {}) {
    const lab = await TokenLab.open()
    const auth: UpstreamAuth = { mode: 'exchange', scopes: { map }, requireChain: true }
    return bench({ own: PEERS, auth, resource: resource ?? lab.main, issuer: PEER, labs: [lab] })
  },
}

function settingsOf(
  lab: TokenLab,
  change: Partial<NodeClient>,
  subjects?: SubjectIssuer,
): ServiceSettings {
  const [edge, ...others] = lab.settings().issuer?.nodes ?? []
  const nodes = edge === undefined ? [] : [{ ...edge, ...change }, ...others]
  return lab.settings({ nodes, ...(subjects && { subjects }) })
}

/** A node whose issuer is another process. */
async function elsewhere(
  change: Partial<NodeClient> = {},
  subjects?: SubjectIssuer,
): Promise<{ lab: TokenLab; own: Own }> {
  const lab = await TokenLab.open()
  lab.service.apply(settingsOf(lab, change, subjects))
  const sts = lab.parts?.keys.ring('sts').signing()
  if (sts === undefined) throw new Error('not open')
  const home = EDGE_MAIN
  const own: Own = { issuer: lab.base, sts, client: EDGE, key: KEYS.edge, home, mode: 'node' }
  return { lab, own }
}

/** RFC 8693 at the organisation's issuer. */
const byExchange: Way = {
  name: 'by exchange at the issuer of the organisation',
  asks: true,
  async make({ resource, map = WITHIN, within } = {}) {
    const { lab, own } = await elsewhere(within === undefined ? {} : { scopes: { map: within } })
    const auth: UpstreamAuth = { mode: 'exchange', scopes: { map }, requireChain: true }
    return bench({ own, auth, resource: resource ?? lab.main, issuer: lab.base, labs: [lab] })
  },
}

function chain(issuer: string, { map = ACROSS, accept = [], telling }: WayChange): UpstreamAuth {
  const told: Telling = { subject: 'pairwise', disclose: 'full', ...telling }
  return { mode: 'chain', issuer, scopes: { map, accept }, requireChain: true, ...told }
}

/** The peer, who takes the grants somebody signs for a node. */
async function peerOf(
  { across, telling }: WayChange,
  signer: { readonly url: string; readonly key: SigningKey; readonly client: Own },
): Promise<TokenLab> {
  const peer = await TokenLab.open()
  const { client, key } = signer.client
  const subjects = { mode: 'public', pattern: '.*', map: {}, anonymous: false } as const
  const record = peer.trust({
    issuer: signer.url,
    keys: { static: [jwk(signer.key)] },
    clients: [{ id: client, keys: { static: [jwk(key)] } }],
    ...openTo(across),
    ...(telling && { subjects }),
  })
  peer.service.apply(peer.settings({ trust: [record], nodes: [], workloads: [] }))
  return peer
}

/** A grant of this process, redeemed at the peer. */
const byOwnGrant: Way = {
  name: 'by chaining, with a grant made in this process',
  asks: true,
  async make(change = {}) {
    const peer = await peerOf(change, { url: PEER, key: KEYS.peer, client: PEERS })
    return beyond(PEERS, change, [peer])
  },
}

/** What is asked for across the border, by a node. */
function beyond(own: Own, change: WayChange, labs: readonly [TokenLab, ...TokenLab[]]): Bench {
  const peer = labs.at(-1) ?? labs[0]
  const { resource = peer.main } = change
  return bench({ own, auth: chain(peer.base, change), resource, issuer: peer.base, labs })
}

/** A node of the organisation that makes its grants for it, and what it says of them. */
async function asked(
  change: WayChange,
  subjects?: SubjectIssuer,
): Promise<{ lab: TokenLab; own: Own; peer: TokenLab }> {
  const { within, rule } = change
  const { lab, own } = await elsewhere({}, subjects)
  const peer = await peerOf(change, { url: lab.base, key: own.sts, client: own })
  const node = {
    reaches: [peer.base],
    ...(within && { scopes: { map: within } }),
    ...(rule && { grants: [{ issuer: peer.base, scopes: {}, ...PSEUDONYMS, ...rule }] }),
  }
  lab.service.apply(settingsOf(lab, node, subjects))
  return { lab, own, peer }
}

/** A grant of the organisation's issuer, redeemed at the peer. */
const byGrantOfIssuer: Way = {
  name: 'by chaining, with a grant of the issuer of the organisation',
  asks: true,
  async make(change = {}) {
    const { lab, own, peer } = await asked(change)
    return beyond(own, change, [lab, peer])
  },
}

/** An authorization server that is no node, and the node that signs grants in its place. */
const AT_SERVER: Own = {
  issuer: PROVIDER,
  sts: KEYS.provider,
  client: EDGE,
  key: KEYS.edge,
  home: EDGE_MAIN,
  mode: 'external',
}

/** A grant of this process, from tokens of an authorization server. */
const byGrantForServer: Way = {
  name: 'by chaining, with a grant made in this process for an authorization server',
  asks: true,
  async make(change = {}) {
    const grants = { url: 'https://edge.acme.example', key: KEYS.other }
    const peer = await peerOf(change, { ...grants, client: AT_SERVER })
    return beyond({ ...AT_SERVER, grants }, change, [peer])
  },
}

/** A grant of the node that signs them for an authorization server. */
const byGrantOfSigner: Way = {
  name: 'by chaining, with a grant another node makes for an authorization server',
  asks: true,
  async make(change = {}) {
    const { lab, peer } = await asked(change, SUBJECTS)
    return beyond({ ...AT_SERVER, grants: { url: lab.base } }, change, [lab, peer])
  },
}

/** Tokens of the authorization server. */
const SUBJECTS: SubjectIssuer = {
  issuer: PROVIDER,
  keys: { find: () => KEYS.provider.public },
  algs: ['ES256'],
  scopes: (scopes) => scopes,
}

/** Ways to a grant that this process signs. */
export const SIGNED_HERE: readonly Way[] = [byOwnGrant, byGrantForServer]

/** Ways to a grant that another node signs. */
export const SIGNED_ELSEWHERE: readonly Way[] = [byGrantOfIssuer, byGrantOfSigner]

/** All ways that pass a caller on. */
export const WAYS: readonly Way[] = [inProcess, byExchange, ...SIGNED_HERE, ...SIGNED_ELSEWHERE]

export { byExchange, inProcess }
