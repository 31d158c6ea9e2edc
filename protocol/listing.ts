import { paramHeaders, type ParamHeader } from './headers.ts'
import {
  elements,
  insertMembers,
  memberOf,
  members,
  removeMember,
  splice,
  type Edit,
  type Member,
} from './json-bytes.ts'
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
 * @throws Fault `upstream_protocol` when the result has no `tools`
 */
export function readToolPage(message: UpstreamMessage, toolBytes: number): ToolPage {
  const { raw } = message
  const result = memberOf(message.members, 'result')
  if (result === undefined || raw[result.start] !== 0x7b) throw malformed()
  const list = members(raw, result.start)
  const place = memberOf(list, 'tools')
  if (place === undefined || raw[place.start] !== 0x5b) throw malformed()
  const tools: ListedTool[] = []
  const dropped: { name: string; reason: string }[] = []
  for (const { start, end } of elements(raw, place.start)) {
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

function malformed(): Fault {
  return new Fault('upstream_protocol', 'the upstream sent a tools/list result without tools')
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new Fault('upstream_protocol', 'the upstream sent a list that is not JSON', { cause })
  }
}

function readTool(text: Buffer, toolBytes: number): ListedTool | { name: string; reason: string } {
  const value = parse(text)
  if (!isObject(value)) return { name: '', reason: 'a tool that is no object' }
  const { name, inputSchema, outputSchema, _meta: meta } = value
  if (typeof name !== 'string' || name === '') return { name: '', reason: 'a tool without a name' }
  if (text.length > toolBytes) return { name, reason: `larger than ${toolBytes} bytes` }
  if (!isObject(inputSchema)) return { name, reason: 'inputSchema is no object' }
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
  const list = members(text, 0)
  const edits: Edit[] = []
  const name = memberOf(list, 'name')
  if (name !== undefined) {
    edits.push({ start: name.start, end: name.end, text: JSON.stringify(as.name) })
  }
  edits.push(...originEdits(text, list, as.origin))
  const output = list.findIndex(({ key }) => key === 'outputSchema')
  if (as.objectOutputOnly && tool.looseOutput && output !== -1) {
    edits.push(removeMember(list, output))
  }
  return splice(text, edits)
}

function originEdits(text: Buffer, list: readonly Member[], origin: string | undefined): Edit[] {
  const meta = memberOf(list, '_meta')
  const own = origin === undefined ? undefined : `"${META.federation}":${origin}`
  if (meta === undefined || text[meta.start] !== 0x7b) {
    return own === undefined ? [] : [insertMembers(text, 0, `"_meta":{${own}}`)]
  }
  const inside = members(text, meta.start)
  const index = inside.findIndex(({ key }) => key === META.federation)
  const found = inside[index]
  if (found === undefined) return own === undefined ? [] : [insertMembers(text, meta.start, own)]
  if (origin === undefined && inside.length === 1) return [removeMember(list, list.indexOf(meta))]
  if (origin === undefined) return [removeMember(inside, index)]
  return [{ start: found.start, end: found.end, text: origin }]
}
