import { Fault } from '../../../protocol/errors.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'

/** The credential a request came with. It is one: print nothing of it. */
export interface Presented {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** One scheme, one space, one token68 (RFC 6750 §2.1, RFC 9449 §7.1). */
const GRAMMAR = /^(bearer|dpop) ([A-Za-z0-9\-._~+/]+=*)$/i

/** A scheme of ours, whatever stands behind it. */
const OURS = /^(?:bearer|dpop)(?: |$)/i

/** The longest scheme with its space. */
const SCHEME_LENGTH = 'Bearer '.length

/**
 * The one credential of a request. Only this header is looked at: what stands in a query, a cookie or a body is none.
 *
 * @param lines all lines of the `Authorization` header
 * @param maxBytes of the credential
 * @throws TokenFault `missing` for none, or one of another scheme, `too_large`, `malformed`; Fault `bad_http` when
 *   two may be meant, because another reader of the request may take the other (RFC 6750 §3.1, invalid_request)
 */
export function readAuthorization(lines: readonly string[], maxBytes: number): Presented {
  const [line] = lines
  if (line === undefined) throw new TokenFault('missing', 'the request has no access token')
  if (lines.length > 1 || line.includes(',')) {
    const cause = new TokenFault('ambiguous', 'more than one credential')
    throw new Fault('bad_http', 'there must be one Authorization header with one credential', {
      cause,
    })
  }
  if (line.length > SCHEME_LENGTH + maxBytes) {
    throw new TokenFault('too_large', 'the access token is too long')
  }
  const found = GRAMMAR.exec(line)
  const [, scheme, token] = found ?? []
  if (scheme !== undefined && token !== undefined) {
    return { scheme: scheme.length === 4 ? 'dpop' : 'bearer', token }
  }
  if (OURS.test(line)) throw new TokenFault('malformed', 'the access token is malformed')
  throw new TokenFault('missing', 'the request has no access token')
}
