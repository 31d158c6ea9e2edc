import { createHash, createHmac, hash } from 'node:crypto'
import { CAPABILITY_KINDS } from '../../../protocol/capability.ts'
import { matchesGlob } from '../../../protocol/glob.ts'
import type { Listed } from '../../../protocol/listing.ts'
import type { OwnNamespace } from '../../../topology/speaker-types.ts'
import type { NodeConfig } from '../../core/config-types.ts'
import type { Mirrors } from '../../hop/mirrors.ts'
import type { Decided, Sights } from '../../hop/sight.ts'

/** What of a node its own namespaces are told from. */
export interface NamespaceParts {
  readonly config: NodeConfig
  readonly organisation: string
  readonly node: string
  readonly mirrors: (label: string) => Mirrors | undefined
  readonly sights: (endpoint: string) => Sights | undefined
}

/** Of each description its digest, made once. */
const digests = new WeakMap<Listed, string>()

function digestOf(listed: Listed): string {
  const known = digests.get(listed)
  if (known !== undefined) return known
  const { kind, name, text } = listed
  const made = hash('sha256', `${kind} ${JSON.stringify(name)} ${hash('sha256', text)}`)
  digests.set(listed, made)
  return made
}

/**
 * The namespaces of this node's own as others are told of them. On the bus everybody of the organisation listens, so a
 * name goes there only if no rule hides it from anybody, and how much is in it only as far as everybody sees it.
 */
export function ownNamespaces(parts: NamespaceParts): readonly OwnNamespace[] {
  const { config, mirrors } = parts
  return Object.entries(config.namespaces).map(([name, { from }]) => {
    const items = from.flatMap((label) => {
      const lists = mirrors(label)
      return lists === undefined ? [] : CAPABILITY_KINDS.flatMap((kind) => lists.of(kind).items)
    })
    const open = items.filter((listed) => isOpen(parts, name, listed))
    const revision = createHash('sha256')
    for (const digest of items.map(digestOf).toSorted()) revision.update(digest)
    return {
      name,
      revision: revision.digest('base64url'),
      count: open.filter(({ kind }) => kind === 'tool').length,
      tags: tagsOf(config, name),
      ...hiding(parts, name, open.length > 0 || hasNoRules(parts)),
    }
  })
}

function hiding(
  { config, organisation, node }: NamespaceParts,
  name: string,
  shown: boolean,
): Pick<OwnNamespace, 'hidden'> {
  const disclosure = config.gossip?.disclose ?? 'none'
  if (disclosure === 'none' || !shown) return { hidden: 'omitted' }
  if (disclosure === 'full') return {}
  return { hidden: { blinded: blindedName(organisation, node, name) } }
}

/** What a namespace is called where names are not told: who knows the name recognises it. */
export function blindedName(organisation: string, node: string, name: string): string {
  return createHmac('sha256', `banyan ${organisation} ${node}`).update(name).digest('base64url')
}

function hasNoRules({ config }: NamespaceParts): boolean {
  return config.visibility === 'open'
}

/** Whether everybody sees it at some endpoint, whoever that is. */
function isOpen(
  { config, sights }: NamespaceParts,
  namespace: string,
  { kind, name, hints }: Listed,
): boolean {
  if (config.visibility === 'open') return true
  const entry: Decided = { kind, namespace, hints, id: { name }, candidates: NO_WAYS }
  return Object.entries(config.endpoints).some(([endpoint, { namespaces }]) => {
    const isThere = namespaces.some((glob) => matchesGlob(glob, namespace))
    return (
      isThere && sights(endpoint)?.from({ classes: [], scopes: undefined }).shows(entry) === true
    )
  })
}

/** As many as a record may have of one namespace. */
const MAX_TAGS = 64

const NO_WAYS: Decided['candidates'] = [{ upstream: '' }]

/** The tags that are on all of a namespace. */
function tagsOf({ tags }: NodeConfig, namespace: string): readonly string[] {
  const whole = `${namespace}__*`
  const all = Object.entries(tags).flatMap(([tag, patterns]) =>
    patterns.some((pattern) => matchesGlob(pattern, whole)) ? [tag] : [],
  )
  return all.slice(0, MAX_TAGS)
}
