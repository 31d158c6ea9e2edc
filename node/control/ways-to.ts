import { matchesGlob } from '../../protocol/glob.ts'
import { exportedNamespace } from '../../protocol/names.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { meaningsOf } from './explain-file.ts'
import { feeding } from './file-names.ts'
import type { HopQuestion } from './hop-question.ts'

type Named = Omit<HopQuestion, 'whom'>

/** A node that may have what this one does not list, and what it is called there. */
export interface Way {
  readonly label: string
  /** Its namespace here; undefined where nothing says in which it is. */
  readonly namespace: string | undefined
  readonly question: HopQuestion
}

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:/

/** The nodes an endpoint imports from that may have something of that name, and hide it. */
export function waysTo(config: NodeConfig, endpoint: string, named: Named): readonly Way[] {
  const { name, namespace, kind } = named
  if (namespace === undefined && URI.test(name)) return anywhere(config, endpoint, named)
  const meant =
    namespace === undefined
      ? meaningsOf(config, endpoint, { kind: kind ?? 'tool', name })
      : [{ namespace, name }]
  return meant.flatMap((one) => {
    const { namespace: here, name: called } = one
    return waysOver(config, endpoint, { namespace: here, name: called, kind })
  })
}

/** A URI is the same everywhere, and says nothing of its namespace. */
function anywhere(config: NodeConfig, endpoint: string, question: Named): readonly Way[] {
  const labels = feeding(config, endpoint, '*')
  return labels
    .filter((label) => config.upstreams[label]?.kind === 'node')
    .map((label) => ({ label, namespace: undefined, question }))
}

function waysOver(
  config: NodeConfig,
  endpoint: string,
  { namespace, name, kind }: Named & { readonly namespace: string },
): readonly Way[] {
  return feeding(config, endpoint, namespace).flatMap((label) => {
    const upstream = config.upstreams[label]
    if (upstream?.kind !== 'node') return []
    const { import: globs, as } = upstream.node
    const there = exportedNamespace(as, label, namespace)
    if (there === undefined || !globs.some((glob) => matchesGlob(glob, there))) return []
    return [{ label, namespace, question: { kind, namespace: there, name } }]
  })
}
