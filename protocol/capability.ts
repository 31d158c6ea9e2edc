import { isObject, type JsonObject } from './jsonrpc.ts'

/** What a server offers under a name or URI. */
export type CapabilityKind = 'tool' | 'prompt' | 'resource' | 'template' | 'skill'

/** What an announced change is about; resources and templates are announced together. */
export type ListKind = 'tools' | 'prompts' | 'resources'

/** How one kind is listed and announced (MCP 2026-07-28, server/tools, server/prompts, server/resources). */
export interface ListRule {
  readonly kind: CapabilityKind
  readonly method: string
  /** Member of the result that holds the items. */
  readonly items: string
  /** Member of an item that names it, uniquely within one server. */
  readonly key: 'name' | 'uri' | 'uriTemplate'
  /** The server capability without which there is no such list, and the announcement it belongs to. */
  readonly of: ListKind
  /** The extension without which there is no such list, where it is one. */
  readonly extension?: string
}

/** Skills are made of resources, and announced with them (SEP-2640). */
const SKILLS = 'io.modelcontextprotocol/skills'

export const LIST_RULES: Readonly<Record<CapabilityKind, ListRule>> = {
  tool: { kind: 'tool', method: 'tools/list', items: 'tools', key: 'name', of: 'tools' },
  prompt: { kind: 'prompt', method: 'prompts/list', items: 'prompts', key: 'name', of: 'prompts' },
  resource: {
    kind: 'resource',
    method: 'resources/list',
    items: 'resources',
    key: 'uri',
    of: 'resources',
  },
  template: {
    kind: 'template',
    method: 'resources/templates/list',
    items: 'resourceTemplates',
    key: 'uriTemplate',
    of: 'resources',
  },
  skill: {
    kind: 'skill',
    method: 'skills/list',
    items: 'skills',
    key: 'uri',
    of: 'resources',
    extension: SKILLS,
  },
}

/** Whether who declares these capabilities has such a list. */
export function declaresList(capabilities: JsonObject, { of, extension }: ListRule): boolean {
  if (extension === undefined) return capabilities[of] !== undefined
  const { extensions } = capabilities
  return isObject(extensions) && extensions[extension] !== undefined
}

/** All kinds, in the order they are asked for. */
export const CAPABILITY_KINDS = ['tool', 'prompt', 'resource', 'template', 'skill'] as const

/** What can be announced to have changed. */
export const LIST_KINDS = ['tools', 'prompts', 'resources'] as const

/** The notification that announces a change. */
export function changedMethod(of: ListKind): string {
  return `notifications/${of}/list_changed`
}

/** What a `notifications/…/list_changed` announces; undefined for any other method. */
export function changedKind(method: string | undefined): ListKind | undefined {
  return LIST_KINDS.find((of) => changedMethod(of) === method)
}

/** The member of a listen's filter that asks for a change (MCP 2026-07-28, patterns/subscriptions). */
export function filterKey(of: ListKind): string {
  return `${of}ListChanged`
}
