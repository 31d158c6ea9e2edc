// What an endpoint is able to do, by what its upstreams say of themselves.
import type { CapabilityKind } from '../../protocol/capability.ts'
import { RELAYED_EXTENSIONS, TASKS_EXTENSION } from '../../protocol/client-capabilities.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { Mirrors } from './mirrors.ts'

/** An upstream, and what of it a caller sees. */
export interface ShownUpstream {
  readonly mirrors: Mirrors
  /** The kinds of which it sees something; undefined: no rules decide about that. */
  readonly kinds: ReadonlySet<CapabilityKind> | undefined
}

const SKILLS_EXTENSION = 'io.modelcontextprotocol/skills'

/** Said in place of a node, whose word is about all that lies behind it. */
const CORE_TASKS: JsonObject = { cancel: {}, requests: { tools: { call: {} } } }

/** Settings of the extensions that a caller can use, those of the first upstream that has one. */
export function extensionsOf(all: readonly ShownUpstream[]): JsonObject {
  const found = RELAYED_EXTENSIONS.flatMap((name): [string, unknown][] => {
    // A session of era 2025 has no methods for these tasks, whatever the server says of itself in it.
    const able =
      name === TASKS_EXTENSION ? all.filter(({ mirrors }) => mirrors.era === '2026') : all
    const first = able.map((one) => extensionOf(one, name)).find(isObject)
    return first === undefined ? [] : [[name, first]]
  })
  return Object.fromEntries(found)
}

/**
 * What the first upstream that has tasks of 2025-11-25 says of them. Without `list`: ids lead to who owns them, lists of
 * several are not one.
 */
export function coreTasksOf(all: readonly ShownUpstream[]): JsonObject | undefined {
  const settings = all
    .filter(({ mirrors }) => mirrors.era === '2025')
    .map(({ mirrors, kinds }) =>
      isVeiled(mirrors, kinds) ? CORE_TASKS : mirrors.capabilities?.['tasks'],
    )
    .find(isObject)
  if (settings === undefined) return undefined
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key !== 'list'))
}

/**
 * What a node says of itself would tell of servers behind it that are hidden. So of skills it is believed where one of its
 * skills is seen, and the rest is said of every node.
 */
function extensionOf({ mirrors, kinds }: ShownUpstream, name: string): unknown {
  const extensions = mirrors.capabilities?.['extensions']
  const said = isObject(extensions) ? extensions[name] : undefined
  if (!isVeiled(mirrors, kinds)) return said
  if (name === SKILLS_EXTENSION) return kinds?.has('skill') === true ? said : undefined
  return {}
}

/** Whether rules hide some of what may lie behind it. */
function isVeiled(mirrors: Mirrors, kinds: ShownUpstream['kinds']): boolean {
  return kinds !== undefined && mirrors.ofNode
}
