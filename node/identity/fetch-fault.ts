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

/**
 * Something could not be fetched. The message names the host and the reason, for the operator: nothing of the path or
 * query, where secrets may stand, and nothing that the other side wrote.
 */
export class FetchFault extends Fault {
  override readonly name: string = 'FetchFault'
  readonly problem: FetchProblem

  /** @param reason words of our own */
  constructor(problem: FetchProblem, host: string, reason: string) {
    super(CODES[problem], `${host}: ${reason}`)
    this.problem = problem
  }
}
