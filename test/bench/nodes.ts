// Banyan nodes for the bench: a configuration file each, started by the command a user starts them with.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start, type Running } from './processes.ts'

/** What a node serves: one namespace and one plain endpoint for each upstream. */
export interface NodePlan {
  readonly name: string
  /** Namespace to the URL of the MCP server behind it. */
  readonly servers?: Readonly<Record<string, string>>
  /** Endpoint of a node from which all namespaces are imported under their own names. */
  readonly parent?: {
    readonly url: string
    readonly namespaces: readonly string[]
    /** Transport to it; default that of a node which is not told. */
    readonly link?: 'http' | 'websocket'
  }
  /** Options for Node itself. */
  readonly execArgv?: readonly string[]
}

/** A node of the run; its `url` is that of the endpoint `main`. */
export interface RunningNode extends Running {
  /** URLs by endpoint. */
  readonly endpoints: Readonly<Record<string, string>>
}

/** The configuration of the node, as `banyan up` reads it: JSON is YAML. */
export function configuration(plan: NodePlan): Record<string, unknown> {
  const servers = plan.servers ?? {}
  const names = [...Object.keys(servers), ...(plan.parent?.namespaces ?? [])]
  const own = Object.keys(servers)
  const upstreams: Record<string, unknown> = {}
  for (const [name, url] of Object.entries(servers)) upstreams[name] = { http: { url } }
  if (plan.parent !== undefined) {
    const { url, link = 'auto' } = plan.parent
    upstreams['parent'] = { node: { url, import: ['*'], as: '{namespace}', link } }
  }
  return {
    node: { name: plan.name, organisation: 'bench', listen: '127.0.0.1:0', state: 'memory' },
    upstreams,
    namespaces: Object.fromEntries(own.map((name) => [name, { from: [name] }])),
    endpoints: {
      main: { namespaces: names },
      ...Object.fromEntries(names.map((name) => [name, { namespaces: [name], names: 'plain' }])),
    },
    visibility: 'open',
  }
}

interface ReadyLine {
  readonly event: 'ready'
  readonly nodes: readonly { readonly endpoints: Readonly<Record<string, string>> }[]
}

function isReadyLine(said: unknown): said is ReadyLine {
  return typeof said === 'object' && said !== null && 'event' in said && said.event === 'ready'
}

/** Starts one node by `up FILE --json` of the given command; its file is gone when it has stopped. */
export async function startNode(cli: string, plan: NodePlan): Promise<RunningNode> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'))
  const file = join(folder, `${plan.name}.yaml`)
  await writeFile(file, JSON.stringify(configuration(plan), undefined, 2))
  let endpoints: Readonly<Record<string, string>> = {}
  const cleanUp = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const running = await start({
      name: plan.name,
      args: [...(plan.execArgv ?? []), cli, 'up', file, '--json'],
      ready: (said) => {
        if (!isReadyLine(said)) return undefined
        endpoints = said.nodes[0]?.endpoints ?? {}
        return endpoints['main']
      },
    })
    const stop = (): Promise<void> => running.stop().finally(cleanUp)
    return { ...running, endpoints, stop }
  } catch (cause) {
    await cleanUp()
    throw cause
  }
}
