import { accessChecks } from './config-access-checks.ts'
import { adminChecks, adminWarnings } from './config-admin-checks.ts'
import type { ConfigProblem } from './config-error.ts'
import { isLoopback } from './config-fields.ts'
import { globsOverlap, matchesGlob } from '../../protocol/glob.ts'
import { gossipChecks, gossipWarnings } from './config-gossip-checks.ts'
import { didYouMean } from './config-hints.ts'
import { identityChecks } from './config-identity-checks.ts'
import { importedGlobs, offersOf } from './config-imports.ts'
import { known, type ConfigOutline } from './config-outline.ts'
import { policyChecks, policyWarnings } from './config-policy-checks.ts'
import { quotaChecks, quotaWarnings } from './config-quota-checks.ts'
import { resourceChecks } from './config-resource-checks.ts'
import type { NodeConfig } from './config-types.ts'

function withHint(problem: ConfigProblem, hint: string | undefined): ConfigProblem {
  return hint === undefined ? problem : { ...problem, hint }
}

function checkSource(
  source: string,
  path: ConfigProblem['path'],
  outline: ConfigOutline,
): ConfigProblem[] {
  const upstream = outline.upstreams.get(source)
  if (upstream?.kind === 'node') {
    const hint = 'its namespaces are imported: name them in the namespaces of an endpoint'
    return [{ path, message: `"${source}" is a node upstream`, hint }]
  }
  if (outline.upstreams.has(source)) return []
  const hint = didYouMean(source, [...outline.upstreams.keys()])
  return [withHint({ path, message: `there is no upstream "${source}"` }, hint)]
}

function checkSources(outline: ConfigOutline): readonly ConfigProblem[] {
  return known(outline.namespaces).flatMap(([name, { from }]) =>
    from.flatMap((source, i) => checkSource(source, ['namespaces', name, 'from', i], outline)),
  )
}

function importsOf(outline: ConfigOutline): readonly { label: string; globs: readonly string[] }[] {
  return known(outline.upstreams).flatMap(([label, upstream]) =>
    upstream.kind === 'node' ? [{ label, globs: importedGlobs(label, upstream) }] : [],
  )
}

/** Own names and globs of imported names: everything an endpoint can offer. */
function offers(outline: ConfigOutline): readonly string[] {
  return [...outline.namespaces.keys(), ...importsOf(outline).flatMap(({ globs }) => globs)]
}

function checkPatterns(outline: ConfigOutline): readonly ConfigProblem[] {
  // An upstream that cannot be read might import anything.
  if ([...outline.upstreams.values()].includes(undefined)) return []
  const offered = offers(outline)
  return known(outline.endpoints).flatMap(([name, { namespaces }]) =>
    namespaces.flatMap((pattern, i) => {
      if (offered.some((offer) => globsOverlap(pattern, offer))) return []
      const path = ['endpoints', name, 'namespaces', i]
      const message = `"${pattern}" can match no namespace, own or imported`
      return [withHint({ path, message }, didYouMean(pattern, offered))]
    }),
  )
}

function checkClashes(outline: ConfigOutline): readonly ConfigProblem[] {
  return importsOf(outline).flatMap(({ label, globs }) =>
    globs.flatMap((name, i) => {
      if (!outline.namespaces.has(name)) return []
      const path = ['upstreams', label, 'node', 'import', i]
      const message = `would be imported as "${name}", which is a namespace of this node`
      return [{ path, message, hint: 'change "as", or rename one of the two' }]
    }),
  )
}

/** Mistakes between parts of a configuration: names that lead nowhere, or to two things. */
export function crossChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  return [
    ...checkSources(outline),
    ...checkPatterns(outline),
    ...checkClashes(outline),
    ...accessChecks(outline),
    ...quotaChecks(outline),
    ...identityChecks(outline),
    ...resourceChecks(outline),
    ...policyChecks(outline),
    ...adminChecks(outline),
    ...gossipChecks(outline),
  ]
}

function unusedUpstreams(
  config: NodeConfig,
  patterns: readonly string[],
): readonly ConfigProblem[] {
  const sources = new Set(Object.values(config.namespaces).flatMap(({ from }) => from))
  return Object.entries(config.upstreams).flatMap(([label, upstream]) => {
    const globs = upstream.kind === 'node' ? importedGlobs(label, upstream) : []
    const used = globs.some((glob) => patterns.some((pattern) => globsOverlap(glob, pattern)))
    if (used || sources.has(label)) return []
    const consumer = upstream.kind === 'node' ? 'endpoint' : 'namespace'
    const message = `is used by no ${consumer}`
    return [{ path: ['upstreams', label], message, at: 'key' as const }]
  })
}

function unusedNamespaces(
  config: NodeConfig,
  patterns: readonly string[],
): readonly ConfigProblem[] {
  return Object.keys(config.namespaces)
    .filter((name) => !patterns.some((pattern) => matchesGlob(pattern, name)))
    .map((name) => ({
      path: ['namespaces', name],
      message: 'is offered by no endpoint',
      at: 'key',
    }))
}

/** Globs of tools to list that no namespace of the endpoint has names for. */
function listsNothing(config: NodeConfig): readonly ConfigProblem[] {
  return Object.entries(config.endpoints).flatMap(([name, { namespaces, tools }]) => {
    if (tools === 'all') return []
    const offered = offersOf(config, namespaces)
    return tools.listed.flatMap((glob, i) => {
      if (offered.some((namespace) => globsOverlap(`${namespace}__*`, glob))) return []
      const path = ['endpoints', name, 'tools', 'listed', i]
      const message = `"${glob}" can match nothing: names are <namespace>__<name>`
      return [{ path, message }]
    })
  })
}

function plainUrls(config: NodeConfig): readonly ConfigProblem[] {
  return Object.entries(config.upstreams).flatMap(([label, upstream]) => {
    if (upstream.kind === 'stdio') return []
    const target = upstream.kind === 'http' ? upstream.http : upstream.node
    const { protocol, hostname } = new URL(target.url)
    if (protocol === 'https:' || isLoopback(hostname)) return []
    const path = ['upstreams', label, upstream.kind, 'url']
    return [
      {
        path,
        message: 'plain http to another machine',
        hint: 'anyone between can read and change it',
      },
    ]
  })
}

/** Ends that are over. It is no error: a node must start again on the day after. */
function ended(config: NodeConfig, now: number): readonly ConfigProblem[] {
  const isOver = ({ notAfter }: { readonly notAfter?: number }): boolean =>
    notAfter !== undefined && notAfter < now
  const records = config.trust.flatMap((record, i) =>
    isOver(record) ? [{ path: ['trust', i, 'notAfter'], message: 'is over: it gets nothing' }] : [],
  )
  const keys = Object.entries(config.endpoints).flatMap(([name, { auth }]) =>
    (auth === 'none' ? [] : auth.keys).flatMap((key, i) => {
      const path = ['endpoints', name, 'auth', 'keys', i, 'notAfter']
      return isOver(key) ? [{ path, message: 'is over: the key opens nothing' }] : []
    }),
  )
  return [...records, ...keys]
}

function unboundTokens({ trust }: NodeConfig): readonly ConfigProblem[] {
  return trust.flatMap(({ cnf }, i) => {
    const message = 'whoever gets hold of a token for this issuer can use it'
    return cnf === 'none' ? [{ path: ['trust', i, 'cnf'], message }] : []
  })
}

/** Few authorization servers make grants, and nothing says so before the first call. */
function foreignGrants({ issuer, upstreams }: NodeConfig): readonly ConfigProblem[] {
  if (issuer?.mode !== 'external' || issuer.grants !== undefined) return []
  return Object.entries(upstreams).flatMap(([label, upstream]) => {
    if (upstream.kind === 'stdio' || upstream.auth.mode !== 'chain') return []
    const message = 'asks the authorization server for grants, which few make'
    const hint = 'with "issuer.grants: {}" this node signs them'
    return [{ path: ['upstreams', label, 'auth', 'mode'], message, hint }]
  })
}

function plainListener({ node }: NodeConfig): readonly ConfigProblem[] {
  if (node.tls !== undefined || isLoopback(node.listen.host)) return []
  const message = 'plain http on the network'
  const hint = 'set node.tls, or see to it that only the proxy in front reaches it'
  return [{ path: ['node', 'listen'], message, hint }]
}

function nothingServed(config: NodeConfig): readonly ConfigProblem[] {
  const empty = Object.keys(config.endpoints).length === 0
  return empty
    ? [{ path: ['endpoints'], message: 'there is none, so the node serves nothing' }]
    : []
}

/**
 * What is allowed in a configuration but probably not meant.
 *
 * @param now ms since 1970, to see what has ended
 */
export function configWarnings(
  config: NodeConfig,
  now: number = Date.now(),
): readonly ConfigProblem[] {
  const patterns = Object.values(config.endpoints).flatMap(({ namespaces }) => namespaces)
  return [
    ...nothingServed(config),
    ...unusedUpstreams(config, patterns),
    ...unusedNamespaces(config, patterns),
    ...listsNothing(config),
    ...plainUrls(config),
    ...plainListener(config),
    ...unboundTokens(config),
    ...foreignGrants(config),
    ...ended(config, now),
    ...policyWarnings(config),
    ...adminWarnings(config, now),
    ...quotaWarnings(config),
    ...gossipWarnings(config),
  ]
}
