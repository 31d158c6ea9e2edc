// One call into the tree by an MCP client that is not Banyan's own, and the way it took.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { BanyanNode } from '../../node/main/index.ts'
import type { CallEvent, Tree } from './tree.ts'

/** The tool of the innermost server, as clients of the outermost node see it. */
export const FARTHEST = 'globex-demo__echo'

/** The endpoint of the outermost node. */
export const ENDPOINT = 'main'

/** A call that was answered. */
export interface Journey {
  /** The text of the answer. */
  readonly answer: string
  /** As the client saw it, milliseconds. */
  readonly ms: number
  /** What each node said of it, outermost first. */
  readonly hops: readonly CallEvent[]
  /** The nodes it passed, by the ids in the request's own trail, outermost first. */
  readonly path: readonly BanyanNode[]
}

/** Calls a tool at the outermost node. @throws Error when there is no answer, or none of text */
export async function travel(
  tree: Tree,
  tool: string,
  args: Record<string, unknown>,
): Promise<Journey> {
  const [outermost] = tree.nodes
  if (outermost === undefined) throw new Error('the tree has no nodes')
  const client = new Client(
    { name: 'banyan-example', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(outermost.endpointUrl(ENDPOINT))))
  try {
    const before = tree.calls.length
    const startedAt = performance.now()
    const result = await client.callTool({ name: tool, arguments: args })
    const ms = performance.now() - startedAt
    const [content] = result.content
    if (content?.type !== 'text') throw new Error(`${tool} answered without text`)
    // The innermost node has its answer first.
    const hops = tree.calls.slice(before).toReversed()
    return { answer: content.text, ms, hops, path: pathOf(tree, hops) }
  } finally {
    await client.close()
  }
}

/** The trail with which the call left the innermost node. */
function pathOf({ nodes }: Tree, hops: readonly CallEvent[]): readonly BanyanNode[] {
  return (hops.at(-1)?.path ?? []).map((id) => {
    const node = nodes.find((one) => one.id === id)
    if (node === undefined) throw new Error(`the call passed a node ${id} that is not of this tree`)
    return node
  })
}
