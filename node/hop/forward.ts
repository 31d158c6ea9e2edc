import { Fault } from '../../protocol/errors.ts'
import { mirrorArguments } from '../../protocol/headers.ts'
import { writeHopRequest } from '../../protocol/hop-request.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import { nextId } from '../outbound/ask.ts'
import type { Connection, OutFrame } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'
import { Flight, type Failure } from './flight.ts'

/**
 * Sends a delegated call over its link and waits for the answer. A call the upstream did not take, because the
 * connection was gone or its session had ended, is sent once more on a new connection; one it may have taken never is.
 *
 * @throws Fault what ended the call without an answer
 */
export async function forward(
  upstream: Upstream,
  delegated: Delegated,
  serverInfo: string,
): Promise<Returned> {
  const { link, concurrency } = upstream
  if (link.inFlight >= concurrency) {
    throw new Fault('overloaded', `upstream "${link.label}" has ${concurrency} calls in flight`)
  }
  const leave = link.enter()
  try {
    const first = await attempt(upstream, delegated, serverInfo)
    if ('text' in first) return first
    if (!first.unsent || delegated.received.scope.ended) throw first.fault
    const second = await attempt(upstream, delegated, serverInfo)
    if ('text' in second) return second
    throw second.fault
  } finally {
    leave()
  }
}

async function attempt(
  upstream: Upstream,
  delegated: Delegated,
  serverInfo: string,
): Promise<Returned | Failure> {
  const { link } = upstream
  const { context, received } = delegated
  const connection = link.current(context) ?? (await link.connection(context))
  if (received.scope.reason !== undefined) {
    return { fault: received.scope.reason, unsent: false }
  }
  return Flight.fly(connection, frameFor(delegated, connection), {
    delegated,
    upstream,
    serverInfo,
  })
}

function frameFor(
  { received, entry, candidate, onward }: Delegated,
  connection: Connection,
): OutFrame {
  const id = nextId()
  const { request } = received
  const { name } = candidate
  const body = writeHopRequest(
    { source: request, id, name, trail: onward, traceparent: received.header('traceparent') },
    connection.meta,
  )
  const headers =
    entry.paramHeaders.length === 0
      ? NO_HEADERS
      : mirrorArguments(entry.paramHeaders, request.params['arguments'])
  return { id, method: request.method, name, headers, body }
}

const NO_HEADERS: readonly string[] = []
