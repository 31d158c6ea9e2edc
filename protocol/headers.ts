import { Fault } from './errors.ts'
import { members, type Member } from './json-bytes.ts'
import { isObject, type JsonObject } from './jsonrpc.ts'

/** Header names of Streamable HTTP, lower-case as Node gives them (MCP 2026-07-28, transports/streamable-http). */
export const HEADER = {
  protocolVersion: 'mcp-protocol-version',
  method: 'mcp-method',
  name: 'mcp-name',
  paramPrefix: 'mcp-param-',
  sessionId: 'mcp-session-id',
  lastEventId: 'last-event-id',
} as const

/** Whatever stands between the marks claims to be base64: if it is not, it is an offence and no literal. */
const SENTINEL = /^=\?base64\?(.*)\?=$/s
/** Printable ASCII: what a header value may carry as it is. */
const PLAIN = /^[\x20-\x7e]*$/

/**
 * A value as it goes into `Mcp-Name` or `Mcp-Param-*`: plain where HTTP carries it, else between base64 sentinels
 * (SEP-2243). A value that looks like the sentinel is encoded too, so that decoding is never ambiguous.
 */
export function encodeHeaderValue(value: string): string {
  const plain = PLAIN.test(value) && value.trim() === value && !SENTINEL.test(value) && value !== ''
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`
}

/**
 * The value of a mirrored header: outer white space trimmed, the sentinel decoded.
 *
 * @throws Fault `header_mismatch` when it is neither ASCII nor well-formed base64 of UTF-8
 */
export function decodeHeaderValue(header: string): string {
  const text = header.trim()
  const encoded = SENTINEL.exec(text)?.[1]
  if (encoded === undefined) {
    if (!PLAIN.test(text)) throw new Fault('header_mismatch', 'a mirrored header is not ASCII')
    return text
  }
  const bytes = Buffer.from(encoded, 'base64')
  const value = bytes.toString('utf8')
  const sound = bytes.toString('base64') === encoded && Buffer.from(value, 'utf8').equals(bytes)
  if (!sound) throw new Fault('header_mismatch', 'a mirrored header is not base64 of UTF-8')
  return value
}

/** A property of a tool's input that is mirrored into `Mcp-Param-<header>`. */
export interface ParamHeader {
  /** The name behind `Mcp-Param-`, as the schema spells it. */
  readonly header: string
  /** Names of the properties that lead to the value. */
  readonly path: readonly string[]
  readonly type: 'string' | 'integer' | 'boolean'
}

/** The mirrored headers a schema asks for, or why it must not be published over HTTP. */
export type ParamHeaders =
  | { readonly ok: true; readonly headers: readonly ParamHeader[] }
  | { readonly ok: false; readonly reason: string }

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const MARK = 'x-mcp-header'

/**
 * Reads the `x-mcp-header` marks of an input schema by the rules of SEP-2243: a non-empty RFC 9110 token, unique
 * without regard to case, on a string, integer or boolean, reached through `properties` alone.
 */
export function paramHeaders(inputSchema: unknown): ParamHeaders {
  const headers: ParamHeader[] = []
  const reason = collect(inputSchema, [], headers)
  if (reason !== undefined) return { ok: false, reason }
  const seen = new Set<string>()
  for (const { header } of headers) {
    const folded = header.toLowerCase()
    if (seen.has(folded)) return { ok: false, reason: `${MARK} "${header}" stands there twice` }
    seen.add(folded)
  }
  return { ok: true, headers }
}

/** Walks `properties`; any mark outside of them is an offence. Returns the first offence. */
function collect(schema: unknown, path: readonly string[], out: ParamHeader[]): string | undefined {
  if (!isObject(schema)) return undefined
  for (const [key, value] of Object.entries(schema)) {
    if (key === MARK) {
      const offence = mark(schema, path, out)
      if (offence !== undefined) return offence
    } else if (key === 'properties' && isObject(value)) {
      const offence = collectProperties(value, path, out)
      if (offence !== undefined) return offence
    } else if (holdsMark(key, value)) {
      return `${MARK} under "${key}"; it may be reached through "properties" only`
    }
  }
  return undefined
}

function collectProperties(
  properties: JsonObject,
  path: readonly string[],
  out: ParamHeader[],
): string | undefined {
  for (const [name, property] of Object.entries(properties)) {
    const offence = collect(property, [...path, name], out)
    if (offence !== undefined) return offence
  }
  return undefined
}

/** Keywords whose value is data, not a schema: a member called like the mark means nothing there. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples'])

function mark(schema: JsonObject, path: readonly string[], out: ParamHeader[]): string | undefined {
  const header = schema[MARK]
  const type = schema['type']
  if (typeof header !== 'string' || !TOKEN.test(header)) {
    return `${MARK} must be a header name, not ${JSON.stringify(header) ?? 'nothing'}`
  }
  if (path.length === 0) return `${MARK} on the root of the schema`
  if (type !== 'string' && type !== 'integer' && type !== 'boolean') {
    return `${MARK} "${header}" on a property that is no string, integer or boolean`
  }
  out.push({ header, path, type })
  return undefined
}

/** Keywords whose members are schemas under names the author chose: no name means anything there. */
const NAMING_KEYWORDS: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
])

/** Whether a mark stands in the value of a keyword. */
function holdsMark(keyword: string, value: unknown): boolean {
  if (DATA_KEYWORDS.has(keyword)) return false
  const named = NAMING_KEYWORDS.has(keyword) && isObject(value)
  return named ? Object.values(value).some(hasMark) : hasMark(value)
}

function hasMark(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasMark)
  if (!isObject(value)) return false
  return Object.entries(value).some(([key, inner]) => key === MARK || holdsMark(key, inner))
}

/** The argument a mirrored header stands for; undefined when it is absent or null, and then there is no header. */
export function argumentAt(args: unknown, path: readonly string[]): unknown {
  let value = args
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value ?? undefined
}

/** `Mcp-Param-*` headers for the next hop, as a flat list of names and values. */
export function mirrorArguments(headers: readonly ParamHeader[], args: unknown): string[] {
  return headers.flatMap(({ header, path }) => {
    const value = argumentAt(args, path)
    return isMirrored(value) ? [`Mcp-Param-${header}`, encodeHeaderValue(String(value))] : []
  })
}

/** Integers beyond 2^53 are outside the rule: readers of the body disagree about their value. */
function isMirrored(value: unknown): value is string | number | boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
  return typeof value === 'string' || typeof value === 'boolean'
}

/**
 * Compares a caller's `Mcp-Param-*` headers with the arguments (SEP-2243; integers as numbers).
 *
 * @throws Fault `header_mismatch` naming the header
 */
export function checkMirrored(
  headers: readonly ParamHeader[],
  args: unknown,
  received: (name: string) => string | undefined,
): void {
  for (const { header, path, type } of headers) {
    const value = argumentAt(args, path)
    const text = received(HEADER.paramPrefix + header.toLowerCase())
    if (text === undefined && !isMirrored(value)) continue
    if (text === undefined || !agrees(decodeHeaderValue(text), value, type)) {
      throw new Fault(
        'header_mismatch',
        `the header Mcp-Param-${header} differs from the argument`,
        {
          data: { header: `Mcp-Param-${header}` },
        },
      )
    }
  }
}

function agrees(text: string, value: unknown, type: ParamHeader['type']): boolean {
  if (typeof value === 'number') {
    const numeric = type === 'integer' && DECIMAL.test(text)
    return numeric ? Number(text) === value : text === String(value)
  }
  return typeof value === 'boolean' ? text === String(value) : text === value
}

const DECIMAL = /^[+-]?\d+(\.\d+)?$/

/**
 * Refuses arguments in which a mirrored one stands twice: the next reader may take the other of the two, and then the
 * header no longer speaks for it.
 *
 * @param at where the arguments start in `bytes`
 * @throws Fault `duplicate_member`
 */
export function refuseAmbiguous(headers: readonly ParamHeader[], bytes: Buffer, at: number): void {
  for (const { path } of headers) {
    let start: number | undefined = at
    for (const name of path) {
      if (start === undefined || bytes[start] !== 0x7b) break
      const found: Member[] = members(bytes, start).filter(({ key }) => key === name)
      if (found.length > 1) {
        const data = { member: name }
        throw new Fault('duplicate_member', `the argument "${name}" stands there twice`, { data })
      }
      start = found[0]?.start
    }
  }
}
