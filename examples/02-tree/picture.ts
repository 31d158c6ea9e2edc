// What people see of the tree: what is where, the way of a call, and how to connect a client.
import { fileURLToPath } from 'node:url'
import type { BanyanNode, EndpointStatus, UpstreamStatus } from '../../node/main/index.ts'
import { ENDPOINT, type Journey } from './call.ts'
import type { Tree } from './tree.ts'

function fullName(node: BanyanNode): string {
  return `${node.status().organisation}/${node.name}`
}

function urlsOf(node: BanyanNode): string {
  return node
    .status()
    .endpoints.map((endpoint) => `${node.endpointUrl(endpoint.name)}  ${inventory(endpoint)}`)
    .join(', ')
}

function serverLine(upstream: UpstreamStatus): string {
  const { label, kind, server, problem } = upstream
  return `${label}  ${kind}: ${problem ?? `${server}, ${inventory(upstream)}`}`
}

/** What there is, kinds of which there is nothing left out. */
function inventory({ tools, prompts, resources }: UpstreamStatus | EndpointStatus): string {
  const counts = { tools, prompts, resources }
  const found = Object.entries(counts).filter(([, number]) => number > 0)
  return found
    .map(([kind, number]) => `${number} ${number === 1 ? kind.slice(0, -1) : kind}`)
    .join(', ')
}

/** The tree below a node, one line each, with branches of box characters. */
function branches(node: BanyanNode, tree: Tree, indent: string): string {
  const { upstreams } = node.status()
  const lines = upstreams.map((upstream, index) => {
    const last = index === upstreams.length - 1
    const stem = `${indent}${last ? '└─' : '├─'} `
    const below = tree.nodes.find((one) => upstream.target.startsWith(`${one.url}/`))
    if (below === undefined) return `${stem}${serverLine(upstream)}\n`
    const inner = branches(below, tree, `${indent}${last ? '   ' : '│  '}`)
    return `${stem}${fullName(below)}  ${urlsOf(below)}\n${inner}`
  })
  return lines.join('')
}

/** What is where, from the outermost node down. */
export function treePicture(tree: Tree): string {
  const [outermost] = tree.nodes
  if (outermost === undefined) return ''
  return `${fullName(outermost)}  ${urlsOf(outermost)}\n${branches(outermost, tree, '')}`
}

/** The way of a call and the time it took, as each node saw it. */
export function journeyPicture({ path, hops, ms, answer }: Journey): string {
  const server = hops.at(-1)?.upstream ?? ''
  const stations = ['client', ...path.map(fullName), server]
  const lines = hops.map(
    ({ node, tool, upstream, as, ms: own }) =>
      `  ${node.padEnd(6)}${tool} → ${as} at ${upstream}  ${own.toFixed(1)} ms`,
  )
  return `${stations.join(' → ')}, and back in ${ms.toFixed(1)} ms\n${lines.join('\n')}\n  answer: ${answer}\n`
}

function mcpServers(server: object): string {
  return JSON.stringify({ mcpServers: { banyan: server } })
}

/** How to connect a client, over HTTP and over stdio. */
export function clientLines(tree: Tree): string {
  const [outermost] = tree.nodes
  const url = outermost?.endpointUrl(ENDPOINT) ?? ''
  const overHttp = mcpServers({ type: 'http', url })
  if (!tree.asConfigured) {
    return `${overHttp}\nA port of the files was taken, so the stdio form would not find the hub: stop what holds it, and start again.\n`
  }
  const cli = fileURLToPath(new URL('../../node/main/cli.ts', import.meta.url))
  const file = fileURLToPath(new URL('edge.yaml', import.meta.url))
  const args = [cli, 'serve', '--stdio', ENDPOINT, file]
  return `${overHttp}\nor, for a client that starts its servers itself:\n${mcpServers({ command: process.execPath, args })}\n`
}
