import { importedNamespace } from '../../protocol/names.ts'
import type { NodeUpstream } from './config-types.ts'

/** Globs that cover every name a node upstream can import. */
export function importedGlobs(label: string, upstream: NodeUpstream): readonly string[] {
  return upstream.node.import.map((glob) => importedNamespace(upstream.node.as, label, glob))
}
