import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import type { Entry } from '../core/stages.ts'
import type { AskedAbout } from './asked-about.ts'
import { explainAt } from './explain.ts'
import { subjectOf, type NamedGround } from './explain-named.ts'
import { entriesOf } from './explain-live.ts'
import type { ProbeReport } from './probe-answer.ts'
import { probeWay, type ProbeAsking, type ProbeGround } from './probe-way.ts'
import { whyUnlisted } from './unlisted.ts'

/** What an operator asks about the way of a call. */
export interface ProbeQuestion {
  readonly name: string
  /** The first that has it counts. */
  readonly endpoints: readonly string[]
  /** Default: all. */
  readonly kinds?: readonly CapabilityKind[]
  /** Whose call it would be; default: that of somebody who sees all this node has. */
  readonly asked?: AskedAbout | undefined
}

/** Follows the way a call of something takes, for an operator. Never rejects. */
export async function probeNamed(
  ground: NamedGround & ProbeGround,
  { name, endpoints, kinds = CAPABILITY_KINDS, asked }: ProbeQuestion,
): Promise<ProbeReport> {
  const { registry, config } = ground
  const found = endpoints.flatMap((endpoint) =>
    kinds.flatMap((kind) =>
      entriesOf(registry.catalogue, { endpoint, kind }, { name }).map((entry) => ({
        endpoint,
        entry,
      })),
    ),
  )
  const [first] = found
  if (first === undefined) {
    const reasons = endpoints.flatMap((endpoint) => whyUnlisted(registry, endpoint, name).reasons)
    return { end: 'unknown', problem: [...new Set(reasons)].join('; '), hops: [], notes: [] }
  }
  const { endpoint, entry } = first
  const trail = { budget: config.limits.hopBudget, path: [] }
  const asking: ProbeAsking = { endpoint, trail, ...somebody(ground, endpoint, asked) }
  const answer = await probeWay(ground, asking, entry)
  return { ...answer, endpoint, kind: entry.kind, notes: notesOf(found) }
}

function somebody(
  ground: NamedGround,
  endpoint: string,
  asked: AskedAbout | undefined,
): Partial<ProbeAsking> {
  if (asked === undefined) return {}
  const explainer = explainAt(ground, asked, endpoint)
  const scopes = 'onlooker' in explainer.at ? explainer.at.onlooker.scopes : []
  return { explainer, whom: { subject: subjectOf(asked, ground, endpoint), scopes } }
}

/** What else goes by the name. */
function notesOf(
  found: readonly { readonly endpoint: string; readonly entry: Entry }[],
): readonly string[] {
  const others = new Set(
    found.slice(1).map(({ endpoint, entry }) => `${entry.kind} at /mcp/${endpoint}`),
  )
  const [first] = found
  others.delete(`${first?.entry.kind} at /mcp/${first?.endpoint}`)
  return others.size === 0 ? [] : [`the name is also that of: ${[...others].join(', ')}`]
}
