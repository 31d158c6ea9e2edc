import { isDeepStrictEqual } from 'node:util'
import { intersect } from '../../protocol/token/scopes.ts'
import { baseUrlOf } from './config-defaults.ts'
import type { ConfigProblem } from './config-error.ts'
import type { ClientKeySource } from './config-identity-types.ts'
import { known, type ConfigOutline } from './config-outline.ts'

/** The identifier of the issuer of the organisation; undefined when there is none, or it is not known yet. */
function ownIssuerOf({ issuer, node }: ConfigOutline): string | undefined {
  if (issuer === undefined || issuer === 'none') return undefined
  return issuer.url ?? (node === undefined ? undefined : baseUrlOf(node))
}

/** The identifier grants of the organisation are signed under, where it is not that of its issuer. */
function signerOf({ issuer, node }: ConfigOutline): string | undefined {
  const grants = issuer === undefined || issuer === 'none' ? undefined : issuer.grants
  if (grants === undefined) return undefined
  return grants.url ?? (node === undefined ? undefined : baseUrlOf(node))
}

/** What only the token service reads is read nowhere else. */
function checkEmbedded(outline: ConfigOutline): readonly ConfigProblem[] {
  const { issuer } = outline
  if (issuer === undefined || (issuer !== 'none' && issuer.mode === 'embedded')) return []
  const signs = issuer !== 'none' && issuer.grants?.mode === 'embedded'
  const unread = signs
    ? (['workloads', 'trust'] as const)
    : (['nodes', 'workloads', 'trust'] as const)
  return unread
    .filter((part) => outline[part].length > 0)
    .map((part) => ({
      path: [part],
      at: 'key',
      message: 'is only for a node with an embedded issuer',
      hint: whereInstead(issuer),
    }))
}

function whereInstead(issuer: NonNullable<ConfigOutline['issuer']>): string {
  if (issuer === 'none') return 'add "issuer: {}"'
  return issuer.mode === 'external'
    ? 'the authorization server decides who gets tokens: tell it'
    : 'write it where the token service of the organisation runs'
}

/** What nodes are called at an authorization server that is not there. */
function checkAliases({ issuer, nodes }: ConfigOutline): readonly ConfigProblem[] {
  if (issuer === undefined || issuer === 'none' || issuer.mode === 'external') return []
  return known(nodes.entries()).flatMap(([i, node]) =>
    (['alias', 'scopeMap'] as const)
      .filter((field) => node[field] !== undefined)
      .map((field) => ({
        path: ['nodes', i, field],
        message: 'is only for an issuer of mode external',
      })),
  )
}

/** Two issuers by one name would have their keys taken for each other's. */
function checkSigner(outline: ConfigOutline): readonly ConfigProblem[] {
  const { issuer, node } = outline
  const signer = signerOf(outline)
  if (issuer === undefined || issuer === 'none' || signer === undefined) return []
  const path = ['issuer', 'grants', ...(issuer.grants?.url === undefined ? [] : ['url'])]
  if (signer === issuer.url) {
    const hint = 'grants have an issuer identifier of their own'
    return [{ path, message: 'is the authorization server itself', hint }]
  }
  const isHere = node !== undefined && signer === baseUrlOf(node)
  if (issuer.grants?.mode !== 'node' || !isHere) return []
  const hint = 'use mode "embedded" to sign grants here'
  return [{ path, message: 'is the URL of this node itself', hint }]
}

/** An issuer of somebody else that is our own. */
function checkOwnIssuer(outline: ConfigOutline): readonly ConfigProblem[] {
  const own = new Set([ownIssuerOf(outline), signerOf(outline)])
  const { endpoints, issuer, nodes, trust, upstreams, workloads } = outline
  const at = (
    path: ConfigProblem['path'],
    id: string | undefined,
    hint: string,
  ): ConfigProblem[] =>
    id !== undefined && own.has(id)
      ? [{ path, message: 'is the issuer of this organisation itself', hint }]
      : []
  const foreign = 'here stand other issuers only'
  return [
    ...known(endpoints).flatMap(([name, { auth }]) =>
      typeof auth === 'object'
        ? at(['endpoints', name, 'auth', 'issuer'], auth.issuer, 'leave it out')
        : [],
    ),
    ...known(upstreams).flatMap(([label, upstream]) => {
      if (upstream.kind === 'stdio' || upstream.auth.mode !== 'chain') return []
      const hint = 'use mode "exchange" within the organisation'
      return at(['upstreams', label, 'auth', 'issuer'], upstream.auth.issuer, hint)
    }),
    ...known(nodes.entries()).flatMap(([i, { reaches }]) =>
      reaches.flatMap((reached, j) => at(['nodes', i, 'reaches', j], reached, foreign)),
    ),
    ...known(workloads.entries()).flatMap(([i, { federated }]) =>
      at(['workloads', i, 'federated', 'issuer'], federated?.issuer, foreign),
    ),
    ...known(trust.entries()).flatMap(([i, record]) => [
      ...at(['trust', i, 'issuer'], record.issuer, foreign),
      ...record.transit.flatMap((relayed, j) => at(['trust', i, 'transit', j], relayed, foreign)),
    ]),
    ...checkElsewhere({ issuer, node: outline.node }),
  ]
}

/** A token service that is said to run elsewhere, and runs here. */
function checkElsewhere({ issuer, node }: Pick<ConfigOutline, 'issuer' | 'node'>): ConfigProblem[] {
  if (node === undefined || issuer === undefined || issuer === 'none') return []
  if (issuer.mode === 'embedded' || issuer.url !== baseUrlOf(node)) return []
  const message = 'is the URL of this node itself'
  return [{ path: ['issuer', 'url'], message, hint: 'use mode "embedded" to run the service here' }]
}

/** A place where a word stands that must mean one thing in the whole file. */
interface Place {
  readonly path: ConfigProblem['path']
  readonly word: string
}

function repeated(places: readonly Place[], message: string): readonly ConfigProblem[] {
  const words = places.map(({ word }) => word)
  return places.flatMap(({ path, word }, i) =>
    words.indexOf(word) === i ? [] : [{ path, message }],
  )
}

function clientsUnder(
  part: 'nodes' | 'workloads',
  items: readonly ({ readonly client: string } | undefined)[],
): readonly Place[] {
  return known(items.entries()).map(([i, { client }]) => ({
    path: [part, i, 'client'],
    word: client,
  }))
}

function checkRepeats({ nodes, workloads, trust }: ConfigOutline): readonly ConfigProblem[] {
  const own = [...clientsUnder('nodes', nodes), ...clientsUnder('workloads', workloads)]
  const clients = known(trust.entries()).flatMap(([i, record]) =>
    record.clients.map(({ id, keys }, j) => ({ path: ['trust', i, 'clients', j], id, keys })),
  )
  const issuers = known(trust.entries()).map(([i, { issuer }]) => ({
    path: ['trust', i, 'issuer'],
    word: issuer,
  }))
  const identities = known(workloads.entries()).flatMap(([i, { federated }]) =>
    federated === undefined
      ? []
      : [
          {
            path: ['workloads', i, 'federated', 'subject'],
            word: JSON.stringify([federated.issuer, federated.subject]),
          },
        ],
  )
  const ours = new Set(own.map(({ word }) => word))
  return [
    ...repeated(own, 'is the client id of an entry before'),
    ...repeated(issuers, 'has a record before: one issuer, one record'),
    ...repeated(identities, 'stands for a workload before'),
    ...clients.flatMap(({ path, id }) =>
      ours.has(id) ? [{ path, message: 'is a client of this organisation' }] : [],
    ),
    ...checkSharedClients(clients),
  ]
}

/** A client of two issuers proves itself in one way. */
function checkSharedClients(
  clients: readonly {
    readonly path: ConfigProblem['path']
    readonly id: string
    readonly keys: ClientKeySource
  }[],
): readonly ConfigProblem[] {
  return clients.flatMap(({ path, id, keys }) => {
    const first = clients.find((other) => other.id === id)
    if (first === undefined || isDeepStrictEqual(first.keys, keys)) return []
    return [{ path, message: 'has other keys in an entry before' }]
  })
}

/** Records that can never grant anything. */
function checkGrants({ trust }: ConfigOutline): readonly ConfigProblem[] {
  return known(trust.entries()).flatMap(([i, { scopes }]) => {
    const images = Object.values(scopes.map).flat()
    if (intersect(images, scopes.max).length > 0) return []
    const message =
      'has nothing in common with what the map gives, so nothing would ever be granted'
    return [{ path: ['trust', i, 'scopes', 'max'], message }]
  })
}

/** Ways to pass a caller on that start at the issuer of the organisation. */
function checkExchange({ issuer, upstreams }: ConfigOutline): readonly ConfigProblem[] {
  if (issuer !== 'none') return []
  return known(upstreams).flatMap(([label, upstream]) => {
    if (upstream.kind === 'stdio') return []
    const { mode } = upstream.auth
    if (mode !== 'exchange' && mode !== 'chain') return []
    const message = `${mode} needs the issuer of the organisation, and the node has none`
    const hint = 'add "issuer: {}"'
    return [{ path: ['upstreams', label, 'auth', 'mode'], message, hint }]
  })
}

/** Mistakes between the parts of identity. */
export function identityChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  return [
    ...checkEmbedded(outline),
    ...checkAliases(outline),
    ...checkSigner(outline),
    ...checkOwnIssuer(outline),
    ...checkRepeats(outline),
    ...checkGrants(outline),
    ...checkExchange(outline),
  ]
}
