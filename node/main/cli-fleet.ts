import type { LoadedConfig } from '../core/config-file.ts'
import { createLogger, type LogLevel } from '../core/logger.ts'
import { listenNode, type RunningNode } from './running-node.ts'

/** Advice for the errors of listening, by the code of the system; behind it comes the field. */
const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken: stop what listens there, or take another (0 for any free port) in',
  EADDRNOTAVAIL: 'is not an address of this machine: change',
  EACCES: 'may not be used by this user: choose a port above 1023 in',
}

/** A node that runs, and the file it came from. */
export interface Member {
  readonly file: string
  readonly node: RunningNode
  /** The upstreams that lie in this fleet: label, and base URL of the node. */
  readonly peers: readonly { readonly label: string; readonly url: string }[]
}

async function listenOne(loaded: LoadedConfig, level: LogLevel): Promise<Member> {
  const { config, file } = loaded
  const { name } = config.node
  const log = createLogger(level, { node: name })
  try {
    const node = await listenNode(config, { log })
    const peers = Object.entries(config.upstreams).flatMap(([label, upstream]) =>
      upstream.kind === 'node' ? [{ label, url: new URL(upstream.node.url).origin }] : [],
    )
    return { file, node, peers }
  } catch (error) {
    throw explained(error, loaded)
  }
}

function explained(error: unknown, { file, config }: LoadedConfig): unknown {
  const { code, port } =
    error instanceof Error ? (error as NodeJS.ErrnoException & ListenError) : {}
  const advice = LISTEN_WORDS[code ?? '']
  if (advice === undefined) return error
  const { node, admin } = config
  const isAdmin = admin !== undefined && port === admin.listen.port && port !== node.listen.port
  const { listen } = isAdmin ? admin : node
  const field = `${isAdmin ? 'admin' : 'node'}.listen`
  return new Error(`${file}: ${listen.host}:${listen.port} ${advice} ${field}`, { cause: error })
}

/** What the system says besides of an address that cannot be had. */
interface ListenError {
  readonly port?: number
}

/**
 * Starts the nodes of some files. All of them listen before any of them looks for its upstreams, so that those which
 * are each other's upstreams find each other at once.
 *
 * @throws Error when one cannot start; none is left running then
 */
export async function startFleet(
  files: readonly LoadedConfig[],
  level: LogLevel,
): Promise<readonly Member[]> {
  const started = await Promise.allSettled(files.map((file) => listenOne(file, level)))
  const members = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await closeFleet(members)
    throw failed.reason
  }
  for (const { node } of members) node.start()
  return members
}

/** Resolves when every upstream was tried and each node has the lists of those nodes of the fleet that it imports. */
export async function fleetReady(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map(({ node }) => node.ready()))
  // The first list of a node may have been taken before that node had its own.
  for (const { node, peers } of innermostFirst(members)) {
    const inside = peers.filter(({ url }) => members.some((member) => baseOf(member) === url))
    await node.refresh(inside.map(({ label }) => label))
  }
}

function baseOf({ node }: Member): string {
  return new URL(node.url).origin
}

/** Every node after those it imports from; where they form a loop, in the order found. */
function innermostFirst(members: readonly Member[]): readonly Member[] {
  const byUrl = new Map(members.map((member) => [baseOf(member), member]))
  const order = new Set<Member>()
  const path = new Set<Member>()
  const visit = (member: Member): void => {
    if (order.has(member) || path.has(member)) return
    path.add(member)
    for (const { url } of member.peers) {
      const peer = byUrl.get(url)
      if (peer !== undefined) visit(peer)
    }
    order.add(member)
  }
  for (const member of members) visit(member)
  return [...order]
}

/** Closes all nodes: first those that nobody in the fleet imports from, so that none sees its upstream vanish. */
export async function closeFleet(members: readonly Member[]): Promise<void> {
  for (const { node } of innermostFirst(members).toReversed()) await node.close()
}
