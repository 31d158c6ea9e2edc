import type { Fault, FaultCode } from '../../../protocol/errors.ts'
import { problemOf } from '../../../protocol/token/refusals.ts'
import type { CallWatch } from '../call-watch.ts'
import type { LimitName } from '../config-limits.ts'
import { Limited } from '../meter.ts'
import type { Authenticated } from '../stages.ts'
import type { CallSpans, Tracer } from '../trace/tracer.ts'
import { CountedRun } from './counted-run.ts'
import { EndpointCounts, UpstreamCounts } from './endings.ts'
import type { Exposition } from './exposition.ts'
import { Histogram } from './histogram.ts'
import { classOf, classText, LISTEN_METHOD } from './methods.ts'
import { Tally } from './tally.ts'

/** Whose limit a code speaks of where the fault does not say. */
const LIMITS_OF_CODES: Partial<Record<FaultCode, LimitName>> = {
  body_too_large: 'bodyBytes',
  header_too_large: 'headerBytes',
  too_deep: 'jsonDepth',
  hop_budget: 'hopBudget',
}

function limitOfToken(fault: Fault): LimitName | undefined {
  const problem = problemOf(fault)
  if (problem === 'too_large') return 'tokenBytes'
  return problem === 'depth' ? 'actDepth' : undefined
}

/** What the counts are kept by. */
export interface CallCountsOptions {
  /** Whether an endpoint is configured; callers may ask for any. */
  readonly hasEndpoint: (name: string) => boolean
  /** Undefined where nothing is traced. */
  readonly tracer?: Tracer | undefined
}

/** Counts requests, and calls of upstreams, as they end. */
export class CallCounts implements CallWatch {
  readonly tokenWait: Histogram = new Histogram()
  readonly #options: CallCountsOptions
  readonly #endpoints = new Map<string, EndpointCounts>()
  readonly #upstreams = new Map<string, UpstreamCounts>()
  readonly #refusals = new Tally()
  readonly #rejections = new Tally()
  readonly #quotas = new Tally()
  readonly #limits = new Tally()
  readonly #changes = new Tally()

  constructor(options: CallCountsOptions) {
    this.#options = options
  }

  begin(call: Authenticated): void {
    const { endpoint, request, caller, scope } = call.received
    // Nobody would say when it is over.
    if (scope.ended) return
    const counts = this.#endpoint(endpoint)
    const isListen = request.method === LISTEN_METHOD
    if (!isListen) counts.inFlight += 1
    const spans: CallSpans | undefined = this.#options.tracer?.begin(call)
    const of = classOf(request.method, caller.era, scope.arrival)
    scope.run = new CountedRun({ all: this, counts, of, isListen, spans })
  }

  refused(fault: Fault, endpoint: string | undefined): void {
    const { hasEndpoint } = this.#options
    const known = endpoint !== undefined && hasEndpoint(endpoint) ? endpoint : ''
    this.#refusals.add(known, fault.code)
    const reason = problemOf(fault)
    if (reason !== undefined) this.#rejections.add(known, reason)
    this.hit(fault)
  }

  opened(endpoint: string): void {
    this.#endpoint(endpoint).sessions += 1
  }

  /** A caller of an endpoint was told of a change. */
  changed(endpoint: string, list: string): void {
    this.#changes.add(endpoint, list)
  }

  /** Counts the limit a fault speaks of, if it does. */
  hit(fault: Fault): void {
    if (fault instanceof Limited) this.#quotas.add(fault.quota)
    const limit = fault.limit ?? limitOfToken(fault) ?? LIMITS_OF_CODES[fault.code]
    if (limit !== undefined) this.#limits.add(limit)
  }

  upstream(label: string): UpstreamCounts {
    const known = this.#upstreams.get(label)
    if (known !== undefined) return known
    const counts = new UpstreamCounts()
    this.#upstreams.set(label, counts)
    return counts
  }

  /** Forgets endpoints and upstreams that are not configured any more. */
  keep(endpoints: ReadonlySet<string>, upstreams: ReadonlySet<string>): void {
    for (const name of this.#endpoints.keys()) {
      if (!endpoints.has(name)) this.#endpoints.delete(name)
    }
    for (const label of this.#upstreams.keys()) {
      if (!upstreams.has(label)) this.#upstreams.delete(label)
    }
  }

  /** Now. */
  write(out: Exposition): void {
    for (const counts of this.#endpoints.values()) writeEndpoint(out, counts)
    for (const [label, { duration, ends }] of this.#upstreams) {
      out.histogram('banyan_upstream_duration_seconds', duration, label)
      for (const [outcome, count] of ends) {
        out.set('banyan_upstream_calls_total', count, label, outcome)
      }
    }
    out.histogram('banyan_token_wait_seconds', this.tokenWait)
    const tallies = [
      ['banyan_refusals_total', this.#refusals],
      ['banyan_auth_rejections_total', this.#rejections],
      ['banyan_quota_refusals_total', this.#quotas],
      ['banyan_limit_hits_total', this.#limits],
      ['banyan_list_changed_total', this.#changes],
    ] as const
    for (const [name, tally] of tallies) {
      for (const [parts, count] of tally.entries()) out.set(name, count, ...parts)
    }
  }

  #endpoint(name: string): EndpointCounts {
    const known = this.#endpoints.get(name)
    if (known !== undefined) return known
    const counts = new EndpointCounts(name)
    this.#endpoints.set(name, counts)
    return counts
  }
}

function writeEndpoint(out: Exposition, counts: EndpointCounts): void {
  const { name, duration, own, ends } = counts
  for (const [outcome, classes] of ends) {
    for (const [of, count] of classes) {
      out.set('banyan_requests_total', count, name, ...classText(of), outcome)
    }
  }
  out.set('banyan_requests_in_flight', counts.inFlight, name)
  out.set('banyan_sessions_opened_total', counts.sessions, name)
  out.histogram('banyan_request_duration_seconds', duration, name)
  out.histogram('banyan_request_own_duration_seconds', own, name)
}
