// Nodes nested in each other, the innermost fronting one MCP server under its own names.
import { createNode, type BanyanNode } from '../../node/main/index.ts'

/** A running chain. */
export interface Chain {
  /** The outermost endpoint. */
  readonly url: string
  /** Outermost first. */
  readonly nodes: readonly BanyanNode[]
  close(): Promise<void>
}

const NAMESPACE = 'fixture'

/** Starts `depth` nodes in front of the server at `upstreamUrl` and waits until the outermost has its list. */
export async function startChain(depth: number, upstreamUrl: string): Promise<Chain> {
  const nodes: BanyanNode[] = []
  let url = upstreamUrl
  for (let index = 0; index < depth; index += 1) {
    const isInnermost = index === 0
    const node = await createNode({
      node: {
        name: `conformance-${depth - index}`,
        organisation: 'lab',
        listen: '127.0.0.1:0',
        state: 'memory',
      },
      upstreams: {
        [isInnermost ? 'server' : 'next']: isInnermost
          ? { http: { url } }
          : { node: { url, as: '{namespace}' } },
      },
      ...(isInnermost ? { namespaces: { [NAMESPACE]: { from: ['server'] } } } : {}),
      endpoints: { main: { namespaces: [NAMESPACE], names: 'plain' } },
    })
    nodes.unshift(node)
    await node.ready()
    url = node.endpointUrl('main')
  }
  return {
    url,
    nodes,
    async close() {
      // From the outside in: nobody is to see its upstream go.
      for (const node of nodes) await node.close()
    },
  }
}
