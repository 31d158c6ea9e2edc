// Tools as a mirror holds them, made the way a list is read.
import { readToolPage, type ListedTool } from '../../../protocol/listing.ts'
import { META } from '../../../protocol/meta.ts'
import { writeOrigin, type ToolOrigin } from '../../../protocol/names.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'
import type { Source, ViewRule } from '../../../node/hop/view.ts'

export const SELF = 'self'

/** A tool some upstream lists, with further members. */
export function listed(name: string, more: Readonly<Record<string, unknown>> = {}): ListedTool {
  const tool = { name, inputSchema: { type: 'object' }, ...more }
  const text = JSON.stringify({ id: 1, result: { tools: [tool] } })
  const [read] = readToolPage(readUpstreamMessage(Buffer.from(text)), 100_000).tools
  if (read === undefined) throw new Error(`${name} is no tool`)
  return read
}

/** A tool a node lists: where it lives, and the way there from the node that lists it. */
export function federated(
  name: string,
  path: readonly string[],
  more: Partial<ToolOrigin> = {},
): ListedTool {
  const node = path.at(-1) ?? ''
  const origin = {
    id: { organisation: 'org', node, namespace: 'home', name },
    namespace: 'home',
    path,
    ...more,
  }
  return listed(`home__${name}`, {
    _meta: { [META.federation]: JSON.parse(writeOrigin(origin)) as unknown },
  })
}

/** A server that feeds a namespace. */
export function own(upstream: string, namespace: string, tools: readonly ListedTool[]): Source {
  return { upstream, peer: undefined, tools, from: { kind: 'own', namespace } }
}

/** A node whose namespaces are imported; it is the one its first tool's path begins at. */
export function imported(
  upstream: string,
  tools: readonly ListedTool[],
  as = '{namespace}',
): Source {
  const peer = tools[0]?.origin?.path[0]
  return { upstream, peer, tools, from: { kind: 'imported', import: ['*'], as } }
}

export function rule(more: Partial<ViewRule> = {}): ViewRule {
  return {
    self: { node: SELF, organisation: 'acme' },
    namespaces: ['*'],
    names: { style: 'prefixed', maxLength: 48 },
    hopBudget: 8,
    ...more,
  }
}
