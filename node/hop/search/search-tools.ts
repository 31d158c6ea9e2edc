import type { Authenticated } from '../../core/stages.ts'
import type { Catalogue } from '../catalogue.ts'
import type { ViewItem } from '../view.ts'
import { foundTool } from './found-tools.ts'
import { searchWish } from './own-arguments.ts'
import type { Selection, Selections } from './selections.ts'
import type { ToolIndexes } from './tool-indexes.ts'

/** What searching takes. */
export interface SearchParts {
  readonly catalogue: Pick<Catalogue, 'seen' | 'refresh'>
  readonly selections: Selections
  readonly indexes: ToolIndexes
}

/**
 * The tools that match best, of those the caller's list would hold. The index has these and no others, so that what is
 * hidden changes neither the order nor what the search costs.
 *
 * @throws WrongArguments
 */
export async function searchTools(parts: SearchParts, call: Authenticated): Promise<string> {
  const { query, limit, offset } = searchWish(call.received.request)
  const waiting = parts.catalogue.refresh(call, 'tool')
  if (waiting !== undefined) await waiting
  const matches = await matching(parts, call, query)
  const tools = matches.slice(offset, offset + limit).map(foundTool)
  const next = offset + tools.length
  const more = next < matches.length && tools.length > 0 ? { nextOffset: next } : {}
  return JSON.stringify({ tools, total: matches.length, ...more })
}

async function matching(
  parts: SearchParts,
  call: Authenticated,
  query: string,
): Promise<readonly ViewItem[]> {
  const selection = selectionFor(parts, call)
  if (query.trim() === '') return selection.items
  const { items, digest } = selection
  const waiting = parts.indexes.of(selection)
  const index = waiting instanceof Promise ? await waiting : waiting
  const found = index.find(query).flatMap((number) => items[number] ?? [])
  // While the index was made, something may have been hidden.
  const now = selectionFor(parts, call)
  if (now.digest === digest) return found
  const names = new Set(now.items.map(({ entry }) => entry.name))
  return found.filter(({ entry }) => names.has(entry.name))
}

function selectionFor({ catalogue, selections }: SearchParts, call: Authenticated): Selection {
  const { view, sight } = catalogue.seen(call, 'tool')
  return selections.of(view, call.received.caller, sight)
}
