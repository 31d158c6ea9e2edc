import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import type { ViewItem } from '../view.ts'

/** Longest description of a match, characters. */
const MAX_DESCRIPTION = 300
/** Most parameters of a match. */
const MAX_PARAMETERS = 30

/** A tool as a search shows it. */
export interface FoundTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  /** Optional ones end in `?`. */
  readonly parameters: readonly string[]
}

export function foundTool({ entry, listed }: ViewItem): FoundTool {
  const { title, description, inputSchema } = JSON.parse(listed.text.toString('utf8')) as JsonObject
  return {
    name: entry.name,
    ...(typeof title === 'string' && { title: cut(title) }),
    ...(typeof description === 'string' && { description: cut(description) }),
    parameters: parametersOf(inputSchema),
  }
}

function cut(text: string): string {
  const plain = text.trim()
  if (plain.length <= MAX_DESCRIPTION) return plain
  // Not between the halves of a character.
  const end = plain.slice(0, MAX_DESCRIPTION - 1).replace(/[\ud800-\udbff]$/, '')
  return `${end.trimEnd()}…`
}

function parametersOf(schema: unknown): readonly string[] {
  if (!isObject(schema) || !isObject(schema['properties'])) return []
  const { properties, required } = schema
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : [])
  const names = Object.keys(properties)
  const shown = names.slice(0, MAX_PARAMETERS).map((name) => (needed.has(name) ? name : `${name}?`))
  return names.length > MAX_PARAMETERS ? [...shown, '…'] : shown
}
