import { Fault } from '../../protocol/errors.ts'
import { checkMirrored, refuseAmbiguous } from '../../protocol/headers.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import type { Authenticated, Received, Resolved, ToolEntry, Visible } from '../core/stages.ts'
import type { Catalogue } from './catalogue.ts'

/** What a hidden tool and one that never was both get: nothing tells them apart. */
function unknownTool(name: string): Fault {
  return new Fault('unknown_tool', `unknown tool: ${name}`, { data: { name } })
}

function tooFar(name: string): Fault {
  return new Fault('hop_budget', `the hop budget does not reach the tool: ${name}`, {
    data: { name },
  })
}

/**
 * Finds the tool a call names, and holds its mirrored headers against the arguments: only here is its schema known.
 *
 * @throws Fault `unknown_tool`, `hop_budget`, `invalid_params`, `header_mismatch`, `duplicate_member`
 */
export function resolve(
  catalogue: Catalogue,
  authenticated: Authenticated,
  nameBytes: number,
): Resolved {
  const { received, principal } = authenticated
  const { request } = received
  const name = request.param('name')
  if (typeof name !== 'string' || name === '') {
    throw new Fault('invalid_params', 'params.name must be the name of a tool')
  }
  if (Buffer.byteLength(name) > nameBytes) {
    throw new Fault('invalid_params', `params.name is longer than ${nameBytes} bytes`)
  }
  const entry = catalogue.find(received.endpoint, name)
  if (entry === undefined) {
    if (catalogue.view(received.endpoint).outOfReach.has(name)) throw tooFar(name)
    throw unknownTool(name)
  }
  if (entry.paramHeaders.length > 0) checkParams(entry, received)
  return { received, principal, entry }
}

function checkParams({ paramHeaders }: ToolEntry, { request, mirrored, header }: Received): void {
  const place = memberOf(request.paramMembers, 'arguments')
  if (place !== undefined) refuseAmbiguous(paramHeaders, request.raw, place.start)
  if (mirrored) checkMirrored(paramHeaders, request.param('arguments'), header)
}

/**
 * The view's decision for one call. A node on loopback without authentication shows every caller all an endpoint holds,
 * so what resolves is visible; the list is made of the same entries.
 */
export function see(resolved: Resolved): Visible {
  return resolved as Visible
}
