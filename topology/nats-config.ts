import { isNodeId, type NodeId } from '../protocol/federation.ts'
import { permissionsOf } from './subjects.ts'

/** A node at the bus, and the public key it proves itself with there. */
export interface NatsUser {
  readonly node: NodeId
  /** Public user nkey (`U…`). */
  readonly nkey: string
  /** Whether it speaks for its organisation to others. Default: not. */
  readonly border?: boolean | undefined
}

/**
 * The part of a NATS server's configuration that lets each node speak for itself only, and read only its own replies.
 *
 * @throws RangeError when an organisation, node or key is none
 */
export function nkeyConfig(organisation: string, users: readonly NatsUser[]): string {
  const entries = users.map(({ node, nkey, border }) => {
    if (!isNodeId(node)) throw new RangeError('no node id')
    if (!/^U[A-Z2-7]{55}$/.test(nkey)) throw new RangeError('no public user nkey')
    const permissions = JSON.stringify(permissionsOf(organisation, node, border), null, 2)
    const inner = permissions.replaceAll('\n', '\n      ')
    return `    # ${node}\n    {\n      nkey: ${nkey}\n      permissions: ${inner}\n    }\n`
  })
  return `authorization {\n  users: [\n${entries.join('')}  ]\n}\n`
}

/** What a scoped signing key lets the users it signs do: each is named by the id of its node (JWT template). */
export function scopedPermissions(organisation: string): {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
} {
  // No node has this id, so that what stands in its place is the template and nothing else.
  const stand = 'x'.repeat(64)
  const { publish, subscribe } = permissionsOf(organisation, stand)
  const named = (text: string): string => text.replaceAll(stand, '{{name()}}')
  return { publish: publish.allow.map(named), subscribe: subscribe.allow.map(named) }
}

/** Commands of `nsc` that make a scoped signing key for nodes, and a user for each of some. */
export function scopedCommands(organisation: string, nodes: readonly NodeId[]): string {
  const { publish, subscribe } = scopedPermissions(organisation)
  const lines = [
    `nsc edit signing-key --account ${organisation} --role banyan-node --sk generate \\`,
    `  --allow-pub '${publish.join(',')}' \\`,
    `  --allow-sub '${subscribe.join(',')}' \\`,
    '  --allow-pub-response=1',
    ...nodes.flatMap((node) => {
      if (!isNodeId(node)) throw new RangeError('no node id')
      return [
        `nsc add user --account ${organisation} --name ${node} -K banyan-node`,
        `nsc generate creds --account ${organisation} --name ${node} > ${node}.creds`,
      ]
    }),
  ]
  return `${lines.join('\n')}\n`
}
