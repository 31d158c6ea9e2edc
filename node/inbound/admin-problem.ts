import { STATUS_CODES } from 'node:http'
import type { Fault } from '../../protocol/errors.ts'
import { refusalStatus } from '../core/rescue.ts'

/** What went wrong, for operators (RFC 9457). */
export interface Problem {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: object
}

export const PROBLEM_TYPE = 'application/problem+json'

/** Facts of a fault that operators are told. */
const TOLD = ['problems', 'parameter'] as const

/** A fault as a problem. What is wrong inside is in the log alone. */
export function problemOf(fault: Fault): Problem {
  const { code, message, data = {} } = fault
  const status = refusalStatus(fault)
  const facts = TOLD.flatMap((name) => (data[name] === undefined ? [] : [[name, data[name]]]))
  return {
    status,
    headers: headersOf(fault),
    body: {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: message,
      code,
      ...Object.fromEntries(facts),
    },
  }
}

function headersOf({ code, data }: Fault): readonly string[] {
  if (code === 'unauthenticated') return ['www-authenticate', 'Bearer realm="banyan admin"']
  if (code === 'http_method' && typeof data?.['allow'] === 'string') return ['allow', data['allow']]
  // What is left of a body nobody reads would be taken for the next request.
  return code === 'body_too_large' ? ['connection', 'close'] : []
}
