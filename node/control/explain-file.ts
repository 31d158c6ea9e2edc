import type { CapabilityKind } from '../../protocol/capability.ts'
import { isFor, RULE_KINDS, type RuleKind, type Selector } from '../../protocol/policy/policy.ts'
import { baseUrlOf } from '../core/config-defaults.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { Sights } from '../hop/sight.ts'
import type { AskedAbout } from './asked-about.ts'
import {
  explainAt,
  type EndpointExplainer,
  type ExplainGround,
  type Explanation,
  type Explanations,
  type Note,
  type Unlisted,
} from './explain.ts'
import { explainableOf, feeding, namesAt, type FileName } from './file-names.ts'
import { policyOf, requiredBy } from './plans.ts'

/** A question about a configuration, without any node. */
export interface FileQuestion {
  readonly asked: AskedAbout
  readonly endpoints: readonly string[]
  /** Default: all. Templates and skills go with resources. */
  readonly kinds?: readonly CapabilityKind[]
}

/** The decisions a configuration would make. */
export function groundOf(config: NodeConfig): ExplainGround {
  const [policy, required] = [policyOf(config), requiredBy(config)]
  const made = new Map(
    Object.keys(config.endpoints).map((name) => [name, new Sights(name, policy, required)]),
  )
  return { config, base: baseUrlOf(config.node), sights: (endpoint) => made.get(endpoint) }
}

/** Explains what a configuration itself names, and as `*` what it does not. */
export function explainFile(
  config: NodeConfig,
  { asked, endpoints, kinds }: FileQuestion,
): Explanations {
  const ground = groundOf(config)
  const wanted = kinds && new Set<RuleKind>(kinds.map((kind) => RULE_KINDS[kind]))
  const all = endpoints.map((endpoint) => {
    const explainer = explainAt(ground, asked, endpoint)
    const items = namesAt(config, endpoint, classesAt(explainer))
      .filter(({ kind }) => wanted?.has(kind) !== false)
      .map((name) => explanationOf(name, config, { explainer, endpoint }))
    return { items, notes: fileNotes(config, { explainer, endpoint }) }
  })
  const items = all.flatMap((one) => one.items)
  return { items, unlisted: [], notes: all.flatMap(({ notes }) => notes) }
}

/** Explains one thing, whether or not any server has it. What it says of itself is taken to be nothing. */
export function explainFileName(
  config: NodeConfig,
  { asked, endpoints, kinds = ['tool'] }: FileQuestion,
  name: string,
): Explanations {
  const ground = groundOf(config)
  const [items, unlisted, notes]: [Explanation[], Unlisted[], Note[]] = [[], [], []]
  for (const endpoint of endpoints) {
    const explainer = explainAt(ground, asked, endpoint)
    const meant = kinds.flatMap((kind) => meaningsOf(config, endpoint, { kind, name }))
    items.push(...meant.map((one) => explanationOf(one, config, { explainer, endpoint })))
    const reasons = ['it offers no namespace that this could be in']
    if (meant.length === 0) unlisted.push({ endpoint, reasons })
    else notes.push(...fileNotes(config, { explainer, endpoint }))
  }
  return { items, unlisted, notes }
}

interface Explaining {
  readonly explainer: EndpointExplainer
  readonly endpoint: string
}

function classesAt({ at }: EndpointExplainer): readonly string[] {
  return 'onlooker' in at ? at.onlooker.classes : []
}

function fileNotes(config: NodeConfig, { explainer, endpoint }: Explaining): readonly Note[] {
  const { visibility } = config
  const classes = new Set(classesAt(explainer))
  const rules = visibility === 'open' ? [] : visibility.filter((rule) => isFor(rule, classes))
  const byHints = rules.some(({ kinds }) =>
    Object.values(kinds).some(({ allow, deny }) => [...allow, ...deny].some(asksForHints)),
  )
  const note =
    'rules go by what tools say of themselves, which no file knows: tools that say nothing are meant'
  const own = explainer.notes
  return byHints ? [...own, { endpoint, note }] : own
}

function asksForHints(selector: Selector): boolean {
  return Object.keys(selector).some((field) => field !== 'name' && field !== 'tag')
}

/** What a name can stand for at an endpoint: `<namespace>__<name>`, or the name alone where there is one namespace. */
export function meaningsOf(
  config: NodeConfig,
  endpoint: string,
  { kind: given, name: text }: { readonly kind: CapabilityKind; readonly name: string },
): readonly FileName[] {
  const { names, namespaces } = config.endpoints[endpoint] ?? { namespaces: [] }
  const kind = RULE_KINDS[given]
  const [only] = namespaces
  if (names === 'plain' && only !== undefined) return [{ kind, namespace: only, name: text }]
  const [, namespace, name] = /^([A-Za-z0-9][\w-]*?)__(.+)$/s.exec(text) ?? []
  if (namespace !== undefined && name !== undefined) {
    return feeding(config, endpoint, namespace).length > 0 ? [{ kind, namespace, name }] : []
  }
  // A URI says nothing of its namespace, so it may be in each.
  if (kind !== 'resources') return []
  const known = namesAt(config, endpoint, []).map((one) => one.namespace)
  return [...new Set(known)].map((one) => ({ kind, namespace: one, name: text }))
}

function explanationOf(
  file: FileName,
  config: NodeConfig,
  { explainer, endpoint }: Explaining,
): Explanation {
  const { namespace, name: capability } = file
  const explained = explainer.explain(explainableOf(file, config, endpoint))
  const isGlob = namespace.includes('*') || capability.includes('*')
  // Which scope would do for one of many is of no use.
  const isUncovered = isGlob && explained.needs !== undefined
  const unsaid = { needs: undefined, because: 'the scopes do not cover all of it' }
  return { ...explained, namespace, capability, ...(isUncovered && unsaid) }
}
