// The tree of this folder as one program: three nodes in this process, each from its own file.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { createNode, type BanyanNode, type Logger } from '../../node/main/index.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))

/** Innermost first, so that each finds its upstreams up. */
const FILES = ['gate.yaml', 'hub.yaml', 'edge.yaml'] as const

/** What a node says in its log of a call it passed on. */
export interface CallEvent {
  /** Name of the node. */
  readonly node: string
  readonly tool: string
  readonly upstream: string
  /** What the tool is called there. */
  readonly as: string
  /** Ids of the nodes the call had passed when it left this one, this one last. */
  readonly path: readonly string[]
  readonly ms: number
}

/** The running tree. */
export interface Tree {
  /** Outermost first. */
  readonly nodes: readonly BanyanNode[]
  /** Calls that were answered, in the order of their answers. */
  readonly calls: readonly CallEvent[]
  /** Whether all nodes are on the ports their files name. */
  readonly asConfigured: boolean
  close(): Promise<void>
}

/** The part of a configuration that has to change when a port is taken. */
interface Config {
  readonly node: { readonly name: string; readonly listen: string }
  readonly upstreams: Readonly<Record<string, { readonly node?: { readonly url: string } }>>
}

/** Starts the tree. Where a port is taken the node gets a free one, and the nodes above it are told. */
export async function startTree(progress: (text: string) => void): Promise<Tree> {
  const calls: CallEvent[] = []
  const nodes: BanyanNode[] = []
  const moved = new Map<string, string>()
  const close = async (): Promise<void> => {
    // The outermost first, so that no node sees its upstream vanish.
    for (const node of nodes) await node.close()
  }
  try {
    for (const file of FILES) {
      const config = redirected(parse(await readFile(`${FOLDER}${file}`, 'utf8')) as Config, moved)
      const { name, listen } = config.node
      const node = await start(config, loggerOf(name, calls))
      if (node.url !== `http://${listen}`) moved.set(`http://${listen}`, node.url)
      nodes.unshift(node)
      progress(`starting the servers of ${name} ...`)
      await node.ready()
    }
  } catch (error) {
    await close()
    throw error
  }
  return { nodes, calls, asConfigured: moved.size === 0, close }
}

async function start(config: Config, log: Logger): Promise<BanyanNode> {
  try {
    return await createNode(config, { baseDir: FOLDER, log })
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!taken) throw error
    const elsewhere = { ...config, node: { ...config.node, listen: '127.0.0.1:0' } }
    return createNode(elsewhere, { baseDir: FOLDER, log })
  }
}

/** The configuration with the URLs of nodes that are not where their files say. */
function redirected(config: Config, moved: ReadonlyMap<string, string>): Config {
  const upstreams = Object.entries(config.upstreams).map(([label, upstream]) => {
    if (upstream.node === undefined) return [label, upstream] as const
    const url = new URL(upstream.node.url)
    const base = moved.get(url.origin) ?? url.origin
    return [label, { ...upstream, node: { ...upstream.node, url: base + url.pathname } }] as const
  })
  return { ...config, upstreams: Object.fromEntries(upstreams) }
}

/** Collects the calls a node reports; what is wrong goes to standard error. */
function loggerOf(node: string, calls: CallEvent[]): Logger {
  const complain = (_facts: unknown, message: string): void => {
    process.stderr.write(`${node}: ${message}\n`)
  }
  return {
    debug: (facts, message) => {
      if (message === 'call') calls.push({ ...(facts as Omit<CallEvent, 'node'>), node })
    },
    info: () => undefined,
    warn: complain,
    error: complain,
  }
}
