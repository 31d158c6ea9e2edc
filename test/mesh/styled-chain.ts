// A chain of nodes whose endpoints all name things in the same way, in front of one server.
import type { BanyanNode } from '../../node/main/index.ts'
import type { Era } from '../fixtures/wire.ts'
import type { Mesh } from './mesh.ts'

/** How endpoints name what they show. */
export type NameStyle = 'prefixed' | 'plain'

/** Numbers of nodes and styles, for `describe.each`. */
export const CHAINS: readonly (readonly [number, NameStyle])[] = [
  [1, 'prefixed'],
  [1, 'plain'],
  [3, 'prefixed'],
  [3, 'plain'],
]

/** What a chain is made of. */
export interface ChainPlan {
  readonly depth: number
  readonly style: NameStyle
  /** Of all links. Default: what is found. */
  readonly era?: Era
}

/** The outermost node; the server feeds the namespace `fx`, and tools keep the innermost names at each hop. */
export async function styledChain(mesh: Mesh, url: string, plan: ChainPlan): Promise<BanyanNode> {
  const { depth, style: names, era = 'auto' } = plan
  const endpoints = { main: { namespaces: ['fx'], names } }
  let behind = await mesh.ready('n0', {
    upstreams: { fixture: { http: { url }, era } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints,
  })
  for (let index = 1; index < depth; index += 1) {
    const node = { url: behind.endpointUrl('main'), as: '{namespace}' }
    behind = await mesh.ready(`n${index}`, { upstreams: { next: { node, era } }, endpoints })
  }
  return behind
}

/** What a tool is called at such an endpoint. */
export function shownAs(style: NameStyle, tool: string): string {
  return style === 'plain' ? tool : `fx__${tool}`
}
