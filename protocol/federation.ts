import { Fault } from './errors.ts'
import { isObject } from './jsonrpc.ts'

/** The extension two Banyan nodes agree on (reverse-DNS prefix, MCP 2026-07-28, basic/index). */
export const FEDERATION = 'io.github.banyan-mcp/federation'

/** The method by which a node asks another what that decides about it, of something by name. */
export const EXPLAIN_METHOD = 'io.github.banyan-mcp/explain'

/** The method by which a node asks another which way a call of something would take from there. Nothing is called. */
export const PROBE_METHOD = 'io.github.banyan-mcp/probe'

/** Version of the extension's wire; nodes of different versions treat each other as plain servers. */
export const FEDERATION_VERSION = 1

/** A node, by the thumbprint of its key. */
export type NodeId = string

/** What a node says of itself in `capabilities.extensions`. */
export interface FederationSettings {
  readonly version: number
  readonly node: NodeId
  readonly organisation: string
  readonly name: string
  /** Whether the endpoint shows URIs as its upstreams do, or exposed (protocol/uris); a caller has none, and says nothing. */
  readonly uris?: 'plain' | 'exposed'
}

/** How far a request may still go, and which nodes it has passed, oldest first. */
export interface HopTrail {
  /** Nodes the request may still enter, the one that reads this included. */
  readonly budget: number
  readonly path: readonly NodeId[]
}

const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/
const MAX_PATH = 64

/** Whether `value` can be a node id. */
export function isNodeId(value: unknown): value is NodeId {
  return typeof value === 'string' && NODE_ID.test(value)
}

/**
 * Reads the trail a request came with. A caller without one starts with `limit`; nobody starts with more.
 *
 * @throws Fault `invalid_params` when it is malformed: a trail that cannot be read must not be a way round the budget
 */
export function readTrail(value: unknown, limit: number): HopTrail {
  if (value === undefined) return { budget: limit, path: [] }
  const sound =
    isObject(value) &&
    Number.isInteger(value['budget']) &&
    Array.isArray(value['path']) &&
    value['path'].length <= MAX_PATH &&
    value['path'].every(isNodeId)
  if (!sound) {
    throw new Fault(
      'invalid_params',
      `_meta["${FEDERATION}"] must be { budget: integer, path: node ids }`,
    )
  }
  const { budget, path } = value as { budget: number; path: NodeId[] }
  return { budget: Math.min(budget, limit), path }
}

/**
 * Lets a request into the node `self`.
 *
 * @throws Fault `loop` when it has been here before, `hop_budget` when it may enter no further node
 */
export function enterNode(trail: HopTrail, self: NodeId): HopTrail {
  if (trail.path.includes(self)) {
    throw new Fault(
      'loop',
      'this node has already passed the request on: the upstreams form a loop',
      {
        data: { node: self, path: trail.path },
      },
    )
  }
  if (trail.budget < 1) {
    throw new Fault('hop_budget', 'the hop budget of the request is used up', {
      data: { node: self, path: trail.path },
    })
  }
  return trail
}

/** The JSON text of a trail. Node ids have no character that would need an escape. */
export function writeTrail({ budget, path }: HopTrail): string {
  const ids = path.length === 0 ? '' : `"${path.join('","')}"`
  return `{"budget":${budget},"path":[${ids}]}`
}

/** The trail for the next hop: one node fewer to enter, this one behind. The budget never grows. */
export function nextTrail(trail: HopTrail, self: NodeId): HopTrail {
  return { budget: trail.budget - 1, path: [...trail.path, self] }
}

/** Reads the settings another node offers; undefined when it is no node, or one of another version. */
export function readSettings(capabilities: unknown): FederationSettings | undefined {
  if (!isObject(capabilities)) return undefined
  for (const holder of [capabilities['extensions'], capabilities['experimental']]) {
    const settings = isObject(holder) ? holder[FEDERATION] : undefined
    if (!isObject(settings) || settings['version'] !== FEDERATION_VERSION) continue
    const { node, organisation, name } = settings
    const uris = settings['uris'] === 'plain' ? 'plain' : 'exposed'
    if (isNodeId(node) && typeof organisation === 'string' && typeof name === 'string') {
      return { version: FEDERATION_VERSION, node, organisation, name, uris }
    }
  }
  return undefined
}
