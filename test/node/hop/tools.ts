// Capabilities as a mirror holds them, made the way a list is read.
import { LIST_RULES, type CapabilityKind } from '../../../protocol/capability.ts'
import type { FederationSettings } from '../../../protocol/federation.ts'
import { readPage, type Listed } from '../../../protocol/listing.ts'
import { META } from '../../../protocol/meta.ts'
import { writeOrigin, type ToolOrigin } from '../../../protocol/names.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'
import type { Source, ViewRule } from '../../../node/hop/sources.ts'

export const SELF = 'self'

/** Something some upstream lists, by what names it, with further members. */
export function listedAs(
  kind: CapabilityKind,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Listed {
  const { key, items } = LIST_RULES[kind]
  const item = { [key]: name, ...(kind === 'tool' && { inputSchema: { type: 'object' } }), ...more }
  const text = JSON.stringify({ id: 1, result: { [items]: [item] } })
  const [read] = readPage(readUpstreamMessage(Buffer.from(text)), kind, 100_000).items
  if (read === undefined) throw new Error(`${name} is no ${kind}`)
  return read
}

/** A tool some upstream lists, with further members. */
export function listed(name: string, more: Readonly<Record<string, unknown>> = {}): Listed {
  return listedAs('tool', name, more)
}

/** Something a node lists as `shown`: where it lives, and the way there from the node that lists it. */
export function federatedAs(
  kind: CapabilityKind,
  { shown, name }: { readonly shown: string; readonly name: string },
  path: readonly string[],
  more: Partial<ToolOrigin> = {},
): Listed {
  const node = path.at(-1) ?? ''
  const origin = {
    id: { organisation: 'org', node, namespace: 'home', name },
    source: 'server',
    namespace: 'home',
    path,
    ...more,
  }
  return listedAs(kind, shown, {
    _meta: { [META.federation]: JSON.parse(writeOrigin(origin)) as unknown },
  })
}

/** A tool a node lists. */
export function federated(
  name: string,
  path: readonly string[],
  more: Partial<ToolOrigin> = {},
): Listed {
  return federatedAs('tool', { shown: `home__${name}`, name }, path, more)
}

/** What a node says of itself. */
export function peerOf(node: string, uris: 'plain' | 'exposed' = 'exposed'): FederationSettings {
  return { version: 1, node, organisation: 'org', name: node, uris }
}

/** A server that feeds a namespace. */
export function own(upstream: string, namespace: string, items: readonly Listed[]): Source {
  return { upstream, peer: undefined, era: '2026', items, from: { kind: 'own', namespace } }
}

/** A node whose namespaces are imported; it is the one its first item's path begins at. */
export function imported(upstream: string, items: readonly Listed[], as = '{namespace}'): Source {
  const node = items[0]?.origin?.path[0]
  const peer = node === undefined ? undefined : peerOf(node)
  return { upstream, peer, era: '2026', items, from: { kind: 'imported', import: ['*'], as } }
}

export function rule(more: Partial<ViewRule> = {}): ViewRule {
  return {
    self: { node: SELF, organisation: 'acme' },
    namespaces: ['*'],
    names: { style: 'prefixed', maxLength: 48 },
    uriBytes: 8_192,
    hopBudget: 8,
    ...more,
  }
}
