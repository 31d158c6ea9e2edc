import type { CapabilityKind } from '../../protocol/capability.ts'
import type { ToolId } from '../../protocol/names.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Decided, Reason, Sights } from '../hop/sight.ts'
import { atEndpoint, type AskedAbout, type AtEndpoint } from './asked-about.ts'

/** What a decision was made at: `caller` where it is nobody there, `open` where nothing hides anything. */
export type ExplainedLevel = Reason['level'] | 'caller'

/** A rule, by its index in `visibility`. */
export interface RuleReport {
  readonly index: number
  /** `file:line`; absent where the configuration is from no file. */
  readonly place?: string | undefined
}

/** Something to explain. */
export interface Explainable {
  readonly entry: Decided & {
    /** As callers of the endpoint know it. */
    readonly name: string
    /** The one era whose callers can use it; undefined when all can. */
    readonly only?: Era | undefined
  }
  /** Where it lives; absent where that is not known. */
  readonly origin?: ToolId | undefined
}

/** Whether somebody sees something at an endpoint, and why. */
export interface Explanation {
  readonly endpoint: string
  readonly kind: CapabilityKind
  readonly name: string
  readonly namespace: string
  /** Name, URI or URI template, as the namespace has it. */
  readonly capability: string
  readonly visible: boolean
  readonly level: ExplainedLevel
  /** The rule that decided; absent where none did. */
  readonly rule?: RuleReport | undefined
  /** The scopes that would do. */
  readonly needs?: readonly string[] | undefined
  /** All of it in words. */
  readonly because: string
  /** The node that decided, `organisation/name`: of several that hide it, the nearest. */
  readonly hop: string
  readonly only?: Era | undefined
  /** Labels of the upstreams that lead to it, the preferred one first. */
  readonly upstreams: readonly string[]
  readonly origin?: ToolId | undefined
  /** What the nodes behind decide for their part, the next one first; absent where none was asked, or none says. */
  readonly beyond?: readonly HopDecision[] | undefined
}

/** What one node decides for its part. */
export type HopDecision = Pick<
  Explanation,
  'endpoint' | 'visible' | 'level' | 'rule' | 'needs' | 'because' | 'hop'
>

/** Why an endpoint has nothing of a name, as far as the node can tell. */
export interface Unlisted {
  readonly endpoint: string
  readonly reasons: readonly string[]
}

/** Something to know about all answers for an endpoint. */
export interface Note {
  readonly endpoint: string
  readonly note: string
}

/** The answers to one question. */
export interface Explanations {
  readonly items: readonly Explanation[]
  /** Endpoints that have nothing of the name that was asked for. */
  readonly unlisted: readonly Unlisted[]
  readonly notes: readonly Note[]
}

/** What explanations are made from. */
export interface ExplainGround {
  readonly config: NodeConfig
  /** Base URL of the node; undefined while its port is not known. */
  readonly base: string | undefined
  /** The decisions of an endpoint: those of the node that runs, or made from a file. */
  readonly sights: (endpoint: string) => Sights | undefined
}

/** Explains what one somebody sees at one endpoint. */
export interface EndpointExplainer {
  readonly at: AtEndpoint
  /** What there is to know about all its answers. */
  readonly notes: readonly Note[]
  explain(item: Explainable): Explanation
}

/**
 * Prepares explanations of what somebody sees at an endpoint. They are the decisions of that endpoint's {@link Sights},
 * never decided here.
 */
export function explainAt(
  ground: ExplainGround,
  asked: AskedAbout,
  endpoint: string,
): EndpointExplainer {
  const { config, base } = ground
  const decisions = ground.sights(endpoint)
  const at: AtEndpoint =
    decisions === undefined
      ? { refused: 'there is no such endpoint' }
      : atEndpoint(asked, { endpoint, sights: decisions, config, base })
  return explainerOf(ground, at, endpoint)
}

/** The same where it is settled who somebody is there. */
export function explainerOf(
  { config, sights }: ExplainGround,
  at: AtEndpoint,
  endpoint: string,
): EndpointExplainer {
  const hop = `${config.node.organisation}/${config.node.name}`
  const reasons = 'onlooker' in at ? sights(endpoint)?.reasonsFor(at.onlooker) : undefined
  const reasonOf = (entry: Decided): Explained =>
    reasons === undefined ? refusedAs(at) : inWords(reasons(entry), entry.kind, config)
  return {
    at,
    notes: notesOf(config, at, endpoint),
    explain: ({ entry, origin }) => {
      const { kind, name, namespace, id, only, candidates } = entry
      const upstreams = candidates.map(({ upstream }) => upstream)
      const what = { endpoint, kind, name, namespace, capability: id.name }
      return { ...what, ...reasonOf(entry), hop, only, upstreams, origin }
    },
  }
}

const BRIEF =
  'tools: search: tools that are visible are found and called, and most of them are not on the list'

function notesOf({ endpoints }: NodeConfig, at: AtEndpoint, endpoint: string): readonly Note[] {
  const own = 'note' in at && at.note !== undefined ? [at.note] : []
  const isBrief = (endpoints[endpoint]?.tools ?? 'all') !== 'all'
  return [...own, ...(isBrief ? [BRIEF] : [])].map((note) => ({ endpoint, note }))
}

type Explained = Pick<Explanation, 'visible' | 'level' | 'rule' | 'needs' | 'because'>

function refusedAs(at: AtEndpoint): Explained {
  const because = 'refused' in at ? at.refused : ''
  return { visible: false, level: 'caller', because }
}

function inWords(
  { visible, level, rule: index, needs }: Reason,
  kind: CapabilityKind,
  config: NodeConfig,
): Explained {
  const rule = index === undefined ? undefined : ruleOf(index, config)
  const said = { visible, level, rule, needs }
  return { ...said, because: wordsOf(said, kind) }
}

function ruleOf(index: number, { visibility }: NodeConfig): RuleReport {
  return { index, place: visibility === 'open' ? undefined : visibility[index]?.place }
}

function wordsOf(
  { visible, level, rule, needs }: Omit<Explained, 'because'>,
  kind: CapabilityKind,
): string {
  const what = level === 'capability' ? kind : level
  if (rule !== undefined) {
    const named = rule.place ?? `visibility[${rule.index}]`
    return visible ? `${named} allows it` : `${named} denies the ${what}`
  }
  if (level === 'open') return 'visibility is open'
  if (level !== 'scopes') return `no rule allows the ${what}`
  if (visible) return 'visibility is open, and the scopes cover it'
  const hint = needs === undefined ? '' : `: ${needs.join(' ')} would`
  return `the scopes do not cover it${hint}`
}
