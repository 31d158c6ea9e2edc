// Requests of callers as the hop gets them, made the way a body is read.
import { UNKNOWN_HINTS } from '../../../protocol/policy/policy.ts'
import { CallScope } from '../../../node/core/call-scope.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import type { Caller, Candidate, Reply, Visible } from '../../../node/core/stages.ts'
import { see } from '../../../node/hop/resolve.ts'
import { targetOf } from '../../../node/hop/target.ts'
import { NO_CAPABILITIES } from '../../../protocol/client-capabilities.ts'
import type { HopTrail } from '../../../protocol/federation.ts'
import { readBody, type RpcRequest } from '../../../protocol/jsonrpc.ts'

/** A request in the text of a body. */
export function requestOf(method: string, params: object | string): RpcRequest {
  const written = typeof params === 'string' ? params : JSON.stringify(params)
  const text = `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method)},"params":${written}}`
  const body = readBody(Buffer.from(text), { jsonDepth: 32, metaBytes: 10_000 })
  if (body.batch || body.message.kind !== 'request') throw new Error('no request')
  return body.message
}

/** A reply that nobody reads. */
export const NO_REPLY: Reply = {
  notify: () => true,
  onDrain: () => undefined,
  finish: () => undefined,
  ask: () => ({ cancel: () => undefined }),
}

export const LIMITS = { nameBytes: 256, uriBytes: 8_192 }

/** What differs from a call of `docs__a` by a 2025 caller who declares nothing. */
export interface CallPlan {
  readonly method?: string
  readonly params?: object
  /** The same as text. */
  readonly text?: string
  readonly endpoint?: string
  readonly principal?: Principal
  readonly caller?: Partial<Caller>
  readonly trail?: HopTrail
  readonly reply?: Reply
  readonly candidates?: readonly [Candidate, ...Candidate[]]
}

const DEFAULT_CALLER: Caller = {
  era: '2025',
  revision: '2025-11-25',
  session: undefined,
  capabilities: NO_CAPABILITIES,
  logLevel: undefined,
}

/** A call that has come as far as `visible`. */
export function visible(plan: CallPlan = {}): Visible {
  const { method = 'tools/call', params = { name: 'docs__a' }, endpoint = 'main' } = plan
  const request = requestOf(method, plan.text ?? params)
  const target = targetOf(request, LIMITS)
  const received = {
    endpoint,
    caller: { ...DEFAULT_CALLER, ...plan.caller },
    request,
    trail: plan.trail ?? { budget: 8, path: [] },
    header: () => undefined,
    mirrored: false,
    reply: plan.reply ?? NO_REPLY,
    scope: new CallScope(),
  }
  const entry = {
    kind: target.kind === 'task' ? ('tool' as const) : target.kind,
    name: target.name,
    id: { organisation: 'acme', node: 'x', namespace: 'docs', name: 'a' },
    source: 'files',
    namespace: 'docs',
    paramHeaders: [],
    hints: UNKNOWN_HINTS,
    candidates: plan.candidates ?? ([{ upstream: 'files', name: 'a', imported: false }] as const),
  }
  const open = { catalogue: { sightOf: () => undefined } }
  return see(open, { received, principal: plan.principal ?? LOCAL_CALLER, entry, target })
}
