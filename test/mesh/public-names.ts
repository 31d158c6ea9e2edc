// Organisations in a chain in which callers keep their names on the way.
import type { RunningNode } from '../../node/main/running-node.ts'
import { trustIn as trust } from './organisations.ts'

const FX = { 'ns:fx': ['ns:fx'] }

/** The configuration of a node that is an organisation. */
export function configOf(name: string, parts: object): object {
  const node = { name, organisation: name, listen: '127.0.0.1:0', state: 'memory' }
  return { node, issuer: {}, endpoints: { main: { namespaces: ['*'], auth: {} } }, ...parts }
}

/** An upstream in another organisation; its namespaces and the callers keep their names. */
export function across({ url }: RunningNode): object {
  const auth = { mode: 'chain', issuer: url, subject: 'public', scopes: { map: FX } }
  return { node: { url: `${url}/mcp/main`, as: '{namespace}' }, auth }
}

/** What one organisation believes of another. */
export function trustIn(
  caller: RunningNode,
  callee: RunningNode,
  transit: readonly string[],
): object {
  return trust(caller, callee, { subjects: { mode: 'public', anonymous: true }, transit })
}
