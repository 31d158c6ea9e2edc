import { isUtf8 } from 'node:buffer'
import { paramHeaders, type ParamHeader } from './headers.ts'
import { duplicateKey, elements, memberOf, members, type Member, type Span } from './json-bytes.ts'
import { insertMembers, removeMembers, splice, type Edit } from './json-edit.ts'
import { isObject } from './jsonrpc.ts'
import { META } from './meta.ts'
import { readOrigin, type ToolOrigin } from './names.ts'
import type { UpstreamMessage } from './upstream-message.ts'
import { Fault } from './errors.ts'

/** A tool as an upstream lists it: validated once, its text kept. */
export interface ListedTool {
  readonly name: string
  readonly text: Buffer
  readonly paramHeaders: readonly ParamHeader[]
  /** Why it must not be published over HTTP; undefined when it may. */
  readonly unpublishable: string | undefined
  /** Where it lives, if the upstream is a node. */
  readonly origin: ToolOrigin | undefined
  /** The output schema does not describe an object, which era 2025 cannot say. */
  readonly looseOutput: boolean
}

/** One page of a list. */
export interface ToolPage {
  readonly tools: readonly ListedTool[]
  /** Tools left out, with the reason: for the operator. */
  readonly dropped: readonly { readonly name: string; readonly reason: string }[]
  readonly nextCursor: string | undefined
  /** Undefined when the upstream gives none (era 2025). */
  readonly ttlMs: number | undefined
  readonly cacheScope: 'public' | 'private'
}

/**
 * Reads a `tools/list` response.
 *
 * @param toolBytes the largest definition taken
 * @throws Fault `upstream_protocol` when the result has no `tools`, or what they say is not JSON
 */
export function readToolPage(message: UpstreamMessage, toolBytes: number): ToolPage {
  const { raw } = message
  const list = memberOf(message.members, 'result')?.inside ?? []
  const place = memberOf(list, 'tools')
  if (place === undefined || raw[place.start] !== 0x5b) throw malformed()
  const tools: ListedTool[] = []
  const dropped: { name: string; reason: string }[] = []
  for (const { start, end } of spansOf(raw, place.start)) {
    const tool = readTool(raw.subarray(start, end), toolBytes)
    if ('reason' in tool) dropped.push(tool)
    else tools.push(tool)
  }
  const value = (key: string): unknown => {
    const found = memberOf(list, key)
    return found === undefined ? undefined : parse(raw.subarray(found.start, found.end))
  }
  const nextCursor = value('nextCursor')
  const ttlMs = value('ttlMs')
  return {
    tools,
    dropped,
    nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined,
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? Math.floor(ttlMs) : undefined,
    cacheScope: value('cacheScope') === 'public' ? 'public' : 'private',
  }
}

function malformed(cause?: unknown): Fault {
  const text = 'the upstream sent a tools/list result without a list of tools'
  return new Fault('upstream_protocol', text, { cause })
}

function spansOf(raw: Buffer, at: number): Span[] {
  try {
    return elements(raw, at)
  } catch (error) {
    throw malformed(error)
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new Fault('upstream_protocol', 'the upstream sent a list that is not JSON', { cause })
  }
}

/** Members of a tool, those of its `_meta` too. */
function membersOf(text: Buffer): Member[] {
  return members(text, 0, undefined, META_ONLY)
}

const META_ONLY: ReadonlySet<string> = new Set(['_meta'])

/** Why others could read the text as another tool than this node does; undefined when they cannot. */
function ambiguity(text: Buffer): string | undefined {
  if (!isUtf8(text)) return 'it is not valid UTF-8'
  const list = membersOf(text)
  const twice = duplicateKey(list) ?? duplicateKey(memberOf(list, '_meta')?.inside ?? [])
  return twice === undefined ? undefined : `the member ${JSON.stringify(twice)} stands there twice`
}

function readTool(text: Buffer, toolBytes: number): ListedTool | { name: string; reason: string } {
  const value = parse(text)
  if (!isObject(value)) return { name: '', reason: 'a tool that is no object' }
  const { name, inputSchema, outputSchema, _meta: meta } = value
  if (typeof name !== 'string' || name === '') return { name: '', reason: 'a tool without a name' }
  if (text.length > toolBytes) return { name, reason: `larger than ${toolBytes} bytes` }
  if (!isObject(inputSchema)) return { name, reason: 'inputSchema is no object' }
  const reason = ambiguity(text)
  if (reason !== undefined) return { name, reason }
  const mirrored = paramHeaders(inputSchema)
  return {
    name,
    // A copy: the page it came in would otherwise stay in memory as long as one of its tools.
    text: Buffer.from(text),
    paramHeaders: mirrored.ok ? mirrored.headers : [],
    unpublishable: mirrored.ok ? undefined : mirrored.reason,
    origin: isObject(meta) ? readOrigin(meta[META.federation]) : undefined,
    looseOutput: outputSchema !== undefined && !isObjectSchema(outputSchema),
  }
}

function isObjectSchema(schema: unknown): boolean {
  return isObject(schema) && schema['type'] === 'object'
}

/** How a tool is shown. */
export interface ShownAs {
  readonly name: string
  /** Our key of `_meta`, JSON text, for callers that are nodes; undefined takes it out. */
  readonly origin: string | undefined
  /** Era 2025 cannot express an output schema that is no object. */
  readonly objectOutputOnly: boolean
}

/** The tool's text under another name; all we do not speak of keeps its bytes. */
export function writeTool(tool: ListedTool, as: ShownAs): Buffer {
  const { text } = tool
  const list = membersOf(text)
  const { edits, dropsMeta } = originEdits(text, list, as.origin)
  const name = memberOf(list, 'name')
  if (name !== undefined) {
    edits.push({ start: name.start, end: name.end, text: JSON.stringify(as.name) })
  }
  const dropsOutput = as.objectOutputOnly && tool.looseOutput
  const gone = removeMembers(list, ({ key }) => {
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
