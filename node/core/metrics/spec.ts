/** One metric: what it counts, and what tells its series apart. */
export interface MetricSpec {
  /** `counter`: only ever grows, until the node starts anew or what it counts is configured anew. Durations are seconds. */
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One line; with its unit where the name has none. */
  readonly help: string
  /** In the order samples give them. */
  readonly labels: readonly LabelName[]
}

/** What series may be told apart by, and what bounds how many there are. Never who calls, what, or in which session. */
export const LABELS = {
  code: 'Fault codes, a closed list.',
  decision: '`issued`, `refused`, `revoked`, `told`.',
  direction: '`in`, `out`.',
  end: 'Whether this node opened the link: `up` to an upstream, `down` from a node below.',
  endpoint: 'Endpoints of the configuration; empty where there is none of that name.',
  era: '`2025`, `2026`; empty where it is not known.',
  event: 'Kinds of events of the mesh, a closed list.',
  fate: 'What becomes of a span: `sent`, `dropped` (the queue was full), `failed` (the collector did not take it).',
  kind: 'Kinds of what is counted: of upstreams, capabilities, streams, or token requests; closed lists.',
  limit: 'Limits of LIMITS.md, and `concurrency` of upstreams.',
  list: '`tools`, `prompts`, `resources`.',
  method: 'Methods of MCP; `other` for those nobody has.',
  name: 'Upstreams (`up`) and endpoints (`down`) of the configuration.',
  organisation: 'The one of this node.',
  outcome: '`ok`, `upstream_error` (a JSON-RPC error of the upstream), or a fault code.',
  phase: 'Of the node: `starting`, `ready`, `draining`.',
  quota: 'Quotas of the configuration.',
  reason: 'Why a token was refused, a closed list; empty where it was not.',
  runtime: 'The version of Node.js.',
  state: 'Closed lists of states; the series of the one that holds is 1, those of the others 0.',
  transport: '`http`, `websocket`, `stdio`; empty where it is not known.',
  unit: '`bytes`, `milliseconds`, `count`.',
  upstream: 'Upstreams of the configuration.',
  verdict: 'What a check of origin may say, a closed list.',
  version: 'The one of this node.',
} as const

export type LabelName = keyof typeof LABELS
