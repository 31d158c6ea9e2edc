// Changes of what lies below a resource that somebody subscribed to.
import { READING_HINTS } from '../../protocol/policy/policy.ts'
import { readExposed } from '../../protocol/uris.ts'
import type { Entry } from '../core/stages.ts'
import type { Sight } from './sight.ts'

/** How deep below what is subscribed a change is still looked for; bounds the work for a hostile URI. */
const MAX_LEVELS = 32

/**
 * What a changed URI was subscribed as: a server may name a sub-resource of it (MCP 2025-11-25, schema,
 * ResourceUpdatedNotification).
 *
 * @param wanted what is subscribed under a URI, if anybody is
 */
export function nearest<S>(uri: string, wanted: (uri: string) => S | undefined): S | undefined {
  let found = wanted(uri)
  let end = uri.lastIndexOf('/')
  for (let level = 0; found === undefined && end > 0 && level < MAX_LEVELS; level += 1) {
    found = wanted(uri.slice(0, end + 1)) ?? wanted(uri.slice(0, end))
    end = uri.lastIndexOf('/', end - 1)
  }
  return found
}

/** The change of one resource. */
interface Change {
  /** As the upstream tells it. */
  readonly uri: string
  /** Whether that is a node, in whose namespaces it lies. */
  readonly imported: boolean
}

/** Whether somebody who sees the resource `entry` may learn that what lies below it has changed: only who sees that. */
export function seesBelow(
  sight: Sight | undefined,
  entry: Entry,
  { uri, imported }: Change,
): boolean {
  if (sight?.hasRules !== true) return true
  const name = (imported ? readExposed(uri)?.uri : undefined) ?? uri
  const id = { ...entry.id, name }
  return sight.shows({ ...entry, kind: 'resource', id, paramHeaders: [], hints: READING_HINTS })
}
