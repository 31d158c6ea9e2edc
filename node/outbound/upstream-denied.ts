import { Fault } from '../../protocol/errors.ts'
import { readResourceChallenges } from '../../protocol/token/challenge.ts'
import type { ResponseHeaders } from './http-target.ts'

/**
 * The upstream refused the request for want of authorization (401 or 403). Its own words, challenges above all, go no
 * further: what the caller is told of it is for the hop to say.
 */
export class UpstreamDenied extends Fault {
  override readonly name: string = 'UpstreamDenied'
  /** What it asks for, in its own names; empty when it does not say. Never for a caller. */
  readonly scopes: readonly string[]

  constructor(status: number, scopes: readonly string[]) {
    const text = `the upstream refused the credentials of this node (HTTP ${status})`
    super('upstream_unavailable', text, { data: { status } })
    this.scopes = scopes
  }
}

/** Whether a status is such a refusal. */
export function isDenial(status: number): boolean {
  return status === 401 || status === 403
}

/** The scopes a challenge asks for (RFC 6750 §3). */
export function scopesAskedFor(headers: ResponseHeaders): readonly string[] {
  const text = headers['www-authenticate']
  if (text === undefined) return []
  const challenges = readResourceChallenges(typeof text === 'string' ? text : text.join(', '))
  return challenges.flatMap(({ scopes }) => scopes ?? [])
}
