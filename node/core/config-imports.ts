import { globsOverlap } from '../../protocol/glob.ts'
import { importedNamespace } from '../../protocol/names.ts'
import type { NodeConfig, NodeUpstream } from './config-types.ts'

/** Globs that cover every name a node upstream can import. */
export function importedGlobs(label: string, upstream: NodeUpstream): readonly string[] {
  return upstream.node.import.map((glob) => importedNamespace(upstream.node.as, label, glob))
}

/** What an endpoint can ever offer, as globs: own namespaces by name, imported ones by what can be imported. */
export function offersOf(config: NodeConfig, patterns: readonly string[]): readonly string[] {
  const imported = Object.entries(config.upstreams).flatMap(([label, upstream]) =>
    upstream.kind === 'node' ? importedGlobs(label, upstream) : [],
  )
  const all = [...Object.keys(config.namespaces), ...imported]
  return all.filter((name) => patterns.some((pattern) => globsOverlap(pattern, name)))
}
