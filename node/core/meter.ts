import { Fault } from '../../protocol/errors.ts'
import type { MeteredSubject } from '../../protocol/quota/quota.ts'
import type { Principal } from './principal.ts'
import type { Authenticated } from './stages.ts'

/** One request that is counted. */
export interface MeteredRequest {
  readonly principal: Principal
  readonly endpoint: string
  readonly method: string
  /** What it is about; undefined where it is about nothing its caller can see. */
  readonly subject?: MeteredSubject | undefined
  /** It goes on with a call that was counted when it began. */
  readonly resumes?: boolean
}

/** What a request has taken. */
export interface Lease {
  /** Header names and values in turn that tell its caller what is left. */
  readonly headers: readonly string[]
  /** Whether it took a place. */
  readonly holds: boolean
  /** Gives back the places it took; however often it is called, once. */
  release(): void
}

/** Counts requests. Synchronous, so that what was checked is what is taken. */
export interface Meter {
  /**
   * Refuses whoever has no request left of any kind, and takes nothing.
   *
   * @throws Limited
   */
  check(request: MeteredRequest): void
  /**
   * Takes one of every limit that is about the request, or nothing of any; undefined where none is.
   *
   * @throws Limited
   */
  take(request: MeteredRequest): Lease | undefined
}

/** The meter that holds now; undefined where nothing is limited, so that nothing is paid for it. */
export type CurrentMeter = () => Meter | undefined

/** A limit is used up. */
export class Limited extends Fault {
  /** Name of the limit. */
  readonly quota: string
  /** Header names and values in turn. */
  readonly headers: readonly string[]

  constructor(
    message: string,
    facts: {
      readonly quota: string
      readonly headers: readonly string[]
      readonly data: Readonly<Record<string, unknown>>
    },
  ) {
    super('limited', message, { data: facts.data })
    this.quota = facts.quota
    this.headers = facts.headers
  }
}

const NO_HEADERS: readonly string[] = []

/** What a refusal says in headers when to come again; none for any other fault. */
export function limitHeaders(fault: Fault | undefined): readonly string[] {
  return fault instanceof Limited ? fault.headers : NO_HEADERS
}

/**
 * Counts one call, and gives back what it took when the call is over.
 *
 * @throws Limited
 */
export function meterCall(
  meter: Meter,
  { received, principal }: Authenticated,
  about: Pick<MeteredRequest, 'subject' | 'resumes'> = {},
): void {
  const { endpoint, request, reply, scope } = received
  const lease = meter.take({ principal, endpoint, method: request.method, ...about })
  if (lease === undefined) return
  reply.tell?.(lease.headers)
  if (lease.holds) scope.onEnd(() => lease.release())
}
