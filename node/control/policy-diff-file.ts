import type { NodeConfig } from '../core/config-types.ts'
import type { Explainable } from './explain.ts'
import { groundOf } from './explain-file.ts'
import { explainableOf, feeding, namesAt, type FileName } from './file-names.ts'
import { diffPolicies, type DiffSide, type PolicyDiff } from './policy-diff.ts'
import { Slices } from './slices.ts'

/** Compares two configurations over what both of them name themselves: nothing is known of what servers have. */
export function diffFiles(
  before: NodeConfig,
  after: NodeConfig,
  limit: number,
): Promise<PolicyDiff> {
  const names = (endpoint: string): readonly FileName[] =>
    [before, after].flatMap((config) => namesAt(config, endpoint, everyClass(config)))
  const side = (config: NodeConfig): DiffSide => ({
    ground: groundOf(config),
    items: (endpoint) => itemsOf(config, endpoint, names(endpoint)),
  })
  const plan = { before: side(before), after: side(after), limit }
  return diffPolicies(plan, new Slices(new AbortController().signal))
}

function everyClass({ clients }: NodeConfig): readonly string[] {
  return Object.keys(clients)
}

function itemsOf(
  config: NodeConfig,
  endpoint: string,
  names: readonly FileName[],
): readonly Explainable[] {
  const offered = names.filter(({ namespace }) => feeding(config, endpoint, namespace).length > 0)
  const items = offered.map((name) => explainableOf(name, config, endpoint))
  return [...new Map(items.map((item) => [`${item.entry.kind} ${item.entry.name}`, item])).values()]
}
