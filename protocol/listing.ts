import { isUtf8 } from 'node:buffer'
import { LIST_RULES, type CapabilityKind } from './capability.ts'
import { Fault } from './errors.ts'
import { paramHeaders, type ParamHeader } from './headers.ts'
import { duplicateKey, elements, memberOf, members, type Member, type Span } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import { insertMembers, removeMembers, splice, type Edit } from './json-edit.ts'
import { isObject, type JsonObject } from './jsonrpc.ts'
import { META } from './meta.ts'
import { readOrigin, type ToolOrigin } from './names.ts'
import { listItemUriEdits, skillFileUriEdits, type UriVeil } from './result-uris.ts'
import { READING_HINTS, type Hints } from './policy/policy.ts'
import type { UpstreamMessage } from './upstream-message.ts'

/** A capability as an upstream lists it: validated once, its text kept. */
export interface Listed {
  readonly kind: CapabilityKind
  /** Name of a tool or prompt, URI of a resource, or URI template. */
  readonly name: string
  readonly text: Buffer
  /** Where it lives, if the upstream is a node. */
  readonly origin: ToolOrigin | undefined
  /** Arguments of a tool that are mirrored in headers. */
  readonly paramHeaders: readonly ParamHeader[]
  /** Why it must not be published over HTTP; undefined when it may. */
  readonly unpublishable: string | undefined
  /** The output schema of a tool does not describe an object, which era 2025 cannot say. */
  readonly looseOutput: boolean
  /** A tool that can only be called as a task (MCP 2025-11-25, utilities/tasks). */
  readonly needsTask: boolean
  /** What a tool says it does. */
  readonly hints: Hints
}

/** What was left out, with the reason: for the operator. */
export interface Dropped {
  readonly name: string
  readonly reason: string
}

/** One page of a list. */
export interface ListedPage {
  readonly items: readonly Listed[]
  readonly dropped: readonly Dropped[]
  readonly nextCursor: string | undefined
  /** Undefined when the upstream gives none (era 2025). */
  readonly ttlMs: number | undefined
  readonly cacheScope: 'public' | 'private'
  /** What a node calls this list, and whether it left the items out because the asker has them; undefined for others. */
  readonly view: { readonly digest: string; readonly unchanged: boolean } | undefined
}

/**
 * Reads the response to a list request.
 *
 * @param itemBytes the largest definition taken
 * @throws Fault `upstream_protocol` when the result has no such list, or what stands in it is not JSON
 */
export function readPage(
  message: UpstreamMessage,
  kind: CapabilityKind,
  itemBytes: number,
): ListedPage {
  const { raw } = message
  const list = memberOf(message.members, 'result')?.inside ?? []
  const place = memberOf(list, LIST_RULES[kind].items)
  if (place === undefined || raw[place.start] !== 0x5b) throw malformed(kind)
  const items: Listed[] = []
  const dropped: Dropped[] = []
  for (const { start, end } of spansOf(raw, place.start, kind)) {
    const item = readItem(raw.subarray(start, end), kind, itemBytes)
    if ('reason' in item) dropped.push(item)
    else items.push(item)
  }
  const value = (key: string): unknown => {
    const found = memberOf(list, key)
    return found === undefined ? undefined : parse(raw.subarray(found.start, found.end))
  }
  const nextCursor = value('nextCursor')
  const ttlMs = value('ttlMs')
  return {
    items,
    dropped,
    nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined,
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? Math.floor(ttlMs) : undefined,
    cacheScope: value('cacheScope') === 'public' ? 'public' : 'private',
    view: viewOf(value('_meta')),
  }
}

/** Longest digest of a list, characters. */
const MAX_DIGEST = 64

function viewOf(meta: unknown): ListedPage['view'] {
  const view = isObject(meta) ? meta[META.view] : undefined
  if (!isObject(view)) return undefined
  const { digest, unchanged } = view
  const isSound = typeof digest === 'string' && digest.length <= MAX_DIGEST
  return isSound ? { digest, unchanged: unchanged === true } : undefined
}

/** Something of this node's own, as if an upstream had listed it. @throws TypeError when it is none of that kind */
export function listedItem(kind: CapabilityKind, definition: JsonObject): Listed {
  const item = readItem(Buffer.from(JSON.stringify(definition)), kind, Number.POSITIVE_INFINITY)
  if ('reason' in item) throw new TypeError(item.reason)
  return item
}

function malformed(kind: CapabilityKind, cause?: unknown): Fault {
  const { method, items } = LIST_RULES[kind]
  const text = `the upstream sent a ${method} result without a list of ${items}`
  return new Fault('upstream_protocol', text, { cause })
}

function spansOf(raw: Buffer, at: number, kind: CapabilityKind): Span[] {
  try {
    return elements(raw, at)
  } catch (error) {
    throw malformed(kind, error)
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return readValue(bytes, { start: 0, end: bytes.length })
  } catch (cause) {
    throw new Fault('upstream_protocol', 'the upstream sent a list that is not JSON', { cause })
  }
}

/** Members of an item, those of its `_meta` too. */
function membersOf(text: Buffer): Member[] {
  return members(text, 0, undefined, META_ONLY)
}

const META_ONLY: ReadonlySet<string> = new Set(['_meta'])

/** Why others could read the text as another item than this node does; undefined when they cannot. */
function ambiguity(text: Buffer): string | undefined {
  if (!isUtf8(text)) return 'it is not valid UTF-8'
  const list = membersOf(text)
  const twice = duplicateKey(list) ?? duplicateKey(memberOf(list, '_meta')?.inside ?? [])
  return twice === undefined ? undefined : `the member ${JSON.stringify(twice)} stands there twice`
}

function readItem(text: Buffer, kind: CapabilityKind, itemBytes: number): Listed | Dropped {
  const value = parse(text)
  if (!isObject(value)) return { name: '', reason: `a ${kind} that is no object` }
  const { key } = LIST_RULES[kind]
  const name = value[key]
  if (typeof name !== 'string' || name === '')
    return { name: '', reason: `a ${kind} without ${key}` }
  if (text.length > itemBytes) return { name, reason: `larger than ${itemBytes} bytes` }
  const facts = kind === 'tool' ? toolFacts(value) : NO_TOOL
  if (facts === undefined) return { name, reason: 'inputSchema is no object' }
  const reason = ambiguity(text)
  if (reason !== undefined) return { name, reason }
  const { _meta: meta } = value
  return {
    kind,
    name,
    // A copy: the page it came in would otherwise stay in memory as long as one of its items.
    text: Buffer.from(text),
    origin: isObject(meta) ? readOrigin(meta[META.federation], kind) : undefined,
    ...facts,
  }
}

type ToolFacts = Pick<
  Listed,
  'paramHeaders' | 'unpublishable' | 'looseOutput' | 'needsTask' | 'hints'
>

const NO_TOOL: ToolFacts = {
  paramHeaders: [],
  unpublishable: undefined,
  looseOutput: false,
  needsTask: false,
  hints: READING_HINTS,
}

function toolFacts({
  inputSchema,
  outputSchema,
  execution,
  annotations,
}: JsonObject): ToolFacts | undefined {
  if (!isObject(inputSchema)) return undefined
  const mirrored = paramHeaders(inputSchema)
  return {
    paramHeaders: mirrored.ok ? mirrored.headers : [],
    unpublishable: mirrored.ok ? undefined : mirrored.reason,
    looseOutput: outputSchema !== undefined && !isObjectSchema(outputSchema),
    needsTask: isObject(execution) && execution['taskSupport'] === 'required',
    hints: hintsOf(isObject(annotations) ? annotations : {}),
  }
}

/** The hints of a tool, with the specification's defaults (MCP 2026-07-28, ToolAnnotations). */
function hintsOf({
  readOnlyHint,
  destructiveHint,
  idempotentHint,
  openWorldHint,
}: JsonObject): Hints {
  const readOnly = readOnlyHint === true
  return {
    readOnly,
    // The two are about tools that change something.
    destructive: !readOnly && destructiveHint !== false,
    idempotent: readOnly || idempotentHint === true,
    openWorld: openWorldHint !== false,
  }
}

function isObjectSchema(schema: unknown): boolean {
  return isObject(schema) && schema['type'] === 'object'
}

/** How something listed is shown. */
export interface ShownAs {
  readonly name: string
  /** Our key of `_meta`, JSON text, for callers that are nodes; undefined takes it out. */
  readonly origin: string | undefined
  /** Era 2025 cannot express an output schema that is no object. */
  readonly objectOutputOnly: boolean
  /** Leaves out whether a tool can be called as a task, which only callers of the server's own era can do. */
  readonly withoutTasks: boolean
  /** How a URI it speaks of reads for the caller; undefined where both sides use the same. */
  readonly uri: ((uri: string) => string) | undefined
  /** Which of the files of a skill are left out; default none. */
  readonly hides?: UriVeil | undefined
}

/** The item's text under another name; all we do not speak of keeps its bytes. */
export function writeListed(listed: Listed, as: ShownAs): Buffer {
  const { text, kind } = listed
  const list = membersOf(text)
  const { edits, dropsMeta } = originEdits(text, list, as.origin)
  const name = memberOf(list, LIST_RULES[kind].key)
  if (name !== undefined) {
    edits.push({ start: name.start, end: name.end, text: JSON.stringify(as.name) })
  }
  const { uri, hides } = as
  if (kind === 'skill' && (uri !== undefined || hides !== undefined)) {
    edits.push(...skillFileUriEdits(text, uri ?? ((same) => same), hides))
  } else if (uri !== undefined) edits.push(...listItemUriEdits(text, uri))
  const dropsOutput = as.objectOutputOnly && listed.looseOutput
  const gone = removeMembers(list, ({ key }) => {
    if (key === 'execution') return as.withoutTasks && kind === 'tool'
    return (dropsMeta && key === '_meta') || (dropsOutput && key === 'outputSchema')
  })
  return splice(text, [...edits, ...gone])
}

function isOrigin({ key }: Member): boolean {
  return key === META.federation
}

/** Puts our key of `_meta` in place, or takes it out; with it `_meta`, if it holds nothing else. */
function originEdits(
  text: Buffer,
  list: readonly Member[],
  origin: string | undefined,
): { edits: Edit[]; dropsMeta: boolean } {
  const meta = memberOf(list, '_meta')
  const { inside } = meta ?? {}
  if (origin === undefined) {
    const dropsMeta = inside !== undefined && inside.length > 0 && inside.every(isOrigin)
    return { edits: dropsMeta ? [] : removeMembers(inside ?? [], isOrigin), dropsMeta }
  }
  const own = `"${META.federation}":${origin}`
  const found = inside?.find(isOrigin)
  let edit: Edit
  if (meta === undefined) edit = insertMembers(text, 0, `"_meta":{${own}}`)
  else if (inside === undefined) edit = { start: meta.start, end: meta.end, text: `{${own}}` }
  else if (found === undefined) edit = insertMembers(text, meta.start, own)
  else edit = { start: found.start, end: found.end, text: origin }
  return { edits: [edit], dropsMeta: false }
}
