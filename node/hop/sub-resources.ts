// Changes of what lies below a resource that somebody subscribed to.
import { READING_HINTS } from '../../protocol/policy/policy.ts'
import { readExposed } from '../../protocol/uris.ts'
import type { Entry } from '../core/stages.ts'
import { uriForCaller, type UriRule } from './uri-map.ts'

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

/** A resource as an upstream tells of it. */
interface Below extends UriRule {
  readonly uri: string
}

/** What lies below a resource `entry`, as the endpoint shows it: it need not be on any list. */
export function resourceBelow(entry: Entry, { uri, ...rule }: Below): Entry {
  const { id, source } = entry
  const name = (rule.peer === undefined ? undefined : readExposed(uri)?.uri) ?? uri
  return {
    ...entry,
    kind: 'resource',
    name: uriForCaller(rule, { ...id, source }, uri),
    id: { ...id, name },
    paramHeaders: [],
    hints: READING_HINTS,
  }
}
