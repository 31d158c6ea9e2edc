import { readSettings, type FederationSettings } from './federation.ts'
import { isObject, type JsonObject } from './jsonrpc.ts'

/** The extension for tasks (SEP-2663). */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'

/** Extensions a node can carry between a caller and an upstream, whatever their settings say. */
export const RELAYED_EXTENSIONS: readonly string[] = [
  'io.modelcontextprotocol/ui',
  TASKS_EXTENSION,
  'io.modelcontextprotocol/skills',
]

/** What a caller can be asked, as far as a node can carry the question to it. */
export interface ClientCapabilities {
  /** The part that is offered upstream in the caller's place, without braces; equal texts mean equal offers. */
  readonly offered: string
  readonly elicitation: { readonly form: boolean; readonly url: boolean }
  readonly sampling: boolean
  readonly samplingTools: boolean
  readonly roots: boolean
  /** Names of the relayed extensions it declares. */
  readonly extensions: ReadonlySet<string>
  /** Set when the caller is another node. */
  readonly federation: FederationSettings | undefined
}

/** Of a caller that declares nothing. */
export const NO_CAPABILITIES: ClientCapabilities = {
  offered: '',
  elicitation: { form: false, url: false },
  sampling: false,
  samplingTools: false,
  roots: false,
  extensions: new Set(),
  federation: undefined,
}

/**
 * Reads `ClientCapabilities` (MCP 2026-07-28 and 2025-11-25, schema.ts). Only what a node can carry is kept: unknown
 * capabilities and extensions are not offered on, and `roots.listChanged` never is, since a change has no way upstream.
 */
export function readClientCapabilities(value: unknown): ClientCapabilities {
  if (!isObject(value) || Object.keys(value).length === 0) return NO_CAPABILITIES
  const elicitation = elicitationOf(value['elicitation'])
  const sampling = isObject(value['sampling']) ? value['sampling'] : undefined
  const extensions = relayedExtensions(value['extensions'])
  const offered: JsonObject = {
    ...(elicitation.offered !== undefined && { elicitation: elicitation.offered }),
    ...(sampling !== undefined && { sampling: subset(sampling, ['context', 'tools']) }),
    ...(isObject(value['roots']) && { roots: {} }),
    ...(extensions !== undefined && { extensions }),
  }
  return {
    offered: JSON.stringify(offered).slice(1, -1),
    elicitation: { form: elicitation.form, url: elicitation.url },
    sampling: sampling !== undefined,
    samplingTools: isObject(sampling?.['tools']),
    roots: isObject(value['roots']),
    extensions: new Set(Object.keys(extensions ?? {})),
    federation: readSettings(value),
  }
}

/**
 * The same for what a client of era 2025 declares in `initialize`. Its era has tasks of its own in its core, and no
 * method for those of the extension.
 */
export function readSessionCapabilities(value: unknown): ClientCapabilities {
  const extensions = isObject(value) ? value['extensions'] : undefined
  if (!isObject(value) || !isObject(extensions)) return readClientCapabilities(value)
  const { [TASKS_EXTENSION]: _, ...others } = extensions
  return readClientCapabilities({ ...value, extensions: others })
}

/** `{}` means form only (MCP 2026-07-28, client/elicitation). */
function elicitationOf(value: unknown): { form: boolean; url: boolean; offered?: JsonObject } {
  if (!isObject(value)) return { form: false, url: false }
  const url = isObject(value['url'])
  const form = isObject(value['form']) || !url
  // A 2025-06-18 upstream knows only `{}`; where form alone is meant, that says the same everywhere.
  return { form, url, offered: url ? subset(value, ['form', 'url']) : {} }
}

/** Without the settings: callers that write more in them would otherwise need sessions of their own upstream. */
function subset(value: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.filter((key) => isObject(value[key])).map((key) => [key, {}]))
}

/** Media types an app host states at most. */
const MAX_TYPES = 8

function relayedExtensions(value: unknown): JsonObject | undefined {
  if (!isObject(value)) return undefined
  const known = RELAYED_EXTENSIONS.filter((name) => isObject(value[name]))
  if (known.length === 0) return undefined
  return Object.fromEntries(known.map((name) => [name, settingsOf(value[name])]))
}

/** The only settings a client has in these: what its apps may be made of (SEP-1865). */
function settingsOf(settings: unknown): JsonObject {
  const types = isObject(settings) ? settings['mimeTypes'] : undefined
  if (!Array.isArray(types) || types.length > MAX_TYPES || !types.every(isType)) return {}
  // In one order, so that equal lists are equal texts.
  return { mimeTypes: types.toSorted((a, b) => (a < b ? -1 : 1)) }
}

function isType(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100
}
