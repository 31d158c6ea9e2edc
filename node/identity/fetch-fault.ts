import { Fault, type FaultCode } from '../../protocol/errors.ts'

/** Why nothing was fetched. Closed, for metrics and audit. */
export type FetchProblem =
  | 'url'
  | 'address'
  | 'network'
  | 'timeout'
  | 'aborted'
  | 'redirect'
  | 'status'
  | 'encoding'
  | 'content_type'
  | 'too_large'
  | 'json'
  | 'document'

const CODES: Readonly<Record<FetchProblem, FaultCode>> = {
  url: 'upstream_unavailable',
  address: 'upstream_unavailable',
  network: 'upstream_unavailable',
  timeout: 'upstream_timeout',
  aborted: 'cancelled',
  redirect: 'upstream_protocol',
  status: 'upstream_protocol',
  encoding: 'upstream_protocol',
  content_type: 'upstream_protocol',
  too_large: 'upstream_protocol',
  json: 'upstream_protocol',
  document: 'upstream_protocol',
}

/** When it is worth to try again after a fault, ms; undefined where it does not say. */
export function retryAfterMsOf({ data }: Fault): number | undefined {
  const found: unknown = data?.['retryAfterMs']
  return typeof found === 'number' ? found : undefined
}

/**
 * Something could not be fetched. The message names the host and the reason, for the operator: nothing of the path or
 * query, where secrets may stand, and nothing that the other side wrote.
 */
export class FetchFault extends Fault {
  override readonly name: string = 'FetchFault'
  readonly problem: FetchProblem
  readonly #host: string
  readonly #reason: string

  /**
   * @param reason words of our own
   * @param retryAfterMs when it is worth to try again, ms; absent where nobody knows
   */
  constructor(problem: FetchProblem, host: string, reason: string, retryAfterMs?: number) {
    const data = retryAfterMs === undefined ? {} : { data: { retryAfterMs } }
    super(CODES[problem], `${host}: ${reason}`, data)
    this.problem = problem
    this.#host = host
    this.#reason = reason
  }

  /** When it is worth to try again, ms from when it was thrown; undefined where nobody knows. */
  get retryAfterMs(): number | undefined {
    return retryAfterMsOf(this)
  }

  /** The same, for whoever hears of it later or knows better when to try again. */
  after(retryAfterMs: number): FetchFault {
    return new FetchFault(this.problem, this.#host, this.#reason, retryAfterMs)
  }
}
