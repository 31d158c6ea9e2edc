import { Fault } from '../../protocol/errors.ts'
import { mirrorArguments } from '../../protocol/headers.ts'
import { writeHopRequest } from '../../protocol/hop-request.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import { nextId } from '../outbound/ask.ts'
import type { Connection, OutFrame } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'
import { Flight } from './flight.ts'

/**
 * Sends a delegated call over its link. The promise gives the answer for the caller, or rejects with the Fault that
 * ended the call without one.
 *
 * @throws Fault `overloaded`
 */
export function forward(
  upstream: Upstream,
  delegated: Delegated,
  serverInfo: string,
): Promise<Returned> {
  const { link, concurrency } = upstream
  if (link.inFlight >= concurrency) {
    throw new Fault('overloaded', `upstream "${link.label}" has ${concurrency} calls in flight`)
  }
  return Flight.fly({ delegated, upstream, serverInfo, frame: frameFor })
}

const NO_HEADERS: readonly string[] = []

/** The call as this connection's upstream gets it, under an id that is used once. */
function frameFor(
  { received, entry, candidate, onward }: Delegated,
  connection: Connection,
): OutFrame {
  const id = nextId()
  const { request } = received
  const { name } = candidate
  const traceparent = received.header('traceparent')
  const body = writeHopRequest(
    { source: request, id, name, trail: onward, traceparent },
    connection.meta,
  )
  const headers =
    entry.paramHeaders.length === 0
      ? NO_HEADERS
      : mirrorArguments(entry.paramHeaders, request.param('arguments'))
  return { id, method: request.method, name, headers, body }
}
