import { createHash } from 'node:crypto'
import { LIST_RULES, type CapabilityKind } from './capability.ts'
import { isNodeId, type NodeId } from './federation.ts'
import { isObject } from './jsonrpc.ts'

/**
 * Where a tool, or another capability, really lives. The same tool reached over two paths has one ToolId; no path and no
 * version is in it, so names made from it outlive both.
 */
export interface ToolId {
  readonly organisation: string
  readonly node: NodeId
  readonly namespace: string
  /** Name of a tool or prompt, URI of a resource, or URI template, as the server there has it. */
  readonly name: string
}

/** How an endpoint names what it shows. */
export interface NameRule {
  /** `plain` leaves the namespace out and dots in: a transparent front of one namespace. */
  readonly style: 'prefixed' | 'plain'
  /** Characters at most, 16 to 128. */
  readonly maxLength: number
}

/** A name as a key that two different ToolIds never share. */
export function toolKey(id: ToolId): string {
  return JSON.stringify([id.organisation, id.node, id.namespace, id.name])
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** 50 bits: among a million tools two of them meet with odds of about one in two thousand, and then one is dropped. */
const HASH_CHARS = 10

/** The first `chars` base32 characters (RFC 4648 alphabet, lower case, no padding) of the SHA-256 of a text. */
export function hash32(text: string, chars: number): string {
  const digest = createHash('sha256').update(text).digest()
  let out = ''
  for (let index = 0; index < chars; index += 1) {
    const bit = index * 5
    const pair = ((digest[bit >> 3] ?? 0) << 8) | (digest[(bit >> 3) + 1] ?? 0)
    out += BASE32[(pair >> (11 - (bit & 7))) & 31] ?? ''
  }
  return out
}

/** Ten base32 characters of the SHA-256 of the ToolId. */
export function toolHash(id: ToolId): string {
  return hash32(toolKey(id), HASH_CHARS)
}

const NOT_PREFIXED = /[^A-Za-z0-9_-]/gu
const NOT_PLAIN = /[^A-Za-z0-9_.-]/gu

/**
 * The name a tool has at an endpoint: `<namespace>__<tool>`, or the bare tool name where the rule is `plain`. What does
 * not fit, by length or by characters, ends in a readable cut, `_` and the hash of the ToolId.
 */
export function exposedName(namespace: string, id: ToolId, rule: NameRule): string {
  const wanted = rule.style === 'plain' ? id.name : `${namespace}__${id.name}`
  const clean = wanted.replace(rule.style === 'plain' ? NOT_PLAIN : NOT_PREFIXED, '_')
  if (clean === wanted && clean.length <= rule.maxLength && clean.length > 0) return clean
  return `${clean.slice(0, rule.maxLength - HASH_CHARS - 1)}_${toolHash(id)}`
}

/** The name of an imported namespace by the operator's rule, `{upstream}` and `{namespace}` filled in. */
export function importedNamespace(as: string, upstream: string, namespace: string): string {
  // By function: in a text, `$&` and the like would be filled in too, and another node chose the namespace.
  return as.replaceAll('{upstream}', () => upstream).replaceAll('{namespace}', () => namespace)
}

/** The namespace of another node that {@link importedNamespace} makes `imported` of; undefined where none is. */
export function exportedNamespace(
  as: string,
  upstream: string,
  imported: string,
): string | undefined {
  const [before = '', after, ...more] = importedNamespace(as, upstream, '\0').split('\0')
  // A template without the placeholder says nothing of the namespace, nor does one that repeats it.
  if (after === undefined || more.length > 0) return undefined
  const isMade = imported.startsWith(before) && imported.endsWith(after)
  const namespace = imported.slice(before.length, imported.length - after.length)
  return isMade && namespace !== '' ? namespace : undefined
}

/** What one node tells another about something it lists: where it lives, what it is called here, over whom it is reached. */
export interface ToolOrigin {
  readonly id: ToolId
  /** Label of the upstream at the origin: servers that feed one namespace may have the same URI. */
  readonly source: string
  /** The namespace the listing node offers it in. */
  readonly namespace: string
  /** Nodes from the listing one to the origin and on to those known behind it; its length is the distance. */
  readonly path: readonly NodeId[]
}

/** The longest name an origin carries, characters; what has a longer one cannot be told to other nodes. */
export const MAX_ORIGIN_TEXT = 1_024

/** The same for what is named by a URI. */
export const MAX_ORIGIN_URI = 8_192

const SOURCE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/

/** The longest name of one kind, characters. */
export function maxOriginText(kind: CapabilityKind): number {
  return LIST_RULES[kind].key === 'name' ? MAX_ORIGIN_TEXT : MAX_ORIGIN_URI
}

function isShort(value: unknown, limit = MAX_ORIGIN_TEXT): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= limit
}

function isPath(value: unknown): value is readonly NodeId[] {
  return Array.isArray(value) && value.length > 0 && value.length <= 64 && value.every(isNodeId)
}

/** The wire form of an origin, the value of our key in the `_meta` of what is listed. */
export function writeOrigin(origin: ToolOrigin): string {
  const { id, source, namespace, path } = origin
  return JSON.stringify({
    origin: [id.organisation, id.node, id.namespace, id.name],
    source,
    namespace,
    path,
  })
}

/** Reads the wire form; undefined when it is not one. */
export function readOrigin(value: unknown, kind: CapabilityKind): ToolOrigin | undefined {
  if (!isObject(value) || !Array.isArray(value['origin'])) return undefined
  const [organisation, node, home, name] = value['origin'] as unknown[]
  const { source, namespace, path } = value
  if (!isShort(organisation) || !isNodeId(node) || !isShort(home)) return undefined
  if (!isShort(name, maxOriginText(kind)) || !isShort(namespace) || !isPath(path)) return undefined
  // It becomes a part of URIs.
  if (typeof source !== 'string' || !SOURCE.test(source)) return undefined
  return { id: { organisation, node, namespace: home, name }, source, namespace, path }
}
