import { performance } from 'node:perf_hooks'
import { asFault } from '../../../protocol/errors.ts'
import { writeError, writeResult } from '../../../protocol/hop-response.ts'
import { innerCall } from '../../../protocol/inner-call.ts'
import { memberOf } from '../../../protocol/json-bytes.ts'
import { readValue } from '../../../protocol/json-value.ts'
import type { RpcRequest } from '../../../protocol/jsonrpc.ts'
import { META } from '../../../protocol/meta.ts'
import { READING_HINTS, UNKNOWN_HINTS } from '../../../protocol/policy/policy.ts'
import type { MeteredSubject } from '../../../protocol/quota/quota.ts'
import { meterCall } from '../../core/meter.ts'
import { rescue } from '../../core/rescue.ts'
import type { Authenticated, Received } from '../../core/stages.ts'
import { relay, type RelayParts } from '../relay.ts'
import { describeTools } from './describe-tools.ts'
import { FINDER } from './finder-tools.ts'
import { WrongArguments } from './own-arguments.ts'
import { searchTools, type SearchParts } from './search-tools.ts'

/** What serving calls takes. */
export interface FinderParts extends RelayParts, Omit<SearchParts, 'catalogue'> {}

/** An endpoint's own tool, answered from what its caller's list would hold: the JSON text of the structured result. */
type OwnTool = (parts: FinderParts, call: Authenticated) => Promise<string>

/**
 * Serves one call. An endpoint that lists few of its tools has three to find and call the others. What `call_tool` speaks of
 * takes the place of the call before anything is looked at: so there is one way through the hop, and nothing on it can
 * tell how the call came. Never rejects.
 */
export function serveCall(parts: FinderParts, call: Authenticated): Promise<void> {
  const name = calledFinder(parts, call.received)
  if (name === undefined) return relay(parts, call)
  if (name === FINDER.search) return answer(parts, call, { name, tool: searchTools })
  if (name === FINDER.describe) return answer(parts, call, { name, tool: describeTools })
  const { received, principal } = call
  const inner = innerCall(received.request)
  if (!inner.ok) return answer(parts, call, { name, tool: wrong(inner.problem) })
  // Headers mirror what the tool that was called by name marks in its schema, and that is nothing.
  const direct: Received = { ...received, request: inner.request, mirrored: false }
  return relay(parts, { received: direct, principal })
}

/** The name of the endpoint's own tool that is called; undefined when it is none. */
function calledFinder(
  { catalogue }: FinderParts,
  { endpoint, request }: Received,
): string | undefined {
  if (request.method !== 'tools/call' || !catalogue.hasFinder(endpoint)) return undefined
  const name = request.envelope?.name ?? nameIn(request)
  return Object.values<unknown>(FINDER).includes(name) ? String(name) : undefined
}

function nameIn({ raw, paramMembers }: RpcRequest): unknown {
  const place = memberOf(paramMembers, 'name')
  return place === undefined ? undefined : readValue(raw, place)
}

/** In words of a limit: a tool without a namespace, about which everybody knows everything. */
function subjectOf(name: string): MeteredSubject {
  return { kind: 'tools', label: name, hints: name === FINDER.call ? UNKNOWN_HINTS : READING_HINTS }
}

function wrong(problem: string): OwnTool {
  return () => Promise.reject(new WrongArguments(problem))
}

interface Own {
  readonly name: string
  readonly tool: OwnTool
}

async function answer(parts: FinderParts, call: Authenticated, { name, tool }: Own): Promise<void> {
  const { received, principal } = call
  const { request, reply, scope, caller } = received
  const about = {
    received,
    principal,
    target: { kind: 'tool', name },
    startedAt: performance.now(),
  }
  try {
    const meter = parts.meter()
    if (meter !== undefined) meterCall(meter, call, { subject: subjectOf(name) })
    const text = [writeResult(request.id, await resultOf(parts, call, tool))]
    scope.finish()
    reply.finish(text)
    parts.audit?.call({ ...about, returned: { text, errorCode: undefined } })
  } catch (error) {
    const fault = asFault(error)
    scope.finish(fault)
    if (fault.code === 'internal') parts.log.error({ cause: fault.cause }, 'a call failed')
    const wire = rescue(fault, caller.era)
    reply.finish([writeError(request.id, wire)], wire.code, fault)
    parts.audit?.call({ ...about, fault })
  }
}

/** The JSON text of the result. What a model did wrong it is told as a result, for that is what models read. */
async function resultOf(parts: FinderParts, call: Authenticated, tool: OwnTool): Promise<string> {
  try {
    const structured = await tool(parts, call)
    return resultText(parts, call.received, [
      contentText(structured),
      `"structuredContent":${structured}`,
    ])
  } catch (error) {
    if (!(error instanceof WrongArguments)) throw error
    return resultText(parts, call.received, [contentText(error.message), '"isError":true'])
  }
}

function contentText(text: string): string {
  return `"content":[{"type":"text","text":${JSON.stringify(text)}}]`
}

function resultText(
  { serverInfo }: FinderParts,
  { caller }: Received,
  members: readonly string[],
): string {
  const modern =
    caller.era === '2026'
      ? ['"resultType":"complete"', `"_meta":{"${META.serverInfo}":${serverInfo}}`]
      : []
  return `{${[...members, ...modern].join(',')}}`
}
